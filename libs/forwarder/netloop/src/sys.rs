//! The system calls. All `unsafe` of the forwarder is in this file.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

use forwarder_core::batch::{ENTRIES, Entry};
use forwarder_core::rtp::MTU;

/// Asked of the kernel, which may grant less.
const SOCKET_BUFFER: libc::c_int = 4 * 1024 * 1024;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A non-blocking counter that wakes a poller.
pub fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the result is checked and owned by nobody else.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC))?)) }
}

/// Makes the eventfd readable.
pub fn signal(fd: &OwnedFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: `one` lives through the call and has the 8 bytes an eventfd takes. A full counter is readable anyway.
    unsafe { libc::write(fd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

/// Makes it unreadable again.
pub fn clear(fd: &OwnedFd) {
    let mut count = [0u8; 8];
    // SAFETY: `count` has the 8 bytes an eventfd gives. EAGAIN means that it was clear already.
    unsafe { libc::read(fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}

/// Larger socket buffers; a refusal leaves the defaults, which work for small audiences.
pub fn widen_buffers(socket: &UdpSocket) {
    set_buffers(socket, SOCKET_BUFFER);
}

/// Asks for socket buffers of so many bytes, of which the kernel makes twice as many, within its limits.
pub fn set_buffers(socket: &impl AsRawFd, bytes: libc::c_int) {
    for option in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        set(socket, libc::SOL_SOCKET, option, bytes);
    }
}

/// Whether the kernel may cut an IPv4 datagram that is longer than its path takes. While it may not, it need not number
/// datagrams either (RFC 6864, section 4.1), which is 5 % of what a send costs.
pub fn let_fragment(socket: &UdpSocket, may: bool) {
    let way = if may { libc::IP_PMTUDISC_WANT } else { libc::IP_PMTUDISC_DO };
    set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, way);
}

/// Sets an option that may be refused without harm.
fn set(socket: &impl AsRawFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
    // SAFETY: the value is a live c_int and its size is given.
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

/// Waits until one of the descriptors can be read, at most so many microseconds, or until a signal; returns which can be
/// read.
///
/// Not `epoll`: a socket that stands in an epoll set has somebody to wake whenever the kernel has taken a datagram off
/// its hands, which costs every send 3 %.
pub fn wait<const N: usize>(descriptors: [Option<RawFd>; N], wait_us: u64) -> [bool; N] {
    // A negative number is passed over.
    let mut polled =
        descriptors.map(|fd| libc::pollfd { fd: fd.unwrap_or(-1), events: libc::POLLIN, revents: 0 });
    let timeout = libc::timespec {
        tv_sec: (wait_us / 1_000_000) as libc::time_t,
        tv_nsec: (wait_us % 1_000_000 * 1000) as libc::c_long,
    };
    // SAFETY: `polled` has N elements, `timeout` is a valid time, and both live through the call. On an error, such as
    // a signal, nothing was written.
    unsafe { libc::ppoll(polled.as_mut_ptr(), N as libc::nfds_t, &raw const timeout, null()) };
    polled.map(|polled| polled.revents != 0)
}

/// Watches descriptors, and tells which can be read.
pub struct Epoll(OwnedFd);

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked and owned by nobody else.
        unsafe { Ok(Self(OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?))) }
    }

    /// Watches a descriptor, until it is closed, under a number.
    pub fn add(&self, fd: &impl AsRawFd, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number };
        // SAFETY: both descriptors are open and `event` lives through the call.
        check(unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event)
        })?;
        Ok(())
    }

    /// Watches it no longer.
    pub fn remove(&self, fd: &impl AsRawFd) {
        // SAFETY: both descriptors are open; no event is needed.
        unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), null_mut()) };
    }

    /// The numbers of at most `N` descriptors that can be read, after at most so many milliseconds, or on a signal.
    pub fn wait<const N: usize>(&self, timeout: libc::c_int) -> impl Iterator<Item = u64> + use<N> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; N];
        // SAFETY: `events` has room for the events asked for and lives through the call.
        let count =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), N as libc::c_int, timeout) };
        events.into_iter().take(count.max(0) as usize).map(|event| event.u64)
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

const ADDRESS: libc::socklen_t = size_of::<libc::sockaddr_in6>() as libc::socklen_t;

fn write_address(to: &mut libc::sockaddr_in6, address: SocketAddr) -> libc::socklen_t {
    match address {
        SocketAddr::V4(address) => {
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_in is smaller than sockaddr_in6 and needs no stricter alignment.
            unsafe { (&raw mut *to).cast::<libc::sockaddr_in>().write(v4) };
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(address) => {
            *to = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            };
            ADDRESS
        }
    }
}

