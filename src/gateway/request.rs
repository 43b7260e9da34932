//! Rules for a request's head that HTTP/1.1 and HTTP/2 share, and those that HTTP/2 needs beside what its
//! framing checks.

use http::header::{self, HeaderMap};
use http::{HeaderValue, Method, Request, Version};
use trackgate_schemes::{Reason, Rejection};

use super::framing::authority;
use super::framing::is_method;
use super::limits::Limits;
use super::peer::Peer;

/// Checks a request that hyper has read, before anything else looks at it.
///
/// # Errors
///
/// [`Reason::BadRequest`] for a method in lower case, an authority that is no host, is missing or
/// unlike `Host` (RFC 9112 section 3.2, RFC 9113 section 8.3.1), `TE` other than `trailers` and a doubtful length on
/// HTTP/2; [`Reason::Expectation`]; [`Reason::HeadTooLarge`] and [`Reason::TargetTooLong`] counted after
/// decoding; [`Reason::MethodNotAllowed`] for `CONNECT` and `TRACE`; [`Reason::NotImplemented`] for
/// `OPTIONS *`.
pub fn check_request<B>(request: &Request<B>, limits: &Limits) -> Result<(), Rejection> {
    head(request, limits).map_err(|reason| Rejection::new(reason, GATEWAY))
}

/// Checks that the request is for the host that the TLS handshake was for (RFC 9110 section 7.4).
///
/// Behind a proxy that speaks TLS to us the two may differ for good reasons.
///
/// # Errors
///
/// [`Reason::Misdirected`] when they differ.
pub fn check_server_name<B>(request: &Request<B>, peer: &Peer) -> Result<(), Rejection> {
    let Some(name) = &peer.server_name else { return Ok(()) };
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let place = request.uri().authority().map(|place| place.as_str().as_bytes()).or(host);
    let same = place.is_none_or(|place| {
        let host = authority::split(place).0;
        host.strip_suffix(b".").unwrap_or(host).eq_ignore_ascii_case(name.as_bytes())
    });
    if same { Ok(()) } else { Err(Rejection::new(Reason::Misdirected, GATEWAY)) }
}

fn head<B>(request: &Request<B>, limits: &Limits) -> Result<(), Reason> {
    let headers = request.headers();
    if request.version() == Version::HTTP_2 {
        size(headers, limits)?;
        http2(request)?;
    }
    target(request, limits)?;
    method(request)?;
    if expect_is_good(headers) { Ok(()) } else { Err(Reason::Expectation) }
}

fn method<B>(request: &Request<B>) -> Result<(), Reason> {
    let method = request.method();
    if !is_method(method.as_str().as_bytes()) {
        return Err(Reason::BadRequest);
    }
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(Reason::MethodNotAllowed);
    }
    match (request.uri().path(), method) {
        ("*", &Method::OPTIONS) => Err(Reason::NotImplemented),
        ("*", _) => Err(Reason::BadRequest),
        _ => Ok(()),
    }
}

fn target<B>(request: &Request<B>, limits: &Limits) -> Result<(), Reason> {
    let uri = request.uri();
    if uri.path_and_query().is_some_and(|path| path.as_str().len() > limits.target_bytes) {
        return Err(Reason::TargetTooLong);
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let place = uri.authority().map(|place| place.as_str().as_bytes());
    let https = uri.scheme_str() == Some("https");
    if second.is_some() || !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err(Reason::BadRequest);
    }
    match (place, host) {
        (None, None) if request.version() >= Version::HTTP_11 => Err(Reason::BadRequest),
        (Some(place), Some(host)) if !authority::same(place, host.as_bytes(), https) => Err(Reason::BadRequest),
        (place, host) => {
            let both = [place, host.map(HeaderValue::as_bytes)];
            if both.into_iter().flatten().all(authority::is_valid) { Ok(()) } else { Err(Reason::BadRequest) }
        }
    }
}

/// The head after decoding: HPACK can make much of little (RFC 7541 section 7.3).
fn size(headers: &HeaderMap, limits: &Limits) -> Result<(), Reason> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE_BYTES).sum();
    if headers.len() > limits.head_lines || bytes > limits.head_bytes { Err(Reason::HeadTooLarge) } else { Ok(()) }
}

