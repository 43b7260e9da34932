//! The listener for those who run the gateway: metrics, health, recent decisions.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::Listen;
use crate::config::error::Fault;
use crate::config::written;

/// The listener for those who run the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admin {
    /// Address and port.
    pub address: SocketAddr,
    /// Networks that may ask besides this machine.
    pub peers: Vec<IpNet>,
    /// How many decisions are kept.
    pub decisions: usize,
}

pub(super) fn check(written: &written::Admin, listen: &Listen) -> Result<Admin, Fault> {
    let address = written.address.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090));
    let is_everywhere = |address: SocketAddr| address.ip().is_unspecified();
    let same_ip = address.ip() == listen.address.ip() || is_everywhere(address) || is_everywhere(listen.address);
    if same_ip && address.port() == listen.address.port() && address.port() != 0 {
        let message = format!("{address} is where everybody is served; give it a port of its own");
        return Err(Fault::new(message).under("address"));
    }
    if let Some(index) = written.peers.iter().position(|net| net.prefix_len() == 0) {
        let message = "a network that holds every address would show everybody who asks for what; list those who watch";
        return Err(Fault::new(message).under(index).under("peers"));
    }
    if !address.ip().is_loopback() && written.peers.is_empty() {
        let message = format!(
            "{address} is not a loopback address, and nobody beyond this machine may ask; list who may in `peers`"
        );
        return Err(Fault::new(message).under("address"));
    }
    let decisions = written.decisions.unwrap_or(10_000);
    if decisions > MAX_DECISIONS {
        return Err(Fault::new(format!("at most {MAX_DECISIONS} decisions are kept")).under("decisions"));
    }
    Ok(Admin { address, peers: written.peers.clone(), decisions })
}

const MAX_DECISIONS: usize = 1_000_000;
