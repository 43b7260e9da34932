//! Requests that were kept, so that they can be sent once more.

use std::net::IpAddr;
use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http_body::Body as _;
use trackgate_schemes::{CanonicalPath, Rejection};

use super::line::Line;
use crate::message::Body;
use crate::proxy::sending::{Forward, Peer, Sending};

/// A request that can be sent again: what the upstream refused as that of nobody was not acted upon.
pub(super) struct Kept<'a> {
    parts: Parts,
    body: Bytes,
    path: &'a CanonicalPath<'a>,
    client: Option<IpAddr>,
    peer: Peer<'a>,
    request_id: &'a str,
    now: SystemTime,
    sending: &'a Sending,
}

impl<'a> Kept<'a> {
    /// Keeps a request whose body is empty or announced to be at most `limit` bytes; `None` if it is more.
    ///
    /// # Errors
    ///
    /// The body broke off.
    pub(super) async fn of(request: &mut Forward<'a>, limit: u64) -> Result<Option<Self>, Rejection> {
        let body = if request.body.is_end_stream() {
            Bytes::new()
        } else if request.body.size_hint().exact().is_some_and(|length| length <= limit) {
            let body = std::mem::take(&mut request.body).read(limit).await;
            let body = body.map_err(|error| super::rejection(error.reason()))?;
            request.body = Body::from(body.clone());
            body
        } else {
            return Ok(None);
        };
        let Forward { path, client, peer, request_id, now, sending, .. } = *request;
        Ok(Some(Self { parts: request.parts.clone(), body, path, client, peer, request_id, now, sending }))
    }

    /// The request once more, with this credential.
    pub(super) fn again(self, credential: Line) -> Forward<'a> {
        Forward {
            parts: self.parts,
            body: Body::from(self.body),
            path: self.path,
            client: self.client,
            peer: self.peer,
            request_id: self.request_id,
            now: self.now,
            sending: self.sending,
            credential: Some(credential),
        }
    }
}
