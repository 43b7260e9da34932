//! What a client's address means for its session.

use std::net::IpAddr;

use crate::store::AddressRule;

/// What the client's address means.
///
/// A client whose address is not known matches no rule: with any mode but `Off` it can neither sign in
/// nor use a token that is bound to an address. IPv4-mapped IPv6 is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpMode {
    /// A token is good only from the very address that opened it; elsewhere it is refused, and the
    /// owner's session lives on.
    Exact {
        /// With [`OnConflict::Displace`] an account has one session: signing in, from wherever, ends
        /// its others. With [`OnConflict::Refuse`] each address has sessions of its own.
        on_conflict: OnConflict,
    },
    /// Addresses do not matter.
    Off,
    /// One address has live sessions of one account only. This is checked at sign-in; the token itself
    /// is not bound to its address.
    OneUser {
        /// Whether the second account's sign-in is refused, or ends the first one's sessions there.
        on_conflict: OnConflict,
    },
    /// As `Exact`, but good from the whole network of the address that opened it.
    Subnet {
        /// Leading bits that must match, 1 to 32.
        v4_prefix: u8,
        /// Leading bits that must match, 1 to 128.
        v6_prefix: u8,
        /// As with `Exact`.
        on_conflict: OnConflict,
    },
}

/// Who gives way when a sign-in meets sessions that are in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one of two gives way, there is no third")]
pub enum OnConflict {
    /// The sessions that are there: they end.
    Displace,
    /// The one who signs in: refused.
    Refuse,
}

impl IpMode {
    /// The rule that the store checks at sign-in.
    pub(super) fn rule(self) -> AddressRule {
        match self {
            Self::OneUser { on_conflict: OnConflict::Displace } => AddressRule::OneUserDisplace,
            Self::OneUser { on_conflict: OnConflict::Refuse } => AddressRule::OneUserRefuse,
            Self::Exact { .. } | Self::Off | Self::Subnet { .. } => AddressRule::Any,
        }
    }

    /// How many live sessions an account may have when `wanted` were set.
    pub(super) fn per_account(self, wanted: u32) -> u32 {
        match self {
            Self::Exact { on_conflict: OnConflict::Displace }
            | Self::Subnet { on_conflict: OnConflict::Displace, .. } => 1,
            _ => wanted.max(1),
        }
    }

    /// Whether a session that was opened from `opened` is good from `client`.
    pub(super) fn is_home(self, opened: Option<IpAddr>, client: Option<IpAddr>) -> bool {
        let (v4_prefix, v6_prefix) = match self {
            Self::Exact { .. } => (32, 128),
            Self::Off | Self::OneUser { .. } => return true,
            Self::Subnet { v4_prefix, v6_prefix, .. } => (v4_prefix, v6_prefix),
        };
        match (opened.map(|ip| ip.to_canonical()), client.map(|ip| ip.to_canonical())) {
            (Some(IpAddr::V4(opened)), Some(IpAddr::V4(client))) => {
                let differing = u32::from(opened) ^ u32::from(client);
                differing.leading_zeros() >= u32::from(v4_prefix.min(32))
            }
            (Some(IpAddr::V6(opened)), Some(IpAddr::V6(client))) => {
                let differing = u128::from(opened) ^ u128::from(client);
                differing.leading_zeros() >= u32::from(v6_prefix.min(128))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn sld_09_and_sld_15_home_is_the_address_or_its_network() {
        let on_conflict = OnConflict::Refuse;
        let exact = IpMode::Exact { on_conflict };
        let subnet = IpMode::Subnet { v4_prefix: 24, v6_prefix: 64, on_conflict };
        assert!(exact.is_home(ip("192.0.2.1"), ip("::ffff:192.0.2.1")));
        assert!(exact.is_home(ip("2001:db8::1"), ip("2001:0db8:0:0:0:0:0:1")));
        assert!(!exact.is_home(ip("192.0.2.1"), ip("192.0.2.2")));
        assert!(!exact.is_home(ip("192.0.2.1"), ip("::192.0.2.1")));
        assert!(subnet.is_home(ip("192.0.2.1"), ip("192.0.2.254")));
        assert!(!subnet.is_home(ip("192.0.2.1"), ip("192.0.3.1")));
        assert!(subnet.is_home(ip("2001:db8::1"), ip("2001:db8::ffff:1")));
        assert!(!subnet.is_home(ip("2001:db8::1"), ip("2001:db8:0:1::1")));
        for mode in [exact, subnet] {
            assert!(!mode.is_home(None, None), "an unknown address matches nothing");
            assert!(!mode.is_home(ip("192.0.2.1"), None));
            assert!(!mode.is_home(None, ip("192.0.2.1")));
        }
        assert!(IpMode::OneUser { on_conflict }.is_home(ip("192.0.2.1"), None));
    }
}
