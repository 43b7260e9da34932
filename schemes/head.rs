//! What schemes and policies see of a request.

use std::net::IpAddr;
use std::time::SystemTime;

use http::{HeaderMap, Method};

use crate::CanonicalPath;

/// The part of a request that decides who is asking and whether they may.
///
/// The body is never part of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Head<'a> {
    /// The request method, upper case.
    pub method: &'a Method,
    /// The one reading of the path that matching, policy, logs and upstream share.
    pub path: &'a CanonicalPath<'a>,
    /// The text behind `?`, undecoded.
    pub query: Option<&'a str>,
    /// All header lines.
    pub headers: &'a HeaderMap,
    /// The client's address, IPv4 never in its IPv6-mapped form; `None` when it cannot be known.
    pub client: Option<IpAddr>,
    /// The wall clock when the request came in.
    pub now: SystemTime,
}

impl<'a> Head<'a> {
    /// A head without query and client address, received now.
    pub fn new(method: &'a Method, path: &'a CanonicalPath<'a>, headers: &'a HeaderMap) -> Self {
        Self::at(method, path, headers, SystemTime::now())
    }

    /// A head without query and client address, received at `now`.
    pub fn at(method: &'a Method, path: &'a CanonicalPath<'a>, headers: &'a HeaderMap, now: SystemTime) -> Self {
        Self { method, path, query: None, headers, client: None, now }
    }

    /// With the text behind `?`.
    #[must_use]
    pub fn with_query(mut self, query: Option<&'a str>) -> Self {
        self.query = query;
        self
    }

    /// With the client's address; an IPv4-mapped IPv6 address becomes IPv4.
    #[must_use]
    pub fn with_client(mut self, client: Option<IpAddr>) -> Self {
        self.client = client.map(|address| address.to_canonical());
        self
    }

    /// Received at `now`.
    #[must_use]
    pub fn with_now(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }
}
