//! Networks: from where an identity may come.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use trackgate_schemes::{Head, Identity, Reason, Rejection};

use crate::{Decision, Policy};

/// Lets through clients of some networks, or of all but some.
///
/// A network that is denied stays denied even inside an allowed one. IPv4-mapped IPv6 addresses and
/// networks are IPv4. A client whose address cannot be known is in no network and is refused, also
/// when there is only a list of denied ones: it could be any of them.
///
/// ```
/// use http::{HeaderMap, Method};
/// use trackgate_policies::{Networks, Policy};
/// use trackgate_schemes::{CanonicalPath, Head, Identity};
///
/// let office: Networks = "10.0.0.0/8 2001:db8::/32 !10.66.0.0/16".parse()?;
/// let (path, headers) = (CanonicalPath::parse("/")?, HeaderMap::new());
/// let from = |client: Option<&str>| {
///     let client = client.and_then(|text| text.parse().ok());
///     let head = Head::new(&Method::GET, &path, &headers).with_client(client);
///     office.decide(&Identity::anonymous(), &head).is_allow()
/// };
/// assert!(from(Some("10.1.2.3")) && from(Some("::ffff:10.1.2.3")));
/// assert!(!from(Some("10.66.2.3")) && !from(Some("192.0.2.1")) && !from(None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// From lists:
///
/// ```
/// use trackgate_policies::{Networks, Policy, parse_network};
///
/// let rule = Networks::all_but([parse_network("192.0.2.7")?]);
/// assert_eq!(rule.describe(), "!192.0.2.7");
/// # Ok::<(), trackgate_policies::NetworkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Networks {
    /// `None` allows all that is not denied; an empty list allows nobody.
    allowed: Option<Ranges>,
    denied: Ranges,
    written: String,
}

impl Networks {
    /// Allows these networks only; an empty list lets nobody through.
    pub fn only(allowed: impl IntoIterator<Item = IpNet>) -> Self {
        let allowed: Vec<IpNet> = allowed.into_iter().map(fold).collect();
        Self { written: write(&allowed, ""), allowed: Some(Ranges::of(&allowed)), denied: Ranges::default() }
    }

    /// Allows every known address but these networks.
    pub fn all_but(denied: impl IntoIterator<Item = IpNet>) -> Self {
        Self { allowed: None, denied: Ranges::default(), written: String::new() }.but(denied)
    }

    /// Denies these too, wherever they lie.
    #[must_use]
    pub fn but(mut self, denied: impl IntoIterator<Item = IpNet>) -> Self {
        let denied: Vec<IpNet> = denied.into_iter().map(fold).collect();
        let more = write(&denied, "!");
        if !self.written.is_empty() && !more.is_empty() {
            self.written.push(' ');
        }
        self.written.push_str(&more);
        self.denied = Ranges::merged(self.denied.0.into_vec(), &denied);
        self
    }
}

impl FromStr for Networks {
    type Err = NetworkError;

    /// Reads networks parted by blanks, each as [`parse_network`] does; one with `!` before it is denied.
    ///
    /// # Errors
    ///
    /// That of the first network that cannot be read, or [`NetworkError::Form`] when there is none.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (mut allowed, mut denied) = (Vec::new(), Vec::new());
        for word in text.split_ascii_whitespace() {
            match word.strip_prefix('!') {
                Some(word) => denied.push(parse_network(word)?),
                None => allowed.push(parse_network(word)?),
            }
        }
        match (allowed.is_empty(), denied.is_empty()) {
            (true, true) => Err(NetworkError::Form),
            (true, false) => Ok(Self::all_but(denied)),
            (false, _) => Ok(Self::only(allowed).but(denied)),
        }
    }
}

impl fmt::Display for Networks {
    /// The networks as they were given, the denied ones last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Policy for Networks {
    fn id(&self) -> &'static str {
        ID
    }

    fn decide(&self, _who: &Identity, head: &Head<'_>) -> Decision {
        let allowed = head.client.is_some_and(|address| {
            let at = place(address);
            !self.denied.hold(at) && self.allowed.as_ref().is_none_or(|allowed| allowed.hold(at))
        });
        if allowed { Decision::Allow } else { Decision::Deny(Rejection::new(Reason::AddressDenied, ID)) }
    }

    fn describe(&self) -> String {
        self.written.clone()
    }
}

/// Reads `10.0.0.0/8`, `2001:db8::/32` or one address, which stands for itself alone.
///
/// An IPv4-mapped network of at least 96 bits is read as the IPv4 network.
///
/// # Errors
///
/// [`NetworkError`]: also for a network with bits behind its length, such as `10.0.0.1/8`, since
/// nobody can tell which of the two was meant.
pub fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(fold(address.into()));
    }
    let network: IpNet = text.parse().map_err(|_unfit| NetworkError::Form)?;
    if network.trunc() == network { Ok(fold(network)) } else { Err(NetworkError::HostBits(network.trunc())) }
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Another form.
    #[error("a network is written like 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1")]
    Form,
    /// There are bits behind the length; this would be the whole network.
    #[error("the network has bits behind its length; the whole network is {0}")]
    HostBits(IpNet),
}

/// Addresses in order, without overlap, so that one search finds a place among thousands.
#[derive(Clone, Debug, Default)]
struct Ranges(Box<[(u128, u128)]>);

impl Ranges {
    fn of(networks: &[IpNet]) -> Self {
        Self::merged(Vec::new(), networks)
    }

