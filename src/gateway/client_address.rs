//! The client's address, from the socket or through proxies that are listed.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderMap;
use ipnet::IpNet;

use super::peer::Peer;

/// The proxies whose word about a client's address counts, and the header they say it in.
///
/// The address is the socket's (or that of its PROXY header). If that is a listed proxy, the header is
/// walked from the right, and the first address that is not listed is the client's. Everything to the left
/// of it could be invented by the client.
///
/// ```
/// use http::HeaderMap;
/// use trackgate::gateway::{ForwardedHeader, TrustedProxies};
///
/// let proxies = TrustedProxies::new(vec!["192.0.2.0/24".parse()?], ForwardedHeader::XForwardedFor)?;
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "10.9.9.9, 198.51.100.7, 192.0.2.3".parse()?);
/// assert_eq!(proxies.client("192.0.2.1".parse()?, &headers), Some("198.51.100.7".parse()?));
/// assert_eq!(proxies.client("203.0.113.1".parse()?, &headers), Some("203.0.113.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
}

/// The header that a listed proxy names the client in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `Forwarded` (RFC 7239), its `for` parameter.
    Forwarded,
    /// `X-Forwarded-For`: addresses, separated by commas.
    #[default]
    XForwardedFor,
}

/// Somebody who may be anybody cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[error("the network {0} is everybody, who cannot be a trusted proxy")]
pub struct TrustsEverybody(IpNet);

impl TrustedProxies {
    /// Trusts the word of these networks.
    ///
    /// # Errors
    ///
    /// [`TrustsEverybody`] for `0.0.0.0/0` and `::/0`, also in its IPv4-mapped form.
    pub fn new(networks: Vec<IpNet>, header: ForwardedHeader) -> Result<Self, TrustsEverybody> {
        let networks: Vec<IpNet> = networks.into_iter().map(|network| unmapped(&network)).collect();
        match networks.iter().find(|network| network.prefix_len() == 0) {
            Some(all) => Err(TrustsEverybody(*all)),
            None => Ok(Self { networks, header }),
        }
    }

    /// Whether this address is a listed proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client's address of a request, IPv4 never in its IPv6-mapped form. `None` when a listed proxy
    /// names it in a way that cannot be read: then no rule about addresses may match.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let client = peer.to_canonical();
        if self.networks.is_empty() || !self.contains(client) {
            return Some(client);
        }
        if !headers.contains_key(self.name()) {
            return Some(client);
        }
        self.named(headers)
    }

    /// The client's address as the header alone tells it, whoever sent that: the first from the right that is not a
    /// listed proxy. `None` when there is no such header, or none that can be read.
    pub(super) fn named(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = None;
        for line in headers.get_all(self.name()).iter().rev() {
            let line = line.to_str().ok()?;
            for entry in entries(line)?.into_iter().rev() {
                let node = match self.header {
                    ForwardedHeader::Forwarded => forwarded_for(entry)?,
                    ForwardedHeader::XForwardedFor => entry.trim_matches([' ', '\t']),
                };
                let named = address(node)?;
                client = Some(named);
                if !self.contains(named) {
                    return client;
                }
            }
        }
        client
    }

    fn name(&self) -> &'static str {
        match self.header {
            ForwardedHeader::Forwarded => "forwarded",
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
        }
    }

    /// The client's address of a request on this connection, see [`client`](Self::client).
    pub fn client_of(&self, peer: &Peer, headers: &HeaderMap) -> Option<IpAddr> {
        self.client(peer.address(), headers)
    }
}

/// The parts of a list between commas that are not in quotes; `None` when a quote is not closed.
fn entries(line: &str) -> Option<Vec<&str>> {
    let (parts, closed) = split_unquoted(line, ',');
    closed.then_some(parts)
}

/// The `for` parameter of one element of `Forwarded` (RFC 7239 section 4): exactly one, plain or quoted.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut found = None;
    for pair in split_unquoted(element, ';').0 {
        let (name, value) = pair.split_once('=')?;
        if name.trim_matches([' ', '\t']).eq_ignore_ascii_case("for") {
            let value = value.trim_matches([' ', '\t']);
            let value = match value.strip_prefix('"') {
                Some(quoted) => quoted.strip_suffix('"')?,
                None => value,
            };
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    found
}

/// The parts between a separator outside quotes, and whether all quotes are closed.
fn split_unquoted(text: &str, separator: char) -> (Vec<&str>, bool) {
    let mut quoted = false;
    let mut escaped = false;
    let parts = text
        .split(|letter: char| {
            match letter {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => return letter == separator && !quoted,
            }
            false
        })
        .collect();
    (parts, !quoted)
}

/// An address with an optional port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(node: &str) -> Option<IpAddr> {
    let (host, port) = match node.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            std::net::Ipv6Addr::from_str(host).ok()?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match node.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (node, None),
        },
    };
    let port_is_good = port.is_none_or(|port| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    if !port_is_good {
        return None;
    }
    // A zone id does not parse: it means something on the machine of the proxy only.
    IpAddr::from_str(host).ok().map(|address| address.to_canonical())
}

