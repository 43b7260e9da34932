//! The listener at which other proxies ask whether a request may pass.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use http::HeaderValue;
use ipnet::IpNet;

use super::super::error::Fault;
use super::super::written;
use super::{Route, Target, Tls, is_in_clear, tls};

/// Where other proxies ask whether a request may pass.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ForwardAuth {
    /// Where they ask over HTTP.
    pub address: SocketAddr,
    /// Where Envoy asks over gRPC.
    pub grpc: Option<SocketAddr>,
    /// Who may ask.
    pub peers: Vec<IpNet>,
    /// Certificate and key files.
    pub tls: Option<Tls>,
    /// Whether answers hold an assertion.
    pub assertion: bool,
    /// The audience of assertions; `None` for the name of the route.
    pub audience: Option<String>,
}

impl ForwardAuth {
    /// Whether a restart is needed to get from here to there.
    pub fn listens_as(&self, other: &Self) -> bool {
        (self.address, self.grpc, &self.tls) == (other.address, other.grpc, &other.tls)
    }
}

pub(super) fn check(
    written: &written::ForwardAuth,
    base: &Path,
    warnings: &mut Vec<String>,
) -> Result<ForwardAuth, Fault> {
    let tls = tls(written.tls.as_ref(), base)?;
    let address = written.address.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT));
    let named = [("address", Some(address)), ("grpc", written.grpc)];
    for (key, place) in named.into_iter().filter_map(|(key, place)| Some((key, place?))) {
        if is_in_clear(place, tls.as_ref(), written.allow_plain).map_err(|fault| fault.under(key))? {
            warnings.push(format!("forward-auth on {place} without TLS: credentials travel in clear"));
        }
    }
    if written.grpc.is_some_and(|grpc| grpc == address && grpc.port() != 0) {
        return Err(Fault::new("that is `address` already; gRPC needs a port of its own").under("grpc"));
    }
    let (assertion, audience) = (written.assertion.unwrap_or(true), audience(written)?);
    if audience.is_some() && !assertion {
        return Err(
            Fault::new("without an `assertion` there is nothing that an audience could be of").under("audience")
        );
    }
    Ok(ForwardAuth { address, grpc: written.grpc, peers: peers(written)?, tls, assertion, audience })
}

fn peers(written: &written::ForwardAuth) -> Result<Vec<IpNet>, Fault> {
    let loopback = || vec![net(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8), net(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)];
    let peers = written.peers.clone().unwrap_or_else(loopback);
    if peers.is_empty() {
        return Err(Fault::new("an empty list would let nobody ask; list your proxies").under("peers"));
    }
    if let Some(index) = peers.iter().position(|net| net.prefix_len() == 0) {
        let message = "a network that holds every address would let anybody ask in anybody's name; list your proxies";
        return Err(Fault::new(message).under(index).under("peers"));
    }
    Ok(peers)
}

fn audience(written: &written::ForwardAuth) -> Result<Option<String>, Fault> {
    match &written.audience {
        Some(name) if name.is_empty() || HeaderValue::from_str(name).is_err() => {
            Err(Fault::new("an audience is a word of printable ASCII, such as `grafana`").under("audience"))
        }
        audience => Ok(audience.clone()),
    }
}

fn net(address: IpAddr, prefix: u8) -> IpNet {
    IpNet::new(address, prefix).expect("no address has fewer bits")
}

/// The target of a route that exists for questions alone.
pub(super) fn target(written: &written::Route) -> Result<Target, Fault> {
    let others = [
        ("upstream", written.upstream.is_some()),
        ("tracker", written.tracker.is_some()),
        ("pages", written.pages.is_some()),
    ];
    match others.into_iter().find(|(_, is_there)| *is_there) {
        Some((key, _)) => {
            let message = format!("every route answers questions: `forward_auth` is for those without `{key}`");
            Err(Fault::new(message).under("forward_auth"))
        }
        None => Ok(Target::ForwardAuth),
    }
}

/// Tells of routes at which nobody can ask.
pub(super) fn warn(settings: Option<&ForwardAuth>, routes: &[Route], warnings: &mut Vec<String>) {
    if settings.is_some() {
        return;
    }
    for route in routes.iter().filter(|route| route.target == Target::ForwardAuth) {
        warnings.push(format!("nobody can ask for the route `{}`: there is no section [forward_auth]", route.name));
    }
}

const PORT: u16 = 9091;
