//! The request that a question is about.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use trackgate_schemes::{Reason, Rejection};

use super::FORWARD_AUTH;
use crate::gateway::TrustedProxies;
use crate::gateway::framing::{authority, is_method, is_origin_form};
use crate::proxy;

/// The request that a question is about, as the main listener would see it.
#[derive(Debug)]
pub(super) struct Original {
    pub(super) method: Method,
    /// Its target in origin form.
    pub(super) uri: Uri,
    pub(super) host: String,
    /// Its header lines, `Host` among them.
    pub(super) headers: HeaderMap,
    /// `None` when it is named in a way that cannot be read: then no rule about addresses may match.
    pub(super) client: Option<IpAddr>,
    /// Why it may not pass, whatever routes there are.
    pub(super) fault: Option<Rejection>,
}

/// The parts of a request as they were named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) host: &'a [u8],
}

impl Original {
    /// Puts a request together. What the client is to blame for becomes a [`fault`](Self::fault), as on the main
    /// listener.
    pub(super) fn new(named: Named<'_>, mut headers: HeaderMap, client: Option<IpAddr>, target_bytes: usize) -> Self {
        let mut fault = None;
        let mut blame = |reason| {
            fault.get_or_insert(Rejection::new(reason, FORWARD_AUTH));
        };
        let method = match Method::from_bytes(named.method) {
            Ok(method) if is_method(named.method) => method,
            _ => {
                blame(Reason::BadRequest);
                Method::GET
            }
        };
        if method == Method::CONNECT || method == Method::TRACE {
            blame(Reason::MethodNotAllowed);
        }
        if named.target.len() > target_bytes {
            blame(Reason::TargetTooLong);
        }
        let uri = match Uri::try_from(named.target) {
            Ok(uri) if is_origin_form(named.target) => uri,
            _ => {
                blame(Reason::BadRequest);
                Uri::default()
            }
        };
        if !authority::is_valid(named.host) {
            blame(Reason::BadRequest);
        }
        // Whoever asks can overwrite our names, and nothing that only looks like them.
        if headers.keys().any(proxy::unsettable) {
            blame(Reason::BadRequest);
        }
        match HeaderValue::from_bytes(named.host) {
            Ok(host) => headers.insert(header::HOST, host),
            Err(_bad) => headers.remove(header::HOST),
        };
        let host = String::from_utf8_lossy(named.host).into_owned();
        Self { method, uri, host, headers, client, fault }
    }
}

/// A question that does not say what it is about. Its text tells an operator what to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has no line of this name, or an empty one; `how` to set it.
    Missing { header: &'static str, how: &'static str },
    /// It is no message of Envoy's.
    Unreadable,
    /// It has more lines of this name than one: which of them counts?
    Twice { header: &'static str },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { header, how } => {
                write!(f, "the question does not name the original request: `{header}` is missing or empty; {how}")
            }
            Self::Unreadable => f.write_str("the question is no CheckRequest that names a request and its source"),
            Self::Twice { header } => {
                write!(f, "the question has several lines `{header}`: set it, instead of adding to the client's")
            }
        }
    }
}

/// Takes the one line of this name out of a question's.
///
/// # Errors
///
/// [`Fault`] if there is none, or more.
pub(super) fn take(headers: &mut HeaderMap, header: &'static str, how: &'static str) -> Result<HeaderValue, Fault> {
    let name = HeaderName::from_static(header);
    if headers.get_all(&name).iter().nth(1).is_some() {
        return Err(Fault::Twice { header });
    }
    match headers.remove(&name) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(Fault::Missing { header, how }),
    }
}

/// Takes the client's address out of the lines `X-Forwarded-For`, the last of which ends with what the asker says.
///
/// # Errors
///
/// [`Fault`] if there are none.
pub(super) fn take_client(
    headers: &mut HeaderMap,
    proxies: &TrustedProxies,
    how: &'static str,
) -> Result<Option<IpAddr>, Fault> {
    let client = proxies.named(headers);
    match headers.remove(X_FORWARDED_FOR) {
        Some(_) => Ok(client),
        None => Err(Fault::Missing { header: X_FORWARDED_FOR, how }),
    }
}

const X_FORWARDED_FOR: &str = "x-forwarded-for";