/// `::ffff:192.0.2.0/120` as `192.0.2.0/24`; any other network as it is.
pub(crate) fn unmapped(network: &IpNet) -> IpNet {
    if let IpNet::V6(six) = network
        && let Some(prefix) = six.prefix_len().checked_sub(96)
        && let Some(four) = six.network().to_ipv4_mapped()
        && let Ok(four) = ipnet::Ipv4Net::new(four, prefix)
    {
        return IpNet::V4(four);
    }
    *network
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ForwardedHeader) -> TrustedProxies {
        TrustedProxies::new(vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/64".parse().unwrap()], header).unwrap()
    }

    fn client(header: ForwardedHeader, peer: &str, lines: &[&str]) -> Option<String> {
        let name = if header == ForwardedHeader::Forwarded { "forwarded" } else { "x-forwarded-for" };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        proxies(header).client(peer.parse().unwrap(), &headers).map(|client| client.to_string())
    }

    fn x(peer: &str, lines: &[&str]) -> Option<String> {
        client(ForwardedHeader::XForwardedFor, peer, lines)
    }

    fn f(lines: &[&str]) -> Option<String> {
        client(ForwardedHeader::Forwarded, "192.0.2.1", lines)
    }

    #[test]
    fn sld_09_one_address_in_many_forms() {
        assert_eq!(x("::ffff:203.0.113.9", &[]).unwrap(), "203.0.113.9");
        assert_eq!(x("::ffff:192.0.2.1", &["::ffff:203.0.113.9"]).unwrap(), "203.0.113.9");
        assert_eq!(x("192.0.2.1", &["2001:0db8:0001:0000:0000:0000:0000:0001"]).unwrap(), "2001:db8:1::1");
        assert_eq!(x("192.0.2.1", &["fe80::1%eth0"]), None);
    }

    #[test]
    fn sld_10_unlisted_peers_are_not_believed() {
        let mut headers = HeaderMap::new();
        for name in ["forwarded", "x-forwarded-for", "x-real-ip"] {
            headers.insert(name, "10.0.0.1".parse().unwrap());
        }
        let peer: IpAddr = "203.0.113.9".parse().unwrap();
        for header in [ForwardedHeader::Forwarded, ForwardedHeader::XForwardedFor] {
            assert_eq!(proxies(header).client(peer, &headers), Some(peer));
        }
        assert_eq!(TrustedProxies::default().client(peer, &headers), Some(peer));
    }

    #[test]
    fn sld_11_the_first_unlisted_from_the_right_counts() {
        assert_eq!(x("192.0.2.1", &["10.0.0.1, 198.51.100.7, 192.0.2.3"]).unwrap(), "198.51.100.7");
        assert_eq!(x("192.0.2.1", &["10.0.0.1", "198.51.100.7,192.0.2.3", "2001:db8::5"]).unwrap(), "198.51.100.7");
        assert_eq!(x("192.0.2.1", &["198.51.100.7:4711"]).unwrap(), "198.51.100.7");
        assert_eq!(x("192.0.2.1", &["[2001:db8:9::1]:4711"]).unwrap(), "2001:db8:9::1");
        assert_eq!(x("192.0.2.1", &["garbage, 198.51.100.7"]).unwrap(), "198.51.100.7");
        assert_eq!(x("192.0.2.1", &["192.0.2.7, 192.0.2.8"]).unwrap(), "192.0.2.7");
        assert_eq!(x("192.0.2.1", &[]).unwrap(), "192.0.2.1");
    }

    #[test]
    fn sld_11_an_unreadable_entry_ends_the_walk() {
        for bad in [
            "unknown",
            "_hidden",
            "",
            "a",
            "198.51.100.7:",
            "198.51.100.7:+1",
            "198.51.100.7:99999",
            "[198.51.100.7]",
            "[::1",
            "[::1]x",
            "010.0.0.1",
            "1.2.3",
            "198.51.100.7 198.51.100.8",
            "\"198.51.100.7\"",
        ] {
            assert_eq!(x("192.0.2.1", &[&format!("198.51.100.7, {bad}")]), None, "{bad}");
            assert_eq!(x("192.0.2.1", &[&format!("198.51.100.7, {bad}, 192.0.2.5")]), None, "{bad}");
        }
    }

    #[test]
    fn sld_11_forwarded() {
        assert_eq!(f(&["for=10.0.0.1, for=198.51.100.7;proto=https, for=192.0.2.3"]).unwrap(), "198.51.100.7");
        assert_eq!(f(&["For=\"[2001:db8:9::1]:4711\""]).unwrap(), "2001:db8:9::1");
        assert_eq!(f(&["for=\"10.0.0.1, 10.0.0.2\", for=198.51.100.7"]).unwrap(), "198.51.100.7");
        for bad in ["for=unknown", "for=_hidden", "proto=https", "for", "for=1.2.3.4;for=1.2.3.4", "for=\"1.2.3.4", ""]
        {
            assert_eq!(f(&[bad]), None, "{bad}");
        }
    }

    #[test]
    fn everybody_cannot_be_trusted() {
        for all in ["0.0.0.0/0", "::/0", "::ffff:0:0/96"] {
            let new = TrustedProxies::new(vec![all.parse().unwrap()], ForwardedHeader::default());
            assert!(new.is_err(), "{all}");
        }
        let mapped = TrustedProxies::new(vec!["::ffff:192.0.2.0/120".parse().unwrap()], ForwardedHeader::default());
        assert!(mapped.unwrap().contains("192.0.2.77".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in "[ -~\t]{0,60}") {
            let mut headers = HeaderMap::new();
            headers.insert("forwarded", line.parse().unwrap());
            headers.insert("x-forwarded-for", line.parse().unwrap());
            let peer = "192.0.2.1".parse().unwrap();
            for header in [ForwardedHeader::Forwarded, ForwardedHeader::XForwardedFor] {
                let _client = proxies(header).client(peer, &headers);
            }
        }
    }
}
