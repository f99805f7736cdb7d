//! [`Reach`]: how far away a host is, as far as its spelling tells.

use std::net::{IpAddr, Ipv6Addr};

/// AWS's metadata server where a machine has IPv6 only, and Google's: unique local addresses, which
/// nothing else marks as near.
const METADATA_SERVERS: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// How far away a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    Machine,
    /// The machine's own link, which no router forwards from, or its metadata server.
    Link,
    Far,
}

impl Reach {
    /// Of a host as a URL has it: a name, an address, or an address in brackets.
    pub(super) fn of(host: &str) -> Self {
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        if bare.eq_ignore_ascii_case("localhost") {
            return Self::Machine;
        }
        match bare.parse() {
            Ok(IpAddr::V4(address)) if address.is_loopback() => Self::Machine,
            Ok(IpAddr::V6(address)) if address.is_loopback() => Self::Machine,
            Ok(address) if is_on_link(address) => Self::Link,
            _ => Self::Far,
        }
    }
}

/// An IPv4 address in the form of IPv6 counts as what it is.
fn is_on_link(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || METADATA_SERVERS.contains(&address)
        }
    }
}
