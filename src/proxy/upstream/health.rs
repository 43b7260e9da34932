//! Health checks: each address is asked now and then, whether or not there are requests.

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, StatusCode, Uri, Version, header};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::state::{State, chain};
use super::{Settings, Upstream};
pub use crate::config::checked::UpstreamHealth as Health;
use crate::proxy::connect::{Connector, Spoken, Wanted};

impl Health {
    /// Asks for `path` every 10 s, which may take 2 s; 200 to 399 is a good answer, two in a row make an address up,
    /// three others down.
    pub fn new(path: PathAndQuery) -> Self {
        Self {
            path,
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
            expect: vec![(200, 399)],
            rise: const { NonZeroU32::new(2).expect("it is not 0") },
            fall: const { NonZeroU32::new(3).expect("it is not 0") },
        }
    }
}

/// Looks after upstreams as long as it lives.
#[derive(Debug, Default)]
pub struct Checkup {
    tasks: JoinSet<()>,
}

impl Checkup {
    /// Begins to check each address of those that want it, the first time at once. Needs a tokio runtime around it.
    pub fn start<'a>(upstreams: impl IntoIterator<Item = &'a Upstream>) -> Self {
        let mut tasks = JoinSet::new();
        for upstream in upstreams {
            let Some(health) = upstream.settings().health.clone() else { continue };
            let health = Arc::new(health);
            for index in 0..upstream.settings().addresses.len() {
                if let Some(check) = Check::new(upstream, index, Arc::clone(&health)) {
                    tasks.spawn(check.run());
                }
            }
        }
        Self { tasks }
    }

    /// How many addresses are checked.
    pub fn addresses(&self) -> usize {
        self.tasks.len()
    }
}

/// The checks of one address.
struct Check {
    state: Arc<State>,
    index: usize,
    connector: Connector,
    host: HeaderValue,
    scheme: http::uri::Scheme,
    health: Arc<Health>,
}

impl Check {
    fn new(upstream: &Upstream, index: usize, health: Arc<Health>) -> Option<Self> {
        let settings: &Settings = upstream.settings();
        let address = settings.addresses.get(index)?;
        Some(Self {
            state: Arc::clone(upstream.state()),
            index,
            connector: upstream.connector(address),
            host: settings.host.of(None, address),
            scheme: super::scheme(address),
            health,
        })
    }

    async fn run(self) {
        let mut ticks = interval(self.health.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut good, mut bad) = (0_u32, 0_u32);
        loop {
            ticks.tick().await;
            let outcome = timeout(self.health.timeout, self.ask()).await;
            let outcome = outcome.unwrap_or_else(|_elapsed| Err("there was no answer in time".into()));
            if outcome.is_ok() {
                self.state.is_reached(self.index);
                (good, bad) = (good.saturating_add(1), 0);
            } else {
                (good, bad) = (0, bad.saturating_add(1));
            }
            match outcome {
                Err(error) if bad == self.health.fall.get() => self.state.set_down(self.index, true, &chain(&*error)),
                Ok(()) if good == self.health.rise.get() => self.state.set_down(self.index, false, ""),
                _ => {}
            }
        }
    }

    async fn ask(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (wire, spoken) = self.connector.connect(Wanted::Any).await?;
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = self.health.path.clone().into();
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("trackgate"));
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let status = match spoken {
            Spoken::Http1 => {
                request.headers_mut().insert(header::HOST, self.host.clone());
                request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                let (mut sender, connection) = http1::handshake(wire).await?;
                let mut tasks = JoinSet::new();
                tasks.spawn(connection);
                sender.send_request(request).await?.status()
            }
            Spoken::Http2 => {
                let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.host.as_bytes());
                *request.uri_mut() = uri.path_and_query(self.health.path.clone()).build()?;
                *request.version_mut() = Version::HTTP_2;
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), wire).await?;
                let mut tasks = JoinSet::new();
                tasks.spawn(connection);
                sender.send_request(request).await?.status()
            }
        };
        self.judge(status)
    }

    fn judge(&self, status: StatusCode) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.health.expect.iter().any(|(first, last)| (*first..=*last).contains(&status.as_u16())) {
            return Ok(());
        }
        Err(format!("the answer was {status}").into())
    }
}
