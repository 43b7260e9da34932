//! What a connection and a request may cost, in plain numbers.

use std::time::Duration;

/// Limits of the connection side. [`Default`] gives the values of the design.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request head, request line and blank line included. Default 32 KiB.
    pub head_bytes: usize,
    /// Header lines of a head, and of the trailers of a body. Default 100.
    pub head_lines: usize,
    /// Bytes of a request target. Default 8 KiB.
    pub target_bytes: usize,
    /// Bytes of all chunk extensions of one body. Default 4 KiB.
    pub extension_bytes: usize,
    /// Time for a whole head, from its first byte; also from the accept to the first head, and for a
    /// PROXY header. Default 10 s.
    pub head_timeout: Duration,
    /// Time for a TLS handshake. Default 10 s.
    pub handshake_timeout: Duration,
    /// How long a request body may stand still. Default 30 s.
    pub body_idle: Duration,
    /// Bytes per second that a request body must keep, once [`body_idle`](Self::body_idle) is over; 0 asks
    /// for none. Default 100.
    pub body_rate: u32,
    /// How long the client may take nothing of a response. Default 60 s.
    pub response_idle: Duration,
    /// How long a connection without a running request is kept. Default 60 s.
    pub keep_alive_idle: Duration,
    /// How long a tunnel may stay open with nothing passing, a minute at most when one end has closed; `None` for
    /// ever. Default 1 h.
    pub tunnel_idle: Option<Duration>,
    /// Connections at once over all cores; beyond it none is accepted until one ends. Default 20 000.
    pub connections: usize,
    /// HTTP/2 streams at once on one connection. Default 128.
    pub streams: u32,
    /// HTTP/2 control frames (PING, SETTINGS, PRIORITY, resets, empty data) that a connection may send at
    /// once. Default 500.
    pub control_burst: u32,
    /// HTTP/2 control frames per second on top of that. Default 50.
    pub control_rate: u32,
}

impl Limits {
    /// After how long without a request a connection gives back what only a request needs.
    pub(crate) fn rest_after(&self) -> Duration {
        REST_AFTER.min(self.keep_alive_idle / 2)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            head_lines: 100,
            target_bytes: 8 * 1024,
            extension_bytes: 4 * 1024,
            head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            body_rate: 100,
            response_idle: Duration::from_mins(1),
            keep_alive_idle: Duration::from_mins(1),
            tunnel_idle: Some(Duration::from_hours(1)),
            connections: 20_000,
            streams: 128,
            control_burst: 500,
            control_rate: 50,
        }
    }
}

/// Less would build hyper's part of a connection anew for clients that ask every second.
const REST_AFTER: Duration = Duration::from_secs(1);
