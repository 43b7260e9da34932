//! What the table tests of this crate share.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};
use trackgate_schemes::{AccountId, CanonicalPath, Credential, CredentialKind, Head, Identity, Subject};

use crate::{Decision, Policy, Term};

/// A request to put before a policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    method: &'a Method,
    client: Option<IpAddr>,
    now: SystemTime,
}

impl<'a> Ask<'a> {
    /// `GET /` from nowhere at the turn of 2026.
    pub(crate) fn new() -> Self {
        Self { method: &Method::GET, client: None, now: at("2026-01-01T00:00:00Z") }
    }

    pub(crate) fn method(self, method: &'a Method) -> Self {
        Self { method, ..self }
    }

    pub(crate) fn client(self, client: &str) -> Self {
        Self { client: client.parse().ok(), ..self }
    }

    pub(crate) fn now(self, now: SystemTime) -> Self {
        Self { now, ..self }
    }

    pub(crate) fn decide(self, rule: &dyn Policy, who: &Identity) -> Decision {
        self.with_head(|head| rule.decide(who, head))
    }

    pub(crate) fn explain(self, rule: &dyn Policy, who: &Identity) -> Term {
        self.with_head(|head| rule.explain(who, head))
    }

    fn with_head<T>(self, use_it: impl FnOnce(&Head<'_>) -> T) -> T {
        let (path, headers) = (CanonicalPath::parse("/").unwrap(), HeaderMap::new());
        use_it(&Head::new(self.method, &path, &headers).with_client(self.client).with_now(self.now))
    }
}

/// The identity of an account without grants.
pub(crate) fn rider(number: i64) -> Identity {
    let credential = Credential::new(CredentialKind::Password, number.to_string());
    Identity::new(Subject::Account(AccountId(number)), "rider", "basic", credential)
}

/// An instant in RFC 3339.
pub(crate) fn at(text: &str) -> SystemTime {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// So many seconds.
pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
