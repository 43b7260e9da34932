//! How an upstream is reached, and how much is asked of it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::super::connect::{Protocol, Tls, TlsFault};
use super::health::Health;
use crate::config::address::Address;
pub use crate::config::checked::UpstreamLimits as RequestLimits;

/// How an upstream is reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Its name in configuration, logs and assertions.
    pub name: Arc<str>,
    /// Where it is: from 1 to 64 addresses that answer alike.
    pub addresses: Vec<Address>,
    /// What it reads in `Host`.
    pub host: HostHeader,
    /// Which HTTP it is spoken to in.
    pub protocol: Protocol,
    /// TLS to its `https` addresses.
    pub tls: Tls,
    /// Longest time until it takes a connection, name look-up and handshake included; 2 s.
    pub connect_timeout: Duration,
    /// Longest silence between the last piece of the request and the head of the answer; 15 s.
    pub response_timeout: Duration,
    /// Longest time for which the answer's body, or a write, may stand still; 60 s.
    pub idle_timeout: Duration,
    /// How long a connection is kept without use; 3.5 s. It must be shorter than the upstream's own limit,
    /// or requests meet connections that are just being closed.
    pub pool_idle_timeout: Duration,
    /// How many connections are kept without use, for each address and core; 256.
    pub max_idle_connections: usize,
    /// How often a request that may be repeated is sent again at most; once. See [`Upstream`](super::Upstream).
    pub retries: u32,
    /// How much may be under way at once; `None` for any number.
    pub limits: Option<RequestLimits>,
    /// When an address is left out after failures; `None` for never.
    pub eject: Option<Eject>,
    /// How its addresses are looked after without requests; `None` for not at all.
    pub health: Option<Health>,
}

impl Settings {
    /// An upstream at one address with the times and numbers above: HTTP/1.1 or, where TLS agrees to it, HTTP/2,
    /// without limits and health checks, an address left out for 2 s after five failures in a row.
    pub fn new(name: impl Into<Arc<str>>, address: Address) -> Self {
        Self {
            name: name.into(),
            addresses: vec![address],
            host: HostHeader::Upstream,
            protocol: Protocol::Auto,
            tls: Tls::default(),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_mins(1),
            pool_idle_timeout: Duration::from_millis(3500),
            max_idle_connections: 256,
            retries: 1,
            limits: None,
            eject: Some(Eject::default()),
            health: None,
        }
    }
}

/// What an upstream reads in `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "configuration must choose one of these")]
pub enum HostHeader {
    /// The host that the client asked for; the upstream's own if the client named none.
    Client,
    /// This one.
    Named(HeaderValue),
    /// Host and port of the address; `localhost` for a socket.
    Upstream,
}

/// When an address is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eject {
    /// After how many requests in a row that got no answer.
    pub failures: NonZeroU32,
    /// For how long at first; twice as long each further time in a row, up to 16 times.
    pub time: Duration,
}

impl Default for Eject {
    fn default() -> Self {
        Self { failures: const { NonZeroU32::new(5).expect("it is not 0") }, time: Duration::from_secs(2) }
    }
}

/// Settings that do not make an upstream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// None or too many.
    #[error("an upstream has from 1 to 64 addresses")]
    AddressCount,
    /// What is said about TLS.
    #[error("tls")]
    Tls(#[from] TlsFault),
}