    fn merged(mut ranges: Vec<(u128, u128)>, networks: &[IpNet]) -> Self {
        ranges.extend(networks.iter().map(|network| (place(network.network()), place(network.broadcast()))));
        ranges.sort_unstable();
        ranges.dedup_by(|next, last| {
            let overlap = next.0 <= last.1;
            if overlap {
                last.1 = last.1.max(next.1);
            }
            overlap
        });
        Self(ranges.into())
    }

    fn hold(&self, at: u128) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= at);
        behind.checked_sub(1).and_then(|n| self.0.get(n)).is_some_and(|(_, last)| at <= *last)
    }
}

/// One line of numbers for both families: IPv4 stands where its mapped form does.
fn place(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// An IPv4-mapped IPv6 network as IPv4.
fn fold(network: IpNet) -> IpNet {
    if let IpNet::V6(v6) = network
        && let Some(length) = v6.prefix_len().checked_sub(96)
        && let Some(address) = v6.addr().to_ipv4_mapped()
        && let Ok(v4) = Ipv4Net::new(address, length)
    {
        return v4.into();
    }
    network
}

fn write(networks: &[IpNet], mark: &str) -> String {
    let words: Vec<String> = networks
        .iter()
        .map(|network| {
            let alone = network.prefix_len() == network.max_prefix_len();
            if alone { format!("{mark}{}", network.addr()) } else { format!("{mark}{network}") }
        })
        .collect();
    words.join(" ")
}

const ID: &str = "networks";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Ask, rider};

    #[test]
    fn deny_wins_mapped_is_ipv4_and_unknown_matches_nothing() {
        let rows = [
            // rule, client, goes on
            ("10.0.0.0/8", "10.0.0.0", true),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "::10.0.0.1", false),
            ("10.0.0.0/8", "2001:db8::1", false),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "11.0.0.1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("10.0.0.0/8 !10.66.0.0/16", "10.65.255.255", true),
            ("10.0.0.0/8 !10.66.0.0/16", "10.66.0.1", false),
            ("!10.66.0.0/16 10.66.1.0/24 10.0.0.0/8", "10.66.1.1", false),
            ("!10.66.0.0/16", "192.0.2.1", true),
            ("!10.66.0.0/16", "2001:db8::1", true),
            ("!10.66.0.0/16", "::ffff:10.66.0.1", false),
            ("10.0.0.0/8 10.0.0.0/16 192.0.2.0/24", "10.200.0.1", true),
            ("10.0.0.0/8", "unknown", false),
            ("0.0.0.0/0 ::/0", "unknown", false),
            ("!10.0.0.0/8", "unknown", false),
        ];
        for (rule, client, goes_on) in rows {
            let rule: Networks = rule.parse().unwrap();
            let why = Rejection::new(Reason::AddressDenied, "networks");
            let wanted = if goes_on { Decision::Allow } else { Decision::Deny(why) };
            assert_eq!(Ask::new().client(client).decide(&rule, &rider(1)), wanted, "{rule} from {client}");
        }
    }

    #[test]
    fn empty_lists_never_widen() {
        assert!(!Ask::new().client("192.0.2.1").decide(&Networks::only([]), &rider(1)).is_allow());
        assert!(Ask::new().client("192.0.2.1").decide(&Networks::all_but([]), &rider(1)).is_allow());
        assert!(!Ask::new().decide(&Networks::all_but([]), &rider(1)).is_allow());
    }

    #[test]
    fn rules_are_told_as_written() {
        for (text, told) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("!192.0.2.1/32  10.0.0.0/8\t2001:db8::/32", "10.0.0.0/8 2001:db8::/32 !192.0.2.1"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            assert_eq!(text.parse::<Networks>().unwrap().describe(), told);
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", " ", "!", "10", "10.0.0.0/33", "10.0.0.0/", "x/8", "!!10.0.0.0/8", "::/129", "10.0.0.0/8,"] {
            assert_eq!(text.parse::<Networks>().unwrap_err(), NetworkError::Form, "{text:?}");
        }
        let why = parse_network("10.0.0.1/8").unwrap_err();
        assert_eq!(why, NetworkError::HostBits("10.0.0.0/8".parse().unwrap()));
        assert!("10.0.0.0/8 !2001:db8::1/32".parse::<Networks>().is_err());
    }

    proptest! {
        #[test]
        fn ranges_hold_what_the_networks_contain(
            nets in proptest::collection::vec((any::<u32>(), 0..=32_u8), 0..12),
            denied in proptest::collection::vec((any::<u32>(), 0..=32_u8), 0..4),
            at: u32,
        ) {
            let read = |list: Vec<(u32, u8)>| -> Vec<IpNet> {
                list.into_iter().map(|(bits, len)| Ipv4Net::new(bits.into(), len).unwrap().trunc().into()).collect()
            };
            let (nets, denied) = (read(nets), read(denied));
            let client = IpAddr::V4(at.into());
            let has = |list: &[IpNet]| list.iter().any(|net| net.contains(&client));
            let wanted = has(&nets) && !has(&denied);
            let rule = Networks::only(nets).but(denied);
            prop_assert_eq!(Ask::new().client(&client.to_string()).decide(&rule, &rider(1)).is_allow(), wanted);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "([!0-9a-f:./ ]{0,40})|(.{0,40})") {
            if let Ok(rule) = text.parse::<Networks>() {
                prop_assert_eq!(rule.to_string().parse::<Networks>().unwrap().to_string(), rule.to_string());
            }
        }
    }
}