fn read_address(from: &libc::sockaddr_in6) -> Option<SocketAddr> {
    match libc::c_int::from(from.sin6_family) {
        libc::AF_INET => {
            // SAFETY: the kernel wrote a sockaddr_in, which is smaller and needs no stricter alignment.
            let v4 = unsafe { (&raw const *from).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::from((ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(from.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(from.sin6_port), 0, from.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Message headers that point into buffers on the heap, which never move while this lives.
struct Messages {
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    addresses: Box<[libc::sockaddr_in6]>,
}

// SAFETY: the pointers lead into the boxes beside them (and, during a call, into buffers of the caller); nothing is
// tied to the thread that made them.
unsafe impl Send for Messages {}

impl Messages {
    fn new(count: usize) -> Self {
        // SAFETY: all three are plain C structures for which zero bytes are a valid value.
        let (header, address): (libc::mmsghdr, libc::sockaddr_in6) = unsafe { (zeroed(), zeroed()) };
        let mut messages = Self {
            headers: vec![header; count].into_boxed_slice(),
            vectors: vec![libc::iovec { iov_base: null_mut(), iov_len: 0 }; count].into_boxed_slice(),
            addresses: vec![address; count].into_boxed_slice(),
        };
        let parts = messages.vectors.iter_mut().zip(messages.addresses.iter_mut());
        for (header, (vector, address)) in messages.headers.iter_mut().zip(parts) {
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut *address).cast();
            header.msg_hdr.msg_namelen = ADDRESS;
        }
        messages
    }
}

/// Reads datagrams in bursts.
pub struct Receiver {
    messages: Messages,
    buffer: Box<[u8]>,
}

impl Default for Receiver {
    fn default() -> Self {
        let mut messages = Messages::new(Self::BURST);
        let mut buffer = vec![0u8; Self::BURST * MTU].into_boxed_slice();
        for (vector, place) in messages.vectors.iter_mut().zip(buffer.chunks_mut(MTU)) {
            vector.iov_base = place.as_mut_ptr().cast();
            vector.iov_len = MTU;
        }
        Self { messages, buffer }
    }
}

impl Receiver {
    /// Datagrams in one burst at most.
    pub const BURST: usize = 64;

    /// Reads what is there, up to a burst; errors of the socket count as nothing there.
    pub fn receive(&mut self, socket: &UdpSocket) -> usize {
        for header in &mut self.messages.headers {
            header.msg_hdr.msg_namelen = ADDRESS;
        }
        // SAFETY: every header points to its own vector and address; the vectors partition `buffer`. All live in self.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.headers.as_mut_ptr(),
                Self::BURST as libc::c_uint,
                libc::MSG_DONTWAIT,
                null_mut(),
            )
        };
        count.max(0) as usize
    }

    /// One datagram of the last burst. A longer one than MTU was cut and will not authenticate.
    pub fn datagram(&mut self, number: usize) -> (Option<SocketAddr>, &mut [u8]) {
        let length = (self.messages.headers[number].msg_len as usize).min(MTU);
        let from = read_address(&self.messages.addresses[number]);
        (from, &mut self.buffer[number * MTU..number * MTU + length])
    }
}

/// Room for the one control message a send carries, aligned as the kernel wants it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 24]);

/// Sends batches.
pub struct Sender {
    messages: Messages,
    controls: Box<[Control]>,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            messages: Messages::new(ENTRIES),
            controls: vec![Control([0; 24]); ENTRIES].into_boxed_slice(),
        }
    }
}

impl Sender {
    /// Sends entries of a batch, whose buffer is `bytes`; returns how many datagrams the kernel did not take. It never
    /// waits: audio that is late is lost.
    pub fn send(&mut self, socket: &UdpSocket, entries: &[Entry], bytes: &[u8]) -> u64 {
        for (number, entry) in entries.iter().enumerate() {
            self.prepare(number, entry, bytes);
        }
        let (mut at, mut unsent) = (0, 0);
        while at < entries.len() {
            let sent = self.call(socket, at, entries.len());
            if sent > 0 {
                at += sent;
                continue;
            }
            match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                // A device without checksum offload takes no trains (EIO), nor does a kernel before 4.18 (EINVAL).
                _ if entries[at].datagrams() > 1 => {
                    unsent += self.singly(socket, &entries[at], bytes, at);
                    at += 1;
                }
                // Longer than the path is known to take, which hardly any audio is.
                error if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                    let_fragment(socket, true);
                    unsent += u64::from(self.call(socket, at, at + 1) == 0);
                    let_fragment(socket, false);
                    at += 1;
                }
                // The first one cannot be sent (no buffer, no route); the others may go elsewhere.
                _ => {
                    unsent += 1;
                    at += 1;
                }
            }
        }
        unsent
    }

    /// Writes the message header of an entry.
    fn prepare(&mut self, number: usize, entry: &Entry, bytes: &[u8]) {
        let length = write_address(&mut self.messages.addresses[number], entry.to);
        let bytes = &bytes[entry.start..entry.start + entry.length];
        self.messages.vectors[number] =
            libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let message = &mut self.messages.headers[number].msg_hdr;
        message.msg_namelen = length;
        if entry.length <= entry.segment {
            message.msg_controllen = 0;
            return;
        }
        message.msg_control = (&raw mut self.controls[number]).cast();
        // SAFETY: the control buffer is aligned, has the 24 bytes that CMSG_SPACE(2) says, and lives in self.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(2) as _;
            let item = libc::CMSG_FIRSTHDR(message);
            (*item).cmsg_level = libc::SOL_UDP;
            (*item).cmsg_type = libc::UDP_SEGMENT;
            (*item).cmsg_len = libc::CMSG_LEN(2) as _;
            libc::CMSG_DATA(item).cast::<u16>().write_unaligned(entry.segment as u16);
        }
    }

    /// Sends the prepared messages `first..end`; returns how many the kernel took, 0 for an error.
    fn call(&mut self, socket: &UdpSocket, first: usize, end: usize) -> usize {
        // SAFETY: these headers point to vectors, addresses and controls that `prepare` wrote; the bytes they lead to
        // belong to the batch, which the caller borrows, and sending only reads them.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.messages.headers[first..end].as_mut_ptr(),
                (end - first) as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        sent.max(0) as usize
    }

    /// Sends the datagrams of an entry one by one, with the header at `number`; returns how many were not taken.
    fn singly(&mut self, socket: &UdpSocket, entry: &Entry, bytes: &[u8], number: usize) -> u64 {
        let mut unsent = 0;
        for start in (entry.start..entry.start + entry.length).step_by(entry.segment) {
            let length = entry.segment.min(entry.start + entry.length - start);
            self.prepare(number, &Entry { start, length, ..*entry }, bytes);
            unsent += u64::from(self.call(socket, number, number + 1) == 0);
        }
        unsent
    }
}
