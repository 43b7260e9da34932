//! Strict reading of HTTP/1.1 messages (RFC 9112) in front of hyper.
//!
//! [`Framing`] is fed the bytes of a connection as they come and says how many of them are good. Heads are
//! good only as a whole; bodies as they pass. What it lets through has exactly one reading: lines end with
//! CR LF, a body has either one `Content-Length` or exactly `chunked`, there is one `Host`. It never copies
//! and keeps no bytes, only where it stands.
//!
//! It refuses: a bare CR or LF, control bytes, folded lines, a blank before the colon, lengths that are not
//! plain digits, a length beside a transfer coding, any coding but one `chunked`, user information and
//! fragments in the target, a target whose authority is unlike `Host`, and all that is too long.

use std::sync::Arc;

use trackgate_schemes::Reason;

use super::limits::Limits;

pub(crate) mod authority;
mod chunked;
mod head;
#[cfg(test)]
mod tests;

use chunked::Chunked;
use head::BodyLength;
pub(super) use head::is_method;

pub(in crate::gateway) use head::{HeadScan, is_origin_form, method_and_path};

/// Where one connection stands in its HTTP/1.1 messages.
#[derive(Debug)]
pub struct Framing {
    limits: Arc<Limits>,
    at: At,
    scan: HeadScan,
    /// The message that is being read, or the last one, asks for an upgrade.
    upgrade: bool,
    heads: u64,
}

/// How far the bytes given to [`Framing::advance`] are good, and why no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// So many bytes may be handed on.
    pub good: usize,
    /// Why the rest may not.
    pub stop: Stop,
}

/// Why bytes are not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The body breaks its framing.
    BadBody,
    /// The head is at fault.
    BadHead {
        /// Why.
        reason: Reason,
        /// Its method is `HEAD`, whose answer has no body.
        to_head: bool,
    },
    /// The rest is part of a head (or nothing): give it again with more behind.
    More,
    /// A request for an upgrade ended: nobody knows yet what the bytes behind it are.
    Upgrade,
}

#[derive(Debug)]
enum At {
    Head,
    Length(u64),
    Chunked(Chunked),
}

impl Framing {
    /// At the start of a connection with these limits.
    pub fn new(limits: Arc<Limits>) -> Self {
        Self { limits, at: At::Head, scan: HeadScan::default(), upgrade: false, heads: 0 }
    }

    /// How many heads it has let through.
    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether it stands between two messages or in a head.
    pub(crate) fn in_head(&self) -> bool {
        matches!(self.at, At::Head)
    }

    /// Reads on. `bytes` starts with the first byte that was not yet good; the part of a head that was
    /// given before is looked at only once.
    pub fn advance(&mut self, bytes: &[u8]) -> Advance {
        let mut good = 0;
        loop {
            let rest = bytes.get(good..).unwrap_or_default();
            if rest.is_empty() {
                return Advance { good, stop: Stop::More };
            }
            let ended = match &mut self.at {
                At::Head => match self.scan.read(rest, &self.limits) {
                    Ok(None) => return Advance { good, stop: Stop::More },
                    Ok(Some(head)) => {
                        self.scan.reset();
                        good += head.length;
                        self.heads += 1;
                        self.upgrade = head.upgrade;
                        match head.body {
                            BodyLength::Chunked => self.at = At::Chunked(Chunked::default()),
                            BodyLength::Fixed(0) => {}
                            BodyLength::Fixed(length) => self.at = At::Length(length),
                        }
                        matches!(self.at, At::Head)
                    }
                    Err(reason) => {
                        let to_head = rest.trim_ascii_start().starts_with(b"HEAD ");
                        return Advance { good, stop: Stop::BadHead { reason, to_head } };
                    }
                },
                At::Length(left) => {
                    let here = (rest.len() as u64).min(*left);
                    *left -= here;
                    // Cannot be cut: it is at most the length of a slice.
                    good += usize::try_from(here).unwrap_or(rest.len());
                    *left == 0
                }
                At::Chunked(chunked) => match chunked.read(rest, &self.limits) {
                    Ok((here, ended)) => {
                        good += here;
                        ended
                    }
                    Err(here) => return Advance { good: good + here, stop: Stop::BadBody },
                },
            };
            if ended {
                self.at = At::Head;
                if std::mem::take(&mut self.upgrade) {
                    return Advance { good, stop: Stop::Upgrade };
                }
            }
        }
    }
}
