//! The listener for those who run the gateway: metrics, health, the latest decisions.
//!
//! It is off unless the configuration has an `[admin]` section; then requests are counted and decisions kept. It
//! never shares a port with what everybody is served, and speaks to this machine and to listed networks alone.
//!
//! | path | answer |
//! | --- | --- |
//! | `/metrics` | Prometheus text |
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 200 while the gateway listens and its store answers, else 503 |
//! | `/decisions` | the latest decisions, newest first; `limit`, `reason`, `route` and `user` choose |
//! | `/decisions/{id}` | the decision on the request with this `X-Request-Id` |

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;

use crate::config::checked;
use crate::ports::Events;
use crate::telemetry::decisions::{Decisions, Ring};
use crate::telemetry::metrics::{Counters, Meter};

mod answer;
mod health;
mod query;
mod server;

use health::Health;
use server::Server;

/// What is counted and kept for the admin listener, and the listener itself while it is on.
#[derive(Debug)]
pub struct Desk {
    state: Arc<State>,
    threads: usize,
    server: Option<(SocketAddr, Server)>,
}

/// What the listener answers from.
#[derive(Debug)]
struct State {
    meter: Meter,
    health: Health,
    /// `None` while it is off.
    open: ArcSwapOption<Open>,
}

#[derive(Debug)]
struct Open {
    config: checked::Admin,
    decisions: Decisions,
}

/// The listener cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the admin listener cannot listen on {address}")]
pub struct AdminError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Another configuration of the listener, which nothing can keep from being taken.
#[derive(Debug)]
#[must_use = "nothing changes until it is taken"]
pub struct Prepared {
    open: Option<Arc<Open>>,
    /// A socket, unless the one that is there is right.
    socket: Option<std::net::TcpListener>,
}

impl Desk {
    /// For so many serving threads; the listener is off.
    pub fn new(threads: usize, now: SystemTime, store: Arc<dyn Events>) -> Self {
        let state = State { meter: Meter::new(threads, now), health: Health::new(store), open: ArcSwapOption::empty() };
        Self { state: Arc::new(state), threads, server: None }
    }

    /// Does what can fail of a change to this configuration.
    ///
    /// # Errors
    ///
    /// [`AdminError`] if its address cannot be listened on.
    pub fn prepare(&self, config: Option<&checked::Admin>) -> Result<Prepared, AdminError> {
        let Some(config) = config else { return Ok(Prepared { open: None, socket: None }) };
        let now = self.state.open.load_full();
        let kept = now.as_ref().filter(|now| now.config.decisions == config.decisions);
        let decisions = kept.map(|now| now.decisions.clone());
        let decisions = decisions.unwrap_or_else(|| Decisions::new(self.threads, config.decisions));
        let is_there = self.server.is_some() && now.is_some_and(|now| now.config.address == config.address);
        let socket = if is_there {
            None
        } else {
            let address = config.address;
            Some(server::bind(address).map_err(|source| AdminError { address, source })?)
        };
        Ok(Prepared { open: Some(Arc::new(Open { config: config.clone(), decisions })), socket })
    }

    /// Goes on with a prepared configuration. Needs a tokio runtime around it, on which the listener works.
    pub fn take(&mut self, prepared: Prepared) {
        if prepared.open.is_none() {
            self.server = None;
        }
        self.state.open.store(prepared.open);
        if let Some(socket) = prepared.socket {
            let address = socket.local_addr();
            match address.and_then(|address| Ok((address, Server::start(socket, Arc::clone(&self.state))?))) {
                Ok(server) => self.server = Some(server),
                Err(error) => tracing::error!(%error, "the socket of the admin listener cannot be used"),
            }
        }
    }

    /// Where it listens; `None` while it is off.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(|(address, _server)| *address)
    }

    /// The metrics, to which others add their figures.
    pub fn meter(&self) -> &Meter {
        &self.state.meter
    }

    /// What a serving thread counts and keeps in; `None` while the listener is off.
    pub fn thread(&self, number: usize) -> Option<(Arc<Counters>, Option<Arc<Ring>>)> {
        let open = self.state.open.load();
        let ring = open.as_ref()?.decisions.ring(number).cloned();
        Some((Arc::clone(self.state.meter.thread(number)?), ring))
    }

    /// The gateway listens: it is ready as long as its store answers.
    pub fn listening(&self) {
        self.state.health.listening();
    }

    /// The gateway stops: whoever sends it requests should look for another one.
    pub fn draining(&self) {
        self.state.health.draining();
    }
}
