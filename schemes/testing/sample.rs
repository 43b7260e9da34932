//! A request, as far as a scheme sees it.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::{CanonicalPath, Head, Scheme, Step};

/// A request that a test shows to a scheme: `GET /` with what is added.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    headers: HeaderMap,
    query: Option<String>,
    client: Option<IpAddr>,
}

impl Sample {
    /// A request without any credential.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more header line.
    ///
    /// # Panics
    ///
    /// If name or value cannot stand in a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).expect("a header's value"));
        self
    }

    /// With this text behind `?`.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }

    /// From this address.
    #[must_use]
    pub fn client(mut self, client: IpAddr) -> Self {
        self.client = Some(client);
        self
    }

    /// Its header lines.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its header lines, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Shows it to `look` as a [`Head`] that came in at `now`.
    pub fn show<R>(&self, now: SystemTime, look: impl FnOnce(&Head<'_>) -> R) -> R {
        let Ok(path) = CanonicalPath::parse("/") else { unreachable!("a slash is a canonical path") };
        let head = Head::new(&Method::GET, &path, &self.headers).with_now(now);
        look(&head.with_query(self.query.as_deref()).with_client(self.client))
    }

    /// What `scheme` says of it at `now`.
    pub fn ask(&self, scheme: &dyn Scheme, now: SystemTime) -> Step {
        self.show(now, |head| scheme.authenticate(head))
    }

    /// The instant at which samples are shown unless a test says otherwise: some day in 2026.
    pub fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }
}
