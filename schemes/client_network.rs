//! The network of a client, as counters see it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The network under which a client is counted: its IPv4 address, or the /64 of its IPv6 address.
///
/// Whoever has one IPv6 address has all of its /64, so it counts as one client. An IPv4-mapped IPv6
/// address is the IPv4 address. Clients whose address cannot be known are counted together.
///
/// ```
/// use trackgate_schemes::ClientNetwork;
///
/// let network = ClientNetwork::of(Some("2001:db8::1".parse()?));
/// assert_eq!(network, ClientNetwork::of(Some("2001:db8::ffff:1".parse()?)));
/// assert_eq!(network.to_string(), "2001:db8::/64");
/// assert_eq!(ClientNetwork::of(Some("::ffff:192.0.2.1".parse()?)).to_string(), "192.0.2.1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNetwork(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Unknown,
    V4(Ipv4Addr),
    /// The upper half of the address.
    V6(u64),
}

impl ClientNetwork {
    /// The network of this client.
    pub fn of(client: Option<IpAddr>) -> Self {
        Self(match client.map(|address| address.to_canonical()) {
            None => Kind::Unknown,
            Some(IpAddr::V4(address)) => Kind::V4(address),
            Some(IpAddr::V6(address)) => Kind::V6(upper_half(address)),
        })
    }

    /// Whether the address could be known.
    pub fn is_known(self) -> bool {
        self.0 != Kind::Unknown
    }

    /// Nine bytes that no other network has.
    pub(crate) fn to_bytes(self) -> [u8; 9] {
        let (kind, number) = match self.0 {
            Kind::Unknown => (0, 0),
            Kind::V4(address) => (4, u64::from(address.to_bits())),
            Kind::V6(upper) => (6, upper),
        };
        let mut bytes = [kind; 9];
        bytes.iter_mut().skip(1).zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        bytes
    }
}

impl fmt::Display for ClientNetwork {
    /// `192.0.2.1`, `2001:db8::/64` or `unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Unknown => f.write_str(UNKNOWN),
            Kind::V4(address) => address.fmt(f),
            Kind::V6(upper) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(upper) << 64)),
        }
    }
}

impl FromStr for ClientNetwork {
    type Err = ClientNetworkError;

    /// Reads what `Display` writes, and any address, which stands for its network.
    fn from_str(text: &str) -> Result<Self, ClientNetworkError> {
        if text == UNKNOWN {
            return Ok(Self(Kind::Unknown));
        }
        let network = match text.strip_suffix("/64") {
            Some(address) => address.parse().map(|address| Self(Kind::V6(upper_half(address)))),
            None => text.parse().map(|address| Self::of(Some(address))),
        };
        network.map_err(|_unfit| ClientNetworkError)
    }
}

/// A text that is neither an address nor an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a client network is an IPv4 address, an IPv6 network of 64 bits or `unknown`")]
pub struct ClientNetworkError;

fn upper_half(address: Ipv6Addr) -> u64 {
    let [a, b, c, d, ..] = address.segments();
    [a, b, c, d].into_iter().fold(0, |bits, segment| bits << 16 | u64::from(segment))
}

const UNKNOWN: &str = "unknown";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rlk_06_addresses_of_one_64_are_one_client() {
        let rows = [
            // one, other, the same client
            ("2001:db8::1", "2001:db8:0:0:ffff::2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "::192.0.2.1", false),
        ];
        for (one, other, same) in rows {
            let network = |text: &str| ClientNetwork::of(Some(text.parse().unwrap()));
            assert_eq!(network(one) == network(other), same, "{one} and {other}");
        }
        assert_ne!(ClientNetwork::of(None), ClientNetwork::of(Some("0.0.0.0".parse().unwrap())));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", " ", "x", "10.0.0.0/8", "1.2.3", "::/65", "/64", "1.2.3.4/64", "Unknown", "::1 "] {
            assert!(text.parse::<ClientNetwork>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn writing_and_reading_round_trips(address: Option<IpAddr>) {
            let network = ClientNetwork::of(address);
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            if let Ok(network) = text.parse::<ClientNetwork>() {
                prop_assert_eq!(network.to_string().parse(), Ok(network));
            }
        }
    }
}
