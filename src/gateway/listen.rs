//! Listening sockets, one per core and address, and the loops that accept.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout_at;

use super::Respond;
use super::client_address::unmapped;
use super::connection::Core;
use super::limits::Limits;
use super::shutdown::{Handle, Open, Phase, draining};
use super::tls::TlsReloader;
use super::traffic::Connections;

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsReloader>,
    /// Whether a client may speak HTTP/2 without TLS and without having asked.
    pub(crate) prior_knowledge: bool,
    proxies: Vec<IpNet>,
}

impl Listener {
    /// Listens in the clear. Port 0 takes a free one. On loopback clients may speak HTTP/2 with prior knowledge.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, tls: None, prior_knowledge: address.ip().is_loopback(), proxies: Vec::new() }
    }

    /// Lets clients speak HTTP/2 with prior knowledge on any address (RFC 9113 section 3.3), as gRPC does.
    #[must_use]
    pub fn with_prior_knowledge(mut self) -> Self {
        self.prior_knowledge = true;
        self
    }

    /// Speaks TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsReloader) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Demands a PROXY header of peers in these networks; no other peer can send one.
    #[must_use]
    pub fn with_proxy_protocol(mut self, peers: &[IpNet]) -> Self {
        self.proxies = peers.iter().map(unmapped).collect();
        self
    }

    pub(crate) fn speaks_proxy_protocol(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&peer))
    }
}

/// The gateway could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is no thread or runtime to be had.
    #[error("cannot start the threads of the gateway")]
    Threads(#[source] io::Error),
}

/// Starts the gateway on `cores` threads, or one per core of the machine.
///
/// `respond` is called once on each of them, inside its runtime, with the number of the thread: what it makes is
/// not shared with the others, so it can hold connections of its own. Use an `Arc` to share.
///
/// # Errors
///
/// [`StartError`]; nothing listens then.
pub fn start<R, F>(
    listeners: Vec<Listener>,
    limits: Limits,
    cores: Option<NonZeroUsize>,
    respond: F,
) -> Result<Handle, StartError>
where
    R: Respond,
    F: Fn(usize) -> R + Send + Sync + 'static,
{
    let cores = cores.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut sockets: Vec<Vec<(TcpListener, Arc<Listener>)>> = (0..cores).map(|_core| Vec::new()).collect();
    let mut addresses = Vec::new();
    for listener in listeners {
        let address = listener.address;
        let listener = Arc::new(listener);
        let bound = bind_all(address, cores).map_err(|source| StartError::Listen { address, source })?;
        addresses.push(bound.first().map_or(Ok(address), TcpListener::local_addr).map_err(StartError::Threads)?);
        for (socket, core) in bound.into_iter().zip(&mut sockets) {
            core.push((socket, Arc::clone(&listener)));
        }
    }
    let (phase, phase_seen) = watch::channel(Phase::Running);
    let (open, _) = watch::channel(0);
    let connections = Connections { open, traffic: Arc::default() };
    let (ended, all_ended) = mpsc::unbounded_channel();
    let permits = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let limits = Arc::new(limits);
    let respond = Arc::new(respond);
    let mut threads = Vec::new();
    for (number, sockets) in sockets.into_iter().enumerate() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Threads)?;
        let worker = Worker {
            sockets,
            limits: Arc::clone(&limits),
            permits: Arc::clone(&permits),
            phase: phase_seen.clone(),
            connections: connections.clone(),
        };
        let respond = Arc::clone(&respond);
        let ended = ended.clone();
        let thread = thread::Builder::new().name(format!("gateway-{number}")).spawn(move || {
            let left = worker.run(&runtime, || respond(number));
            runtime.shutdown_background();
            // Nobody listens when the handle was dropped.
            let _listens = ended.send(left).is_ok();
        });
        threads.push(thread.map_err(StartError::Threads)?);
    }
    Ok(Handle::new(addresses, phase, connections, all_ended, threads))
}

/// One thread's part.
struct Worker {
    sockets: Vec<(TcpListener, Arc<Listener>)>,
    limits: Arc<Limits>,
    permits: Arc<Semaphore>,
    phase: watch::Receiver<Phase>,
    connections: Connections,
}

impl Worker {
    /// Runs until the gateway ends; how many connections of all threads were open then.
    fn run<R: Respond>(self, runtime: &Runtime, respond: impl FnOnce() -> R) -> usize {
        runtime.block_on(async move {
            let core =
                Arc::new(Core::new(respond(), self.limits, self.phase.clone(), Arc::clone(&self.connections.traffic)));
            for (socket, listener) in self.sockets {
                let socket = match tokio::net::TcpListener::from_std(socket) {
                    Ok(socket) => socket,
                    Err(error) => {
                        tracing::error!(%error, "a listening socket cannot be used");
                        continue;
                    }
                };
                let (core, permits) = (Arc::clone(&core), Arc::clone(&self.permits));
                let accepting = accept(socket, listener, core, permits, self.connections.clone(), self.phase.clone());
                tokio::spawn(accepting);
            }
            let deadline = draining(&mut self.phase.clone()).await;
            let mut open = self.connections.open.subscribe();
            let _in_time = timeout_at(deadline, open.wait_for(|open| *open == 0)).await.is_ok();
            self.connections.open()
        })
    }
}

async fn accept<R: Respond>(
    socket: tokio::net::TcpListener,
    listener: Arc<Listener>,
    core: Arc<Core<R>>,
    permits: Arc<Semaphore>,
    connections: Connections,
    mut phase: watch::Receiver<Phase>,
) {
    let mut pause = PAUSE;
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _deadline = draining(&mut phase) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                // Out of descriptors or memory: connections wait in the kernel's queue until some are back.
                tracing::warn!(%error, "cannot accept, waiting");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _deadline = draining(&mut phase) => return,
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        pause = PAUSE;
        let permit = tokio::select! {
            permit = Arc::clone(&permits).acquire_owned() => permit,
            _deadline = draining(&mut phase) => return,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { return };
        let guard = (Open::new(&connections.open, &connections.traffic), permit);
        tokio::spawn(Arc::clone(&core).serve(stream, peer, Arc::clone(&listener), guard));
    }
}

/// Whether the fault was that of a client that is gone already.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// One socket per core on the same address.
fn bind_all(address: SocketAddr, cores: usize) -> io::Result<Vec<TcpListener>> {
    if address.port() != 0 {
        // Shared ports are shared with strangers too: make sure that nobody has this one.
        drop(bind(address, Sharing::No)?);
    }
    let first = bind(address, Sharing::Yes)?;
    let address = SocketAddr::new(address.ip(), first.local_addr()?.port());
    let mut all = vec![first];
    for _ in 1..cores {
        all.push(bind(address, Sharing::Yes)?);
    }
    Ok(all)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    No,
    Yes,
}

fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::Yes)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if sharing == Sharing::Yes {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

const BACKLOG: i32 = 1024;
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
