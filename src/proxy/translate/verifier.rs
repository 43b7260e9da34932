//! Tells whether a name and a password are right at an upstream, by its own login.

use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::{AccountId, Secret};

use super::Broker;
use crate::accounts::{CheckLink, Checking};
use crate::proxy::Upstream;

/// Asks the login of one upstream. What is right is a session that is open already.
#[derive(Debug)]
pub struct Verifier {
    broker: Arc<Broker>,
    upstream: Upstream,
}

impl Verifier {
    /// Asks by this broker of this upstream.
    pub fn new(broker: Arc<Broker>, upstream: Upstream) -> Self {
        Self { broker, upstream }
    }
}

impl CheckLink for Verifier {
    fn check<'a>(&'a self, by: AccountId, user: &'a str, secret: &'a Secret, now: SystemTime) -> Checking<'a> {
        // It may be asked on any runtime, and seldom is.
        let upstream = self.upstream.with_own_connections();
        Box::pin(async move { self.broker.check(&upstream, by, user, secret, now).await })
    }
}
