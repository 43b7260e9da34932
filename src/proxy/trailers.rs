//! Trailers in passing: those that a reader may merge into the head without harm (RFC 9110 §6.5.1).

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use trackgate_schemes::Carrier;

use super::names;

/// Tells which trailers go on.
#[derive(Clone, Debug)]
pub(super) struct Trailers {
    /// Where credentials may stand; `None` for answers.
    carriers: Option<Arc<[Carrier]>>,
}

impl Trailers {
    /// For answers.
    pub(super) const fn down() -> Self {
        Self { carriers: None }
    }

    /// For requests, of a route that looks for credentials there. Those stay here in any case.
    pub(super) fn up(carriers: &Arc<[Carrier]>) -> Self {
        Self { carriers: Some(Arc::clone(carriers)) }
    }

    /// Those of `received` that go on; `None` if none does.
    pub(super) fn kept(&self, mut received: HeaderMap) -> Option<HeaderMap> {
        let withheld: Vec<HeaderName> = received.keys().filter(|name| !self.keeps(name)).cloned().collect();
        for name in withheld {
            received.remove(name);
        }
        (!received.is_empty()).then_some(received)
    }

    /// The `Trailer` line that announces them, of one that did: without it HTTP/1.1 carries none.
    pub(super) fn announced(&self, received: &HeaderMap) -> Option<HeaderValue> {
        if !received.contains_key(header::TRAILER) {
            return None;
        }
        let names = received.get_all(header::TRAILER).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
        let names = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
        let kept: Vec<HeaderName> = names.filter(|name| self.keeps(name)).take(MOST).collect();
        let text = kept.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
        Some(text).filter(|text| !text.is_empty()).and_then(|text| HeaderValue::try_from(text).ok())
    }

    fn keeps(&self, name: &HeaderName) -> bool {
        if MEANT_FOR_HEADS.contains(name) {
            return false;
        }
        let normal = names::normalised(name.as_str());
        let is_credential = |carrier: &Carrier| match carrier {
            Carrier::Header(carrier) => names::normalised(carrier.as_str()) == normal,
            _ => false,
        };
        match &self.carriers {
            None => !names::is_framing(&normal) && !names::is_ours(&normal),
            Some(carriers) => {
                names::is_plain(name.as_str()) && !names::is_withheld(&normal) && !carriers.iter().any(is_credential)
            }
        }
    }
}

/// Whether a client takes trailers (RFC 9110 §10.1.4).
pub(super) fn are_taken(received: &HeaderMap) -> bool {
    let codings = received.get_all(header::TE).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    codings.map(<[u8]>::trim_ascii).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

/// What says how a message is to be read, who sends it, or what a cache may do: a trailer is too late for that.
static MEANT_FOR_HEADS: &[HeaderName] = &[
    header::AGE,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::DATE,
    header::EXPECT,
    header::EXPIRES,
    header::HOST,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::LOCATION,
    header::MAX_FORWARDS,
    header::PRAGMA,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::RANGE,
    header::RETRY_AFTER,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::VARY,
    header::WARNING,
    header::WWW_AUTHENTICATE,
];

/// Names that are announced at most.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> HeaderMap {
        names.iter().map(|name| (name.parse().unwrap(), HeaderValue::from_static("1"))).collect()
    }

    fn names(trailers: Option<&HeaderMap>) -> Vec<String> {
        trailers.into_iter().flat_map(HeaderMap::keys).map(ToString::to_string).collect()
    }

    #[test]
    fn hdr_09_trailers_of_identity_length_host_and_credentials_are_dropped() {
        let forged = [
            "authorization",
            "connection",
            "content-length",
            "cookie",
            "host",
            "proxy-authorization",
            "remote-user",
            "te",
            "token",
            "trailer",
            "transfer-encoding",
            "x-forwarded-for",
            "x-trackgate-user",
            "x-user",
            "x_user",
            "x-request-id",
            "content-type",
        ];
        let carriers: Arc<[Carrier]> = [Carrier::Header(HeaderName::from_static("token"))].into();
        let up = Trailers::up(&carriers);
        assert_eq!(names(up.kept(named(&forged)).as_ref()), Vec::<String>::new());
        let mut some = named(&forged);
        some.insert("x-checksum", HeaderValue::from_static("1"));
        assert_eq!(names(up.kept(some).as_ref()), ["x-checksum"]);
        let forged = ["content-length", "connection", "set-cookie", "x-trackgate-user", "x_trackgate_user", "location"];
        assert_eq!(names(Trailers::down().kept(named(&forged)).as_ref()), Vec::<String>::new());
        let kept = names(Trailers::down().kept(named(&["grpc-status", "x_odd"])).as_ref());
        assert_eq!(kept, ["grpc-status", "x_odd"]);
    }

    #[test]
    fn only_what_goes_on_is_announced() {
        let mut received = HeaderMap::new();
        received.insert(header::TRAILER, HeaderValue::from_static("X-Sum, X-Trackgate-User ,,Content-Length"));
        received.append(header::TRAILER, HeaderValue::from_static("grpc-status"));
        assert_eq!(Trailers::down().announced(&received).unwrap(), "x-sum, grpc-status");
        assert_eq!(Trailers::down().announced(&HeaderMap::new()), None);
    }

    #[test]
    fn trailers_are_taken_by_whoever_says_so() {
        for (te, taken) in [("trailers", true), ("gzip, Trailers", true), ("trailers;q=1", false), ("gzip", false)] {
            let mut received = HeaderMap::new();
            received.insert(header::TE, HeaderValue::from_static(te));
            assert_eq!(are_taken(&received), taken, "{te}");
        }
    }
}
