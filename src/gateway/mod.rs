//! The connection side of the gateway: from sockets to requests.
//!
//! [`start`] runs one single-threaded runtime per core, each with its own listening socket. A connection
//! may begin with a PROXY header (from listed peers only) and TLS; then it speaks HTTP/1.1 or, by ALPN or
//! with prior knowledge on loopback, HTTP/2. Requests reach a [`Respond`] only when their framing has one
//! reading, their head is within the [`Limits`], and they pass [`check_request`]; whatever stops before is
//! given to the same [`Respond`] as a rejection, so that it can word and log it.
//!
//! ```no_run
//! use http::{Request, Response};
//! use trackgate::gateway::{Limits, Listener, Peer, Respond, start};
//! use trackgate::message::Body;
//! use trackgate_schemes::Rejection;
//!
//! struct Hello;
//!
//! impl Respond for Hello {
//!     async fn respond(&self, _request: Request<Body>, _peer: &Peer) -> Response<Body> {
//!         Response::new("hello".into())
//!     }
//!
//!     fn refuse(&self, why: &Rejection, _head: Option<&http::request::Parts>, _peer: &Peer) -> Response<Body> {
//!         let mut response = Response::new(Body::empty());
//!         *response.status_mut() = why.reason.status();
//!         response
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listeners = vec![Listener::new("127.0.0.1:8080".parse()?)];
//! let gateway = start(listeners, Limits::default(), None, |_core| Hello)?;
//! println!("listening on {}", gateway.addresses()[0]);
//! # Ok(())
//! # }
//! ```
//!
//! It refuses on its own: all that [`check_request`] and the strict reading of HTTP/1.1 (RFC 9112) refuse,
//! connections beyond the limit, floods of HTTP/2 control frames, and whoever is too slow.

use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use trackgate_schemes::Rejection;

use crate::message::Body;

mod body;
mod certificate;
mod client_address;
mod connection;
mod docs;
mod explain;
mod flood;
mod forward_auth;
mod framing;
mod lent;
mod limits;
mod listen;
mod log;
mod observed;
mod peer;
mod pipeline;
mod proxy_protocol;
mod raw_head;
mod request;
mod routes;
mod shared;
mod shutdown;
mod streams;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod timing;
mod tls;
mod trace;
mod traffic;
mod transport;
mod tunnel;
mod well_known;
mod wire;

pub use body::limited;
pub use client_address::{ForwardedHeader, TrustedProxies, TrustsEverybody};
pub use docs::{DOCUMENT_PATH, PAGE_PATH, docs};
pub use explain::{Explanation, Headers, IdentitySeen, OtherRoute, Outcome, PolicySaid, Question, SchemeSaid};
pub use forward_auth::{Asking, ForwardAuth};
pub use framing::{Advance, Framing, Stop};
pub use limits::Limits;
pub use listen::{Listener, StartError, start};
pub use observed::Observer;
pub use peer::Peer;
pub use pipeline::{Pipeline, Running};
pub use raw_head::read_raw_head;
pub use request::{check_request, check_server_name};
pub use routes::{Beyond, Fallback, Found, Route, RouteError, RouteTable, Target, Unrouted, plain_host};
pub use shutdown::{Handle, Shutdown};
pub use streams::{Ended, Streams, Watch};
pub use tls::{TlsError, TlsReloader};
pub use traffic::Connections;
pub use well_known::well_known;

/// What answers the requests of all connections of a core.
pub trait Respond: Send + Sync + 'static {
    /// Answers a request. It is dropped when the client goes away.
    ///
    /// A client that waits with `Expect: 100-continue` is told to go on when the body is first read. A
    /// panic becomes [`refuse`](Self::refuse) with an internal rejection. Status 101 makes the connection a
    /// tunnel, which `hyper::upgrade::on` of the request gives access to.
    fn respond(&self, request: Request<Body>, peer: &Peer) -> impl Future<Output = Response<Body>> + Send;

    /// Answers a request that stopped before [`respond`](Self::respond): `head` is what could be read of it.
    fn refuse(&self, why: &Rejection, head: Option<&http::request::Parts>, peer: &Peer) -> Response<Body>;
}

impl<R: Respond> Respond for Arc<R> {
    fn respond(&self, request: Request<Body>, peer: &Peer) -> impl Future<Output = Response<Body>> + Send {
        R::respond(self, request, peer)
    }

    fn refuse(&self, why: &Rejection, head: Option<&http::request::Parts>, peer: &Peer) -> Response<Body> {
        R::refuse(self, why, head, peer)
    }
}
