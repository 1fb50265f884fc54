//! The system calls. All `unsafe` of the load generator is in this file.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// Longest datagram read whole.
pub const MTU: usize = 1500;
const SOCKET_BUFFER: libc::c_int = 32 * 1024 * 1024;

/// A socket that takes what is sent to any loopback address at its port. Bursts to thousands of listeners arrive at
/// one socket, so its buffer is as large as the kernel lets it be.
pub fn reading_socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_nonblocking(true)?;
    for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
        set(&socket, libc::SOL_SOCKET, option, SOCKET_BUFFER);
    }
    Ok(socket)
}

/// A wider buffer for sending; a refusal leaves the default.
pub fn widen_send_buffer(socket: &UdpSocket) {
    set(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, 4 * 1024 * 1024);
}

/// Datagrams that may not be fragmented need no number of their own (RFC 6864, section 4.1), which costs the kernel
/// less.
pub fn never_fragment(socket: &UdpSocket) {
    set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO);
}

fn set(socket: &UdpSocket, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
    // SAFETY: the value is a live c_int and its size is given. A refusal is harmless.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
}

/// Each listener may have a socket of its own; a refusal leaves the limit as it is.
pub fn open_as_many_files_as_allowed() {
    // SAFETY: a rlimit of zeroes is valid, and both calls get a live one.
    unsafe {
        let mut limit: libc::rlimit = zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

fn sockaddr(to: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(to.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// CPU time of this process, user and system, in nanoseconds.
pub fn cpu_ns() -> u64 {
    // SAFETY: a timespec of zeroes is valid, and the call fills it.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
        time
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[repr(C, align(8))]
struct Control([u8; 40]);

/// Sends from an address of our choice, as a client of its own would.
pub fn send_from(socket: &UdpSocket, from: Ipv4Addr, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
    let mut address = sockaddr(to);
    let mut control = Control([0; 40]);
    let mut vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: all pointers lead to live local values; the control buffer is aligned and large enough for one
    // in_pktinfo.
    let sent = unsafe {
        let mut header: libc::msghdr = zeroed();
        header.msg_name = (&raw mut address).cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut control).cast();
        header.msg_controllen = libc::CMSG_SPACE(size_of::<libc::in_pktinfo>() as u32) as usize;
        let item = libc::CMSG_FIRSTHDR(&header);
        (*item).cmsg_level = libc::IPPROTO_IP;
        (*item).cmsg_type = libc::IP_PKTINFO;
        (*item).cmsg_len = libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as usize;
        let information = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        libc::CMSG_DATA(item).cast::<libc::in_pktinfo>().write_unaligned(information);
        libc::sendmsg(socket.as_raw_fd(), &header, 0)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Reads datagrams in bursts from sockets that epoll names.
pub struct Reader {
    epoll: i32,
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    buffer: Vec<u8>,
}

// SAFETY: the pointers lead into the vectors beside them, which are never resized.
unsafe impl Send for Reader {}

impl Reader {
    const BURST: usize = 128;

    pub fn new(sockets: &[UdpSocket]) -> io::Result<Self> {
        // SAFETY: no pointers.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut buffer = vec![0; Self::BURST * MTU];
        let mut vectors: Vec<libc::iovec> = buffer
            .chunks_mut(MTU)
            .map(|place| libc::iovec { iov_base: place.as_mut_ptr().cast(), iov_len: MTU })
            .collect();
        // SAFETY: a plain C structure for which zero bytes are a valid value.
        let mut headers: Vec<libc::mmsghdr> = vec![unsafe { zeroed() }; Self::BURST];
        for (header, vector) in headers.iter_mut().zip(&mut vectors) {
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        let reader = Self { epoll, headers, vectors, buffer };
        for (number, socket) in sockets.iter().enumerate() {
            reader.add(socket, number)?;
        }
        Ok(reader)
    }

    /// From now on [`Reader::ready`] may name this socket, by the number.
    pub fn add(&self, socket: &UdpSocket, number: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number as u64 };
        // SAFETY: both descriptors are open and `event` lives through the call.
        if unsafe { libc::epoll_ctl(self.epoll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &mut event) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Numbers of the sockets that have something, after at most 50 ms.
    pub fn ready(&self) -> Vec<usize> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        // SAFETY: `events` has room for the 64 asked for and lives through the call.
        let count = unsafe { libc::epoll_wait(self.epoll, events.as_mut_ptr(), 64, 50) };
        events[..count.max(0) as usize].iter().map(|event| event.u64 as usize).collect()
    }

    /// Reads one burst and shows each datagram; whether there may be more.
    pub fn burst(&mut self, socket: &UdpSocket, mut each: impl FnMut(&mut [u8])) -> bool {
        debug_assert_eq!(self.vectors.len(), Self::BURST);
        // SAFETY: every header points to its own vector, which points to its own part of `buffer`; all live in self.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                Self::BURST as libc::c_uint,
                libc::MSG_DONTWAIT,
                null_mut(),
            )
        };
        let count = count.max(0) as usize;
        for number in 0..count {
            let length = (self.headers[number].msg_len as usize).min(MTU);
            each(&mut self.buffer[number * MTU..number * MTU + length]);
        }
        count == Self::BURST
    }
}

/// The leanest way to send the same bytes to many destinations: one buffer, one batch of headers that stay in the
/// cache, and per datagram only its destination is written.
pub struct Bare {
    headers: Vec<libc::mmsghdr>,
    addresses: Vec<libc::sockaddr_in>,
    vector: Box<libc::iovec>,
    control: Box<Control>,
    buffer: Vec<u8>,
    destinations: Vec<libc::sockaddr_in>,
}

const SOL_UDP: libc::c_int = 17;
const UDP_SEGMENT: libc::c_int = 103;

impl Bare {
    /// As many messages as the forwarder sends with one call.
    const BATCH: usize = 256;

    pub fn new(destinations: &[SocketAddrV4]) -> Self {
        let destinations: Vec<libc::sockaddr_in> = destinations.iter().map(|to| sockaddr(*to)).collect();
        let buffer = vec![0xFF; 4 * MTU];
        let mut vector = Box::new(libc::iovec { iov_base: buffer.as_ptr().cast_mut().cast(), iov_len: 0 });
        let mut addresses = vec![sockaddr(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)); Self::BATCH];
        // SAFETY: a plain C structure for which zero bytes are a valid value.
        let mut headers: Vec<libc::mmsghdr> = vec![unsafe { zeroed() }; Self::BATCH];
        for (header, address) in headers.iter_mut().zip(&mut addresses) {
            header.msg_hdr.msg_iov = &raw mut *vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut *address).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
        Self { headers, addresses, vector, control: Box::new(Control([0; 40])), buffer, destinations }
    }

    /// Sends `segments` datagrams of `bytes` to every destination, more than one with `UDP_SEGMENT`; returns how many
    /// datagrams the kernel took.
    pub fn send(&mut self, socket: &UdpSocket, bytes: usize, segments: usize) -> u64 {
        self.vector.iov_len = (bytes * segments).min(self.buffer.len());
        let mut length = 0;
        if segments > 1 {
            let message = &mut self.headers[0].msg_hdr;
            message.msg_control = (&raw mut *self.control).cast();
            // SAFETY: the control buffer is aligned and large enough for one u16.
            unsafe {
                length = libc::CMSG_SPACE(2) as usize;
                message.msg_controllen = length;
                let item = libc::CMSG_FIRSTHDR(message);
                (*item).cmsg_level = SOL_UDP;
                (*item).cmsg_type = UDP_SEGMENT;
                (*item).cmsg_len = libc::CMSG_LEN(2) as usize;
                libc::CMSG_DATA(item).cast::<u16>().write_unaligned(bytes as u16);
            }
        }
        for header in &mut self.headers {
            header.msg_hdr.msg_control = (&raw mut *self.control).cast();
            header.msg_hdr.msg_controllen = length;
        }
        let mut taken = 0;
        for batch in self.destinations.chunks(Self::BATCH) {
            self.addresses[..batch.len()].copy_from_slice(batch);
            let mut at = 0;
            while at < batch.len() {
                // SAFETY: the headers point to the vector, addresses and control of self; sending only reads them.
                let sent = unsafe {
                    libc::sendmmsg(
                        socket.as_raw_fd(),
                        self.headers[at..].as_mut_ptr(),
                        (batch.len() - at) as libc::c_uint,
                        libc::MSG_DONTWAIT,
                    )
                };
                if sent > 0 {
                    at += sent as usize;
                    taken += sent as u64 * segments as u64;
                } else {
                    at += 1;
                }
            }
        }
        taken
    }
}
