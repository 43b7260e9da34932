//! Requests that go on with the token of a session at the upstream.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderValue, Response, header};
use trackgate_schemes::{Reason, Rejection, Secret};

use super::broker::{Broker, NoToken, Seat, Token};
use super::kept::Kept;
use super::rejection;
use crate::accounts::{Link, Links};
use crate::layer::Permit;
use crate::message::Body;
use crate::proxy::{Forward, Upstream};

/// Sends a request on in a session of the account's link. A secret that the upstream refuses is noted in the link.
pub(super) async fn forward_linked(
    broker: &Arc<Broker>,
    links: &Arc<Links>,
    link: &Arc<Link>,
    upstream: &Upstream,
    permit: &Permit,
    request: Forward<'_>,
) -> Result<Response<Body>, Rejection> {
    let secret = link.secret.as_ref().ok_or_else(|| rejection(Reason::LinkRefused))?;
    let seat = broker.seat(&link.user, secret, request.now);
    let whose = Whose { broker, seat: &seat, upstream, since: link.changed_at };
    match whose.forward(permit, request).await {
        Err(Stopped::NoToken(why)) => {
            if why == (NoToken::Refused { is_news: true }) {
                // Beside the request: who leaves does not keep it from being noted.
                let (links, link) = (Arc::clone(links), Arc::clone(link));
                drop(tokio::spawn(async move { links.mark_refused(&link).await }).await);
            }
            Err(why.rejection(Reason::LinkRefused))
        }
        Err(Stopped::Rejected(why)) => Err(why),
        Ok(answer) => Ok(answer),
    }
}

/// Sends a request on in a session of the gateway's own account.
pub(super) async fn forward_service(
    broker: &Arc<Broker>,
    account: &str,
    secret: &Secret,
    upstream: &Upstream,
    permit: &Permit,
    request: Forward<'_>,
) -> Result<Response<Body>, Rejection> {
    let seat = broker.seat(account, secret, request.now);
    let whose = Whose { broker, seat: &seat, upstream, since: SystemTime::UNIX_EPOCH };
    match whose.forward(permit, request).await {
        Err(Stopped::NoToken(why)) => Err(why.rejection(Reason::UpstreamRefused)),
        Err(Stopped::Rejected(why)) => Err(why),
        Ok(answer) => Ok(answer),
    }
}

impl NoToken {
    fn rejection(self, refused: Reason) -> Rejection {
        match self {
            Self::Refused { .. } => rejection(refused),
            Self::Down(reason, left) => rejection(reason).after(left),
        }
    }
}

/// An account of the upstream, and the way there.
struct Whose<'a> {
    broker: &'a Arc<Broker>,
    seat: &'a Arc<Seat>,
    upstream: &'a Upstream,
    /// When its secret was given.
    since: SystemTime,
}

/// Why a request did not go on.
enum Stopped {
    NoToken(NoToken),
    Rejected(Rejection),
}

impl From<Rejection> for Stopped {
    fn from(why: Rejection) -> Self {
        Self::Rejected(why)
    }
}

impl Whose<'_> {
    /// Sends it on; what the upstream answers as that of a session that is over goes once more in a new one, where its
    /// body is small enough to have been kept.
    async fn forward(&self, permit: &Permit, mut request: Forward<'_>) -> Result<Response<Body>, Stopped> {
        let (now, expired) = (request.now, &self.broker.login().expired);
        if expired.is_in_bodies() {
            // What is compressed cannot be looked at.
            request.parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let kept = Kept::of(&mut request, MOST_KEPT).await?;
        let token = self.token(None, now).await?;
        request.credential = Some(token.line);
        let answer = self.upstream.forward(permit, request).await?;
        let (is_over, answer) = expired.read(answer).await;
        if !is_over || !Broker::may_renew(self.seat, token.session, now) {
            return Ok(answer);
        }
        let Some(kept) = kept else {
            Broker::end(self.seat, token.session);
            return Ok(answer);
        };
        drop(answer);
        let token = self.token(Some(token.session), now).await?;
        let answer = self.upstream.forward(permit, kept.again(token.line)).await?;
        let (is_over, answer) = expired.read(answer).await;
        if is_over {
            Broker::doubt(self.seat, token.session, now);
        }
        Ok(answer)
    }

    async fn token(&self, over: Option<u64>, now: SystemTime) -> Result<Token, Stopped> {
        let token = self.broker.token(self.seat, self.upstream, over, self.since, now).await;
        token.map_err(Stopped::NoToken)
    }
}

/// Bytes of a body that is kept.
const MOST_KEPT: u64 = 64 << 10;
