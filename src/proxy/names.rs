//! Which header names a client, or an upstream, has no say in.
//!
//! All tests look at the *normalised* name: lower case, `_` and `.` read as `-`, since servers behind CGI,
//! WSGI and the like cannot tell those apart.

use std::borrow::Cow;

use http::{HeaderName, header};

/// The name as upstreams may read it; header names are in lower case already.
pub(super) fn normalised(name: &str) -> Cow<'_, str> {
    if is_plain(name) { Cow::Borrowed(name) } else { Cow::Owned(name.replace(['_', '.'], "-")) }
}

/// Whether the name has only one reading.
pub(super) fn is_plain(name: &str) -> bool {
    !name.bytes().any(|b| matches!(b, b'_' | b'.'))
}

/// Whether nearly every request has such a line: one that no rule of this room is about.
pub(super) fn is_of_every_request(name: &HeaderName) -> bool {
    OF_EVERY_REQUEST.contains(name)
}

/// Whether nearly every answer has such a line: one that no rule of this room is about.
pub(super) fn is_of_every_answer(name: &HeaderName) -> bool {
    OF_EVERY_ANSWER.contains(name)
}

/// Whether a normalised name stands for this hop alone, or for framing (RFC 9110 §7.6.1).
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection" | "http2-settings" | "keep-alive" | "proxy" | "te" | "trailer" | "transfer-encoding" | "upgrade"
    ) || name.starts_with("proxy-")
}

/// Whether a normalised name says where a message ends or to whom it goes: such lines are made anew.
pub(super) fn is_framing(name: &str) -> bool {
    is_hop_by_hop(name) || matches!(name, "content-length" | "expect" | "host")
}

/// Whether a normalised name is one under which the gateway itself speaks to upstreams.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("x-trackgate-")
}

/// Whether the client's lines of this normalised name never reach an upstream.
pub(super) fn is_withheld(name: &str) -> bool {
    match name.as_bytes() {
        [b'x', b'-', ..] => is_ours(name) || is_extension(name),
        _ => {
            is_framing(name)
                || starts_with_any(name, &["cf-access-", "client-cert", "remote-", "ssl-"])
                || matches!(
                    name,
                    "cf-connecting-ip"
                        | "cf-connecting-ipv6"
                        | "cf-pseudo-ipv4"
                        | "client-ip"
                        | "fastly-client-ip"
                        | "forwarded"
                        | "forwarded-for"
                        | "front-end-https"
                        | "true-client-ip"
                        | "via"
                )
        }
    }
}

/// The same for names with `x-` in front.
fn is_extension(name: &str) -> bool {
    starts_with_any(name, IDENTITY)
        || starts_with_any(name, FORWARDING)
        || starts_with_any(name, CERTIFICATE)
        || matches!(
            name,
            // Identity.
            "x-email" | "x-groups" | "x-roles" | "x-user" | "x-user-email" | "x-user-groups" | "x-user-id"
            | "x-user-name" | "x-user-roles" | "x-username"
            // Forwarding.
            | "x-appengine-user-ip" | "x-azure-clientip" | "x-azure-socketip" | "x-client-ip"
            | "x-cluster-client-ip" | "x-coming-from" | "x-forwarded" | "x-from-ip" | "x-gateway-host" | "x-host"
            | "x-http-host-override" | "x-ip" | "x-originating-ip" | "x-proxy-url" | "x-proxyuser-ip"
            | "x-real-ip" | "x-real-port" | "x-request-id" | "x-rewrite-url" | "x-scheme" | "x-true-client-ip"
            | "x-true-ip" | "x-url-scheme"
            // The method that counts is the one in the request line.
            | "x-http-method" | "x-http-method-override" | "x-method-override"
            // Client certificates.
            | "x-arr-clientcert" | "x-client-dn" | "x-client-verify"
        )
}

fn starts_with_any(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// Names that are compared with one look each, the commonest first.
pub(super) static OF_EVERY_REQUEST: &[HeaderName] = &[
    header::ACCEPT,
    header::USER_AGENT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::REFERER,
    header::ORIGIN,
    header::IF_NONE_MATCH,
];

/// The same for answers.
pub(super) static OF_EVERY_ANSWER: &[HeaderName] = &[
    header::DATE,
    header::CONTENT_TYPE,
    header::SERVER,
    header::CONTENT_LENGTH,
    header::LAST_MODIFIED,
    header::ETAG,
    header::CACHE_CONTROL,
    header::ACCEPT_RANGES,
    header::VARY,
];

/// Names by which proxies of many makes say who is asking.
const IDENTITY: &[&str] = &[
    "x-amzn-oidc-",
    "x-auth-",
    "x-authenticated-",
    "x-authentik-",
    "x-consumer-",
    "x-credential-",
    "x-goog-authenticated-user-",
    "x-goog-iap-",
    "x-ms-client-principal",
    "x-pomerium-",
    "x-remote-",
    "x-vouch-",
    "x-webauth-",
];

/// Names by which they say where a request came from and what it was.
const FORWARDING: &[&str] = &["x-envoy-", "x-forwarded-", "x-original-"];

/// Names by which they hand on client certificates.
const CERTIFICATE: &[&str] = &["x-amzn-mtls-", "x-client-cert", "x-ssl-", "x-tls-"];
