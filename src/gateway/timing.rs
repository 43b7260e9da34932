//! `Server-Timing`: how long the gateway itself took, on routes that tell.

use std::fmt::Write as _;
use std::time::Instant;

use http::{HeaderName, HeaderValue, Response};

use crate::message::Body;
use crate::proxy::UpstreamTime;

/// Adds the gateway's own share since `started`, if the proxy says how long it waited for the upstream.
pub(super) fn told(mut response: Response<Body>, started: Instant) -> Response<Body> {
    if let Some(UpstreamTime(waited)) = response.extensions_mut().remove::<UpstreamTime>() {
        let own = started.elapsed().saturating_sub(waited);
        let mut text = String::with_capacity(24);
        // Milliseconds (Server Timing, W3C, section 3).
        if write!(text, "gateway;dur={:.3}", own.as_secs_f64() * 1000.0).is_ok()
            && let Ok(value) = HeaderValue::try_from(text)
        {
            response.headers_mut().append(SERVER_TIMING, value);
        }
    }
    response
}

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_share_is_what_is_left_without_the_upstream() {
        let started = Instant::now().checked_sub(Duration::from_millis(5020)).unwrap();
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(SERVER_TIMING, HeaderValue::from_static("db;dur=3"));
        assert_eq!(told(response, started).headers().get_all(SERVER_TIMING).iter().count(), 1);
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(UpstreamTime(Duration::from_secs(5)));
        let told = told(response, started);
        let text = told.headers()[SERVER_TIMING].to_str().unwrap();
        let dur: f64 = text.strip_prefix("gateway;dur=").unwrap().parse().unwrap();
        assert!((20.0..2000.0).contains(&dur), "{text}");
    }
}
