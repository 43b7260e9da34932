//! Methods: what an identity may do with a path, told by the request method.

use http::Method;
use trackgate_schemes::{Head, Identity, Reason, Rejection};

use crate::{Decision, Policy};

/// Lets through these methods only.
///
/// Methods are compared as they are written (RFC 9110 §9.1: they are case-sensitive). `HEAD` and
/// `OPTIONS` are methods of their own and must be named where they are wanted. A refusal is a 403, for
/// the path does know the method; 405 is the answer of routes.
///
/// ```
/// use http::{HeaderMap, Method};
/// use trackgate_policies::{Methods, Policy};
/// use trackgate_schemes::{CanonicalPath, Head, Identity};
///
/// let read_only = Methods::new([Method::GET, Method::HEAD]);
/// let (path, headers) = (CanonicalPath::parse("/query")?, HeaderMap::new());
/// let nobody = Identity::anonymous();
/// assert!(read_only.decide(&nobody, &Head::new(&Method::GET, &path, &headers)).is_allow());
/// assert!(!read_only.decide(&nobody, &Head::new(&Method::POST, &path, &headers)).is_allow());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Methods {
    allowed: Box<[Method]>,
}

impl Methods {
    /// Allows these; an empty list lets nothing through.
    pub fn new(allowed: impl IntoIterator<Item = Method>) -> Self {
        Self { allowed: allowed.into_iter().collect() }
    }
}

impl Policy for Methods {
    fn id(&self) -> &'static str {
        ID
    }

    fn decide(&self, _who: &Identity, head: &Head<'_>) -> Decision {
        if self.allowed.contains(head.method) {
            Decision::Allow
        } else {
            Decision::Deny(Rejection::new(Reason::MethodDenied, ID))
        }
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.allowed.iter().map(Method::as_str).collect();
        names.join(" ")
    }
}

const ID: &str = "methods";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ask, rider};

    #[test]
    fn only_the_named_methods_go_on() {
        let purge = Method::from_bytes(b"PURGE").unwrap();
        let lower = Method::from_bytes(b"get").unwrap();
        let rows: [(&[Method], &Method, bool); 7] = [
            (&[Method::GET, Method::HEAD], &Method::GET, true),
            (&[Method::GET, Method::HEAD], &Method::HEAD, true),
            (&[Method::GET], &Method::HEAD, false),
            (&[Method::GET], &Method::POST, false),
            (&[Method::GET], &lower, false),
            (std::slice::from_ref(&purge), &purge, true),
            (&[], &Method::GET, false),
        ];
        for (allowed, method, goes_on) in rows {
            let rule = Methods::new(allowed.iter().cloned());
            let decision = Ask::new().method(method).decide(&rule, &rider(1));
            let why = Rejection::new(Reason::MethodDenied, "methods");
            let wanted = if goes_on { Decision::Allow } else { Decision::Deny(why) };
            assert_eq!(decision, wanted, "{method} of {allowed:?}");
        }
        assert_eq!(Methods::new([Method::GET, Method::HEAD]).describe(), "GET HEAD");
    }
}
