//! How many connections there may be that have not passed an authenticated check.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Of all peers together; the oldest one makes room for the next.
pub const TOTAL: usize = 256;
/// Of one network.
pub const PER_NETWORK: usize = 64;

/// Counts by network: an IPv4 address, or the 64 bits of an IPv6 address that one subscriber is given.
#[derive(Debug, Default)]
pub struct HalfOpen {
    networks: HashMap<IpAddr, usize>,
    total: usize,
}

impl HalfOpen {
    /// Whether there are as many as there may be of all peers.
    pub fn full(&self) -> bool {
        self.total >= TOTAL
    }

    /// Counts one more and returns true, unless its network has as many as it may.
    pub fn add(&mut self, peer: IpAddr) -> bool {
        let count = self.networks.entry(network(peer)).or_insert(0);
        if *count >= PER_NETWORK {
            return false;
        }
        *count += 1;
        self.total += 1;
        true
    }

    /// Forgets one that passed a check or is gone.
    pub fn remove(&mut self, peer: IpAddr) {
        let network = network(peer);
        if let Some(count) = self.networks.get_mut(&network) {
            *count -= 1;
            self.total -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
    }
}

fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) >> 64 << 64).into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_has_its_share_and_others_theirs() {
        let mut half_open = HalfOpen::default();
        let own = |number: u16| IpAddr::from([0x2001, 0xDB8, 0, 1, number, 0, 0, 1]);
        for number in 0..PER_NETWORK {
            assert!(half_open.add(own(number as u16)));
        }
        assert!(!half_open.add(own(0xFFFF)), "64 bits of an IPv6 address are one subscriber's");
        assert!(half_open.add([0x2001, 0xDB8, 0, 2, 0, 0, 0, 1].into()));
        half_open.remove(own(3));
        assert!(half_open.add(own(0xFFFF)));
    }

    #[test]
    fn an_ipv4_peer_is_the_same_at_a_port_for_both_families() {
        let mut half_open = HalfOpen::default();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        for _ in 0..PER_NETWORK {
            assert!(half_open.add(mapped));
        }
        assert!(!half_open.add([192, 0, 2, 1].into()));
        assert!(half_open.add("::ffff:192.0.2.2".parse().unwrap()));
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut half_open = HalfOpen::default();
        for number in 0..TOTAL {
            assert!(!half_open.full());
            assert!(half_open.add([10, 0, 0, number as u8].into()));
        }
        assert!(half_open.full());
        for number in 0..TOTAL {
            half_open.remove([10, 0, 0, number as u8].into());
        }
        assert!(!half_open.full());
        assert!(half_open.networks.is_empty());
    }
}
