//! Sockets whose client has not yet said who it is.
//!
//! Invariant: there are never more than the bound, and never more of one address than its share. A client is known by its
//! address as the socket has it, IPv6 by the network (/64) that one customer gets; behind a proxy all clients share one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many strangers a server bears.
#[derive(Clone, Copy, Debug)]
pub(super) struct StrangerLimits {
    /// Of all addresses.
    pub(super) max: usize,
    /// Of one address.
    pub(super) max_of_address: usize,
}

/// All strangers there are.
#[derive(Clone)]
pub(super) struct Strangers {
    limits: StrangerLimits,
    there: Arc<Mutex<HashMap<Option<IpAddr>, usize>>>,
}

/// One stranger, as long as it lives.
pub(crate) struct Stranger {
    strangers: Strangers,
    address: Option<IpAddr>,
}

impl Strangers {
    pub(super) fn new(limits: StrangerLimits) -> Self {
        Self { limits, there: Arc::default() }
    }

    /// Lets one more in; `None` at a bound. Lines that are no sockets of a network have no address and share one bound.
    pub(super) fn admit(&self, address: Option<IpAddr>) -> Option<Stranger> {
        let address = address.map(customer);
        let mut there = self.lock();
        let of_address = there.get(&address).copied().unwrap_or(0);
        if there.values().sum::<usize>() >= self.limits.max || of_address >= self.limits.max_of_address {
            return None;
        }
        there.insert(address, of_address + 1);
        Some(Stranger { strangers: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut there = self.strangers.lock();
        match there.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(there.remove(&self.address)),
        }
    }
}

fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_share_and_all_together_have_a_bound() {
        let strangers = Strangers::new(StrangerLimits { max: 3, max_of_address: 2 });
        let one = [0, 1].map(|_| strangers.admit(address("192.0.2.1")));
        assert!(one.iter().all(Option::is_some) && strangers.admit(address("::ffff:192.0.2.1")).is_none());
        let other = strangers.admit(address("192.0.2.2"));
        assert!(other.is_some() && strangers.admit(address("192.0.2.3")).is_none());
        drop((one, other));
        assert!(strangers.lock().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_customer() {
        let strangers = Strangers::new(StrangerLimits { max: 9, max_of_address: 1 });
        let _one = strangers.admit(address("2001:db8:0:1::1"));
        assert!(strangers.admit(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(strangers.admit(address("2001:db8:0:2::1")).is_some());
    }
}
