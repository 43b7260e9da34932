//! Requests to go on in another protocol (RFC 9110 §7.8): what is asked of the upstream, and whether its
//! answer is about that.

use std::io;

use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use trackgate_schemes::{Reason, Rejection};

use super::PROXY;
use super::answer::remove_withheld;
use super::sending::Forward;
use super::upstream::{Failure, Flight, Underway};
use crate::message::Body;

/// The protocol to ask the upstream for: the first of the client's that the route lists.
///
/// `None` is an ordinary request, which an `Upgrade` line that we do not follow leaves it: on another version
/// than HTTP/1.1, without `Connection: upgrade`, with a body, or when the connection cannot become a tunnel.
pub(super) fn asked(request: &Forward<'_>) -> Option<HeaderValue> {
    let listed = &request.sending.upgrades;
    if listed.is_empty() || request.parts.version != Version::HTTP_11 || !request.body.is_end_stream() {
        return None;
    }
    request.parts.extensions.get::<OnUpgrade>()?;
    let headers = &request.parts.headers;
    if !has_token(headers, &header::CONNECTION, b"upgrade") {
        return None;
    }
    let mut wanted = tokens(headers, &header::UPGRADE);
    wanted.find_map(|wanted| listed.iter().find(|listed| listed.as_bytes().eq_ignore_ascii_case(wanted)).cloned())
}

/// Asks for it among the lines of the upstream's request.
pub(super) fn ask(lines: &mut HeaderMap, protocol: &HeaderValue) {
    lines.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    lines.insert(header::UPGRADE, protocol.clone());
}

/// The upstream's 101 for the client. Its extension [`OnUpgrade`] is the upstream's end of the tunnel, and
/// [`Underway`] its place among the upstream's requests, which the tunnel keeps.
///
/// # Errors
///
/// [`Reason::UpstreamDown`] unless it switches to exactly the protocol that was asked for.
pub(super) fn switched(
    answer: Response<Incoming>,
    protocol: &HeaderValue,
    flight: Flight,
) -> Result<Response<Body>, Rejection> {
    let (mut parts, _none) = answer.into_parts();
    let mut named = tokens(&parts.headers, &header::UPGRADE);
    let is_meant = named.next().is_some_and(|name| name.eq_ignore_ascii_case(protocol.as_bytes()))
        && named.next().is_none()
        && has_token(&parts.headers, &header::CONNECTION, b"upgrade");
    drop(named);
    let Some(upstream) = parts.extensions.remove::<OnUpgrade>().filter(|_| is_meant) else {
        // The connection ends with what is dropped here.
        flight.failed(Failure::Broke, &io::Error::new(io::ErrorKind::InvalidData, "it switches to another protocol"));
        return Err(Rejection::new(Reason::UpstreamDown, PROXY));
    };
    flight.succeeded();
    remove_withheld(&mut parts.headers);
    parts.headers.remove(header::CONTENT_LENGTH);
    ask(&mut parts.headers, protocol);
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = parts.headers;
    answer.extensions_mut().insert(upstream);
    answer.extensions_mut().insert(Underway::of(flight));
    Ok(answer)
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &[u8]) -> bool {
    tokens(headers, name).any(|there| there.eq_ignore_ascii_case(token))
}

/// The members of a list that stands on any number of lines (RFC 9110 §5.6.1).
fn tokens<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}
