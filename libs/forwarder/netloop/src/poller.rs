//! What the loop waits for.

use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use crate::sys::{self, Epoll};
use crate::tcp::Tcp;

const SOCKET: u64 = 0;
const COMMANDS: u64 = 1;
const TCP: u64 = 2;

/// Waits for datagrams, commands, or what happens at the TCP port.
pub struct Poller(Epoll);

impl Poller {
    pub fn new(socket: &UdpSocket, commands: &OwnedFd, tcp: Option<&Tcp>) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(socket, SOCKET)?;
        epoll.add(commands, COMMANDS)?;
        if let Some(tcp) = tcp {
            epoll.add(tcp, TCP)?;
        }
        Ok(Self(epoll))
    }

    /// Returns when something is there, after at most `wait_us` (rounded up to milliseconds), or on a signal; whether
    /// something happened at the TCP port.
    pub fn wait(&self, wait_us: u64, commands: &OwnedFd) -> bool {
        let timeout = wait_us.div_ceil(1000).min(1000) as libc::c_int;
        let mut tcp = false;
        for number in self.0.wait::<3>(timeout) {
            match number {
                COMMANDS => sys::clear(commands),
                TCP => tcp = true,
                _ => {}
            }
        }
        tcp
    }
}
