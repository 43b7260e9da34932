//! The header lines of the request to the upstream: built, not edited.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use trackgate_schemes::{Carrier, Identity};

use super::sending::{Credentials, Forward, IdentityForm, Sending, Transport};
use super::{cookies, identity, names, trailers};

/// The lines for the upstream named `audience`: what may go on of those `received`, then ours.
///
/// Framing lines are not among them, save `TE` if the client takes trailers.
pub(super) fn build(
    received: &HeaderMap,
    request: &Forward<'_, ()>,
    who: &Identity,
    host: HeaderValue,
    audience: &str,
) -> HeaderMap {
    let filter = Filter::new(received, request.sending);
    let mut headers = HeaderMap::with_capacity(received.len() + OURS);
    headers.insert(header::HOST, host);
    if received.contains_key(header::TE) && trailers::are_taken(received) {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let cookies = if filter.keeps(&header::COOKIE) {
        cookies::for_upstream(received, &request.sending.own_cookies)
    } else {
        None
    };
    for name in received.keys().filter(|name| **name != header::COOKIE && filter.keeps(name)) {
        for value in received.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    if let Some(cookies) = cookies {
        headers.insert(header::COOKIE, cookies);
    }
    set_forwarding(&mut headers, request);
    identity::set(&mut headers, who);
    if let IdentityForm::Signed(key) = &request.sending.identity {
        headers.insert(&ASSERTION, key.assert(who, audience, request.request_id, request.now));
    }
    if let Some((name, value)) = &request.credential {
        headers.insert(name, value.clone());
    }
    headers
}

/// Tells which of the client's lines go on.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    sending: &'a Sending,
    /// What the client's `Connection` lines name, normalised and in order.
    listed: Vec<String>,
    /// Neither they nor the route's credentials can be about what every request has.
    is_plain: bool,
}

impl<'a> Filter<'a> {
    pub(super) fn new(received: &HeaderMap, sending: &'a Sending) -> Self {
        let listed = listed_in_connection(received);
        let is_elsewhere = |carrier: &Carrier| match carrier {
            Carrier::Header(name) => {
                *name == header::AUTHORIZATION || names::is_plain(name.as_str()) && !names::is_of_every_request(name)
            }
            _ => true,
        };
        let is_plain = listed.is_empty() && sending.carriers.iter().all(is_elsewhere);
        Self { sending, listed, is_plain }
    }

    pub(super) fn keeps(&self, name: &HeaderName) -> bool {
        if self.is_plain && names::is_of_every_request(name) {
            return true;
        }
        let normal = names::normalised(name.as_str());
        if self.listed.binary_search_by(|listed| listed.as_str().cmp(&normal)).is_ok() {
            return false;
        }
        match (self.sending.credentials, self.credential(name, &normal)) {
            (Credentials::Drop, Some(_)) => return false,
            (Credentials::Pass, Some(Spelling::Exact)) => {
                return !names::is_framing(&normal) && !names::is_ours(&normal);
            }
            (Credentials::Pass, Some(Spelling::Like)) | (_, None) => {}
        }
        (names::is_plain(name.as_str()) || self.sending.odd_names.contains(name)) && !names::is_withheld(&normal)
    }

    /// Whether a credential of the route stands under this name.
    fn credential(&self, name: &HeaderName, normal: &str) -> Option<Spelling> {
        if name == header::AUTHORIZATION {
            return Some(Spelling::Exact);
        }
        self.sending.carriers.iter().find_map(|carrier| match carrier {
            Carrier::Header(carrier) if carrier == name => Some(Spelling::Exact),
            Carrier::Header(carrier) if names::normalised(carrier.as_str()) == normal => Some(Spelling::Like),
            _ => None,
        })
    }
}

/// How a name stands to that of a credential's place.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    /// It is that name.
    Exact,
    /// It could be read as that name.
    Like,
}

/// The names in `Connection` (RFC 9110 §7.6.1), normalised and in order; its options are left out.
pub(super) fn listed_in_connection(headers: &HeaderMap) -> Vec<String> {
    let mut listed = Vec::new();
    for line in headers.get_all(header::CONNECTION) {
        for name in line.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if !name.is_empty() && !name.eq_ignore_ascii_case(b"close") && !name.eq_ignore_ascii_case(b"keep-alive") {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                listed.push(names::normalised(&name).into_owned());
            }
        }
    }
    listed.sort_unstable();
    listed
}

fn set_forwarding(headers: &mut HeaderMap, request: &Forward<'_, ()>) {
    let client = request.client.map_or(identity::EMPTY, address);
    headers.insert(&X_FORWARDED_FOR, client.clone());
    headers.insert(&X_REAL_IP, client);
    let transport = match request.peer.transport {
        Transport::Plain => "http",
        Transport::Tls => "https",
    };
    headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static(transport));
    headers.insert(&X_FORWARDED_HOST, request.peer.host.map_or(identity::EMPTY, identity::coded));
    headers.insert(&X_REQUEST_ID, identity::coded(request.request_id));
    // The version is that of the message as received (RFC 9110 §7.6.3).
    let via = match request.parts.version {
        Version::HTTP_10 => "1.0 trackgate",
        Version::HTTP_2 => "2 trackgate",
        _ => "1.1 trackgate",
    };
    headers.insert(header::VIA, HeaderValue::from_static(via));
}

fn address(client: IpAddr) -> HeaderValue {
    let text = match client.to_canonical() {
        IpAddr::V4(client) => dotted(client),
        IpAddr::V6(client) => client.to_string(),
    };
    HeaderValue::try_from(text).expect("an address is hex digits, dots and colons")
}

/// As `Display` writes it, which takes 1,400 instructions.
fn dotted(client: Ipv4Addr) -> String {
    let mut text = String::with_capacity("255.255.255.255".len());
    for (place, octet) in client.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for (unit, least) in [(100, 100), (10, 10), (1, 0)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

/// Lines that are set here at most, with room for framing.
const OURS: usize = 16;

static ASSERTION: HeaderName = HeaderName::from_static("x-trackgate-assertion");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_written_as_the_standard_library_writes_it() {
        for octet in 0..=u8::MAX {
            let client = Ipv4Addr::new(octet, 0, 255, octet.wrapping_add(91));
            assert_eq!(dotted(client), client.to_string());
        }
    }

    #[test]
    fn what_every_request_has_is_kept_unless_the_client_or_the_route_says_otherwise() {
        let (plain, received) = (Sending::default(), HeaderMap::new());
        let named = |name: &HeaderName| HeaderMap::from_iter([(header::CONNECTION, HeaderValue::from(name.clone()))]);
        for name in names::OF_EVERY_REQUEST {
            // A carrier with two readings takes the long way.
            let other = Carrier::Header(HeaderName::from_static("odd_token"));
            let slow = Sending { carriers: [other].into(), ..Sending::default() };
            assert!(Filter::new(&received, &plain).keeps(name) && Filter::new(&received, &slow).keeps(name), "{name}");
            assert!(!Filter::new(&named(name), &plain).keeps(name), "{name}");
            let carrier = Sending { carriers: [Carrier::Header(name.clone())].into(), ..Sending::default() };
            assert!(!Filter::new(&received, &carrier).keeps(name), "{name}");
        }
    }
}
