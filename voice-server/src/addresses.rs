//! How much there is of one client address, of what everybody has before they have said who they are.
//!
//! Invariant: there are never more than the bound, and never more of one address than its share. A client is known by its
//! address as the socket has it, IPv6 by the network (/64) that one customer gets; behind a proxy all clients share one. Only
//! addresses with something there have an entry.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many a server bears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressLimits {
    /// Of all addresses.
    pub(crate) max: usize,
    /// Of one address.
    pub(crate) max_of_address: usize,
}

/// All that there is.
#[derive(Clone)]
pub(crate) struct Addresses {
    limits: AddressLimits,
    there: Arc<Mutex<HashMap<Option<IpAddr>, usize>>>,
}

/// One of an address; it is gone when this is dropped.
pub(crate) struct AddressPlace {
    addresses: Addresses,
    address: Option<IpAddr>,
}

impl Addresses {
    pub(crate) fn new(limits: AddressLimits) -> Self {
        Self { limits, there: Arc::default() }
    }

    /// Lets one more in; `None` at a bound. Lines that are no sockets of a network have no address and share one bound.
    pub(crate) fn admit(&self, address: Option<IpAddr>) -> Option<AddressPlace> {
        let address = address.map(customer);
        let mut there = self.lock();
        let of_address = there.get(&address).copied().unwrap_or(0);
        if there.values().sum::<usize>() >= self.limits.max || of_address >= self.limits.max_of_address {
            return None;
        }
        there.insert(address, of_address + 1);
        Some(AddressPlace { addresses: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut there = self.addresses.lock();
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
        let addresses = Addresses::new(AddressLimits { max: 3, max_of_address: 2 });
        let one = [0, 1].map(|_| addresses.admit(address("192.0.2.1")));
        assert!(one.iter().all(Option::is_some) && addresses.admit(address("::ffff:192.0.2.1")).is_none());
        let other = addresses.admit(address("192.0.2.2"));
        assert!(other.is_some() && addresses.admit(address("192.0.2.3")).is_none());
        drop((one, other));
        assert!(addresses.lock().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_customer() {
        let addresses = Addresses::new(AddressLimits { max: 9, max_of_address: 1 });
        let _one = addresses.admit(address("2001:db8:0:1::1"));
        assert!(addresses.admit(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(addresses.admit(address("2001:db8:0:2::1")).is_some());
    }
}
