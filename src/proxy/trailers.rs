//! Trailers of answers in passing (RFC 9110 §6.5): the end of a gRPC call, checksums, timings.
//!
//! Those of requests end at the gateway: an upstream that puts them among its header lines would take a client's
//! for ours.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::names;

/// Which trailers the upstream announced, of those that go on; an HTTP/1.1 client gets no others.
pub(super) fn announced(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(header::TRAILER).into_iter();
    let listed = lines.flat_map(|line| line.as_bytes().split(|b| *b == b','));
    let passing = listed.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).filter(passes);
    let list = passing.map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(list).ok().filter(|list| !list.is_empty())
}

/// What goes on of these.
pub(super) fn passing(trailers: HeaderMap) -> HeaderMap {
    let mut passing = HeaderMap::with_capacity(trailers.keys_len());
    let mut current = None;
    for (name, value) in trailers {
        // A further line of the same name comes without it.
        if let Some(name) = name {
            current = passes(&name).then_some(name);
        }
        if let Some(name) = &current {
            passing.append(name, value);
        }
    }
    passing
}

/// Whether a field may come after the body: not what frames a message, says how to read it, or names somebody
/// (RFC 9110 §6.5.1).
fn passes(name: &HeaderName) -> bool {
    let normal = names::normalised(name.as_str());
    let ends_here = names::is_framing(&normal)
        || names::is_ours(&normal)
        || (normal.starts_with("content-") && normal != "content-md5")
        || matches!(
            &*normal,
            "age"
                | "authorization"
                | "cache-control"
                | "date"
                | "expires"
                | "location"
                | "max-forwards"
                | "retry-after"
                | "set-cookie"
                | "vary"
                | "www-authenticate"
        );
    !ends_here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hdr_14_trailers_that_frame_or_name_somebody_end_here() {
        let mut trailers = HeaderMap::new();
        for name in [
            "grpc-status",
            "x-checksum",
            "set-cookie",
            "content-length",
            "transfer-encoding",
            "x-trackgate-user",
            "x_trackgate.user",
            "www-authenticate",
            "content-type",
        ] {
            trailers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
            trailers.append(HeaderName::from_static(name), HeaderValue::from_static("2"));
        }
        let passed = passing(trailers);
        let names: Vec<_> = passed.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        assert_eq!(names, ["grpc-status=1", "grpc-status=2", "x-checksum=1", "x-checksum=2"]);
    }

    #[test]
    fn only_such_trailers_are_announced() {
        let mut headers = HeaderMap::new();
        assert_eq!(announced(&headers), None);
        headers.append(header::TRAILER, HeaderValue::from_static("Content-Length, Grpc-Status,, not a name"));
        headers.append(header::TRAILER, HeaderValue::from_static("X-Sum"));
        assert_eq!(announced(&headers).unwrap(), "grpc-status, x-sum");
        headers.insert(header::TRAILER, HeaderValue::from_static("set-cookie"));
        assert_eq!(announced(&headers), None);
    }
}
