//! Protocols to which the requests of a route may switch.

use http::Method;

use super::super::error::Fault;
use super::routes::{Match, Target};

/// The protocols in lower case, each once.
///
/// # Errors
///
/// For what is no protocol name (RFC 9110 §16.7), for HTTP itself, and where nothing could switch.
pub(super) fn check(written: &[String], matches: &Match, target: &Target) -> Result<Vec<String>, Fault> {
    if written.is_empty() {
        return Ok(Vec::new());
    }
    if !matches!(target, Target::Upstream { .. }) {
        return Err(Fault::new("only routes to an upstream can switch protocols"));
    }
    if let Match::Path { methods, .. } = matches
        && !(methods.is_empty() || methods.contains(&Method::GET))
    {
        return Err(Fault::new("a request that switches protocols is a `GET`; the route's `match` leaves it out"));
    }
    let mut checked = Vec::new();
    for (index, protocol) in written.iter().enumerate() {
        let protocol = name(protocol).map_err(|fault| fault.under(index))?;
        if checked.contains(&protocol) {
            return Err(Fault::new(format!("`{protocol}` stands there twice")).under(index));
        }
        checked.push(protocol);
    }
    Ok(checked)
}

fn name(written: &str) -> Result<String, Fault> {
    let protocol = written.to_ascii_lowercase();
    let mut parts = protocol.splitn(2, '/');
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(is_token);
    if !parts.clone().all(is_token) {
        return Err(Fault::new(format!("`{written}` is not a protocol such as `websocket`")));
    }
    // Requests inside such a tunnel would pass without being asked who they are.
    if matches!(parts.next(), Some("h2" | "h2c" | "http" | "http2-settings" | "https" | "tls")) {
        return Err(Fault::new(format!("`{written}` would carry requests past the gate; it can never be listed")));
    }
    Ok(protocol)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
