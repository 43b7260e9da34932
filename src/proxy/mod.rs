//! The reverse proxy: requests that the gate let through, sent on to an upstream.
//!
//! An [`Upstream`] is one configured server, at one or several addresses; requests choose neither it nor where it
//! redirects to.
//! [`Upstream::forward`] asks for a [`Permit`](crate::layer::Permit), builds the upstream's header lines
//! anew (see [`Sending`]), streams both bodies and turns what goes wrong into a rejection by `proxy`.
//!
//! ```
//! use trackgate::proxy::{Address, Settings, Upstream};
//!
//! let points = Settings::new("points", "http://127.0.0.1:8086/tracker".parse()?);
//! assert_eq!(Upstream::new(points)?.name(), "points");
//!
//! assert!("http://user:word@127.0.0.1".parse::<Address>().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It refuses `CONNECT` and `TRACE`, answers of the upstream whose framing has two readings, and answers
//! that switch to a protocol that was not asked for; asked for are only those that a route lists. It never
//! follows a redirect, and never sends a request twice of which a byte was written unless its method says that
//! this does no harm.

mod answer;
mod assertion;
mod body;
mod connect;
mod cookies;
mod headers;
mod identity;
mod names;
mod pool;
mod sending;
mod target;
#[cfg(test)]
mod tests;
mod told;
mod trailers;
pub mod translate;
mod upgrade;
mod upstream;

pub use assertion::{AssertionKey, KeyError};
pub(crate) use connect::poll_write_pieces;
pub use connect::{ClientCertificate, Protocol, Tls, TlsFault};
pub use sending::{Credentials, Forward, IdentityForm, Peer, Sending, Transport, UpstreamTime};
pub use told::{told, unsettable};
pub use translate::Translator;
pub use upstream::{
    AddressSnapshot, AnsweredBy, Checkup, Eject, Health, HostHeader, RequestLimits, Settings, SettingsError, Snapshot,
    Underway, Upstream,
};

pub use crate::config::address::{Address, AddressError};

/// Who says so in rejections made here.
const PROXY: &str = "proxy";