fn http2<B>(request: &Request<B>) -> Result<(), Reason> {
    let headers = request.headers();
    let te_is_good = headers.get_all(header::TE).iter().all(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length_is_good = lengths.next().is_none_or(|length| {
        let digits = length.as_bytes();
        (1..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
    }) && lengths.next().is_none();
    let hop_by_hop =
        [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE].iter().any(|name| headers.contains_key(name));
    // The framing of HTTP/1.1 has checked the target byte by byte already.
    let target_is_good = request.uri().path_and_query().is_none_or(|path| path.as_str().is_ascii());
    if te_is_good && length_is_good && !hop_by_hop && target_is_good { Ok(()) } else { Err(Reason::BadRequest) }
}

fn expect_is_good(headers: &HeaderMap) -> bool {
    headers.get_all(header::EXPECT).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Who says so in the rejections of this room.
pub(crate) const GATEWAY: &str = "gateway";

/// What a header line costs beside its name and value: `: ` and CR LF.
const LINE_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(request: http::request::Builder) -> Option<Reason> {
        check_request(&request.body(()).unwrap(), &Limits::default()).err().map(|why| why.reason)
    }

    fn h2(uri: &str) -> http::request::Builder {
        Request::builder().version(Version::HTTP_2).uri(uri)
    }

    #[test]
    fn pth_09_methods() {
        assert_eq!(reason(h2("http://a/")), None);
        assert_eq!(reason(h2("http://a/").method("PROPFIND")), None);
        assert_eq!(reason(h2("http://a/").method("get")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("http://a/").method("A".repeat(33).as_str())), Some(Reason::BadRequest));
        assert_eq!(reason(h2("http://a/").method("TRACE")), Some(Reason::MethodNotAllowed));
        assert_eq!(reason(h2("a:80").method("CONNECT")), Some(Reason::MethodNotAllowed));
        assert_eq!(reason(h2("*").method("OPTIONS").header("host", "a")), Some(Reason::NotImplemented));
        assert_eq!(reason(h2("*").method("GET").header("host", "a")), Some(Reason::BadRequest));
    }

    #[test]
    fn h2_10_host_beside_another_authority() {
        assert_eq!(reason(h2("http://a/").header("host", "A:80")), None);
        assert_eq!(reason(h2("http://a/").header("host", "b")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("http://a/").header("host", "a").header("host", "a")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("/")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("/").header("host", "a,b")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("http://u@a/")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("ftp://a/")), Some(Reason::BadRequest));
    }

    #[test]
    fn h2_08_te_and_lengths() {
        assert_eq!(reason(h2("http://a/").header("te", "trailers")), None);
        assert_eq!(reason(h2("http://a/").header("te", "chunked")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("http://a/").header("connection", "x")), Some(Reason::BadRequest));
        assert_eq!(reason(h2("http://a/").header("content-length", "+1")), Some(Reason::BadRequest));
        let twice = h2("http://a/").header("content-length", "1").header("content-length", "1");
        assert_eq!(reason(twice), Some(Reason::BadRequest));
        assert_eq!(reason(h2("http://a/").header("expect", "200-ok")), Some(Reason::Expectation));
    }

    #[test]
    fn h2_07_head_is_counted_after_decoding() {
        let many = (0..101).fold(h2("http://a/"), |request, n| request.header(format!("x-{n}"), "1"));
        assert_eq!(reason(many), Some(Reason::HeadTooLarge));
        assert_eq!(reason(h2("http://a/").header("x", "x".repeat(32 * 1024))), Some(Reason::HeadTooLarge));
        let long = format!("http://a/{}", "x".repeat(8 * 1024));
        assert_eq!(reason(h2(&long)), Some(Reason::TargetTooLong));
    }

    #[test]
    fn tls_08_authority_other_than_the_server_name() {
        let mut peer = Peer::new("192.0.2.1:1".parse().unwrap(), "192.0.2.2:443".parse().unwrap());
        let request = h2("https://b.example/").body(()).unwrap();
        assert!(check_server_name(&request, &peer).is_ok());
        peer.server_name = Some("B.example".into());
        assert!(check_server_name(&request, &peer).is_ok());
        peer.server_name = Some("a.example".into());
        assert_eq!(check_server_name(&request, &peer).unwrap_err().reason, Reason::Misdirected);
    }
}
