//! Credentials translated: the client's stay here, and what the upstream wants goes instead.
//!
//! A [`Translator`] is what one route sends: the gateway's own credential, that of the account's link
//! ([`Links`]), a token signed by the upstream's own key, or the token of a session that the [`Broker`] opened there.
//! Without a link a request is refused; it never goes on with somebody else's credential.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderName, HeaderValue, Response};
use trackgate_schemes::{Identity, Reason, Rejection, Secret};

use super::{Forward, PROXY, Upstream};
use crate::accounts::{ChangeError, Link, LinkError, Links};
use crate::layer::Permit;
use crate::message::Body;

mod broker;
mod kept;
mod line;
mod login;
mod mint;
mod session;
mod sign;
#[cfg(test)]
mod tests;
mod verifier;

pub use broker::{Broker, BrokerFigures};
pub use line::Form;
pub use login::Login;
pub use mint::{Claims, Mint, MintSettings};
pub use sign::Sign;
pub use verifier::Verifier;

use line::Line;

/// Sends a request on with the credential that its route sends, and gives the upstream's answer.
///
/// # Errors
///
/// Those of [`Upstream::forward`]; and [`NotLinked`](Reason::NotLinked), [`LinkRefused`](Reason::LinkRefused) or
/// [`LinkUnreadable`](Reason::LinkUnreadable) by `proxy` where the account's link is wanted, or
/// [`UpstreamRefused`](Reason::UpstreamRefused) if the upstream does not take the gateway's own account. Nothing was
/// sent on then.
pub async fn forward(upstream: &Upstream, permit: &Permit, request: Forward<'_>) -> Result<Response<Body>, Rejection> {
    match &request.sending.translator {
        None => upstream.forward(permit, request).await,
        Some(translator) => Box::pin(translator.forward(upstream, permit, request)).await,
    }
}

/// What one route sends instead of the client's credentials.
#[derive(Clone, Debug)]
pub struct Translator {
    what: What,
    header: HeaderName,
}

#[derive(Clone, Debug)]
enum What {
    /// The same for everybody.
    Fixed { form: Form, line: Line },
    /// That of the account's link.
    Linked { form: Form, set: LinkSet },
    /// Signed here.
    Minted { mint: Arc<Mint>, set: Option<LinkSet> },
    /// Opened at the upstream.
    Session { broker: Arc<Broker>, whose: SessionOf },
}

/// Whose session.
#[derive(Clone, Debug)]
enum SessionOf {
    Linked(LinkSet),
    Service { account: Arc<str>, secret: Secret },
}

/// Links of one name.
#[derive(Clone, Debug)]
pub struct LinkSet {
    /// All links.
    pub links: Arc<Links>,
    /// The name of the set.
    pub name: Arc<str>,
}

/// A credential that cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret cannot stand in a header: only visible ASCII letters and blanks can, and no colon in a name")]
pub struct UnfitSecret;

impl Translator {
    /// The gateway's own credential, in this form.
    ///
    /// # Errors
    ///
    /// [`UnfitSecret`] if it cannot stand in a header.
    pub fn service(form: Form, account: &str, secret: &Secret) -> Result<Self, UnfitSecret> {
        let line = form.line(account, secret).ok_or(UnfitSecret)?;
        Ok(Self { header: form.header().clone(), what: What::Fixed { form, line } })
    }

    /// The credential of the account's link, in this form.
    pub fn linked(form: Form, set: LinkSet) -> Self {
        Self { header: form.header().clone(), what: What::Linked { form, set } }
    }

    /// A token that names the number of the account's link; without a set, the account's own number.
    pub fn minted(mint: Arc<Mint>, set: Option<LinkSet>) -> Self {
        Self { header: mint.header().clone(), what: What::Minted { mint, set } }
    }

    /// The token of a session of the account's link.
    pub fn linked_session(broker: Arc<Broker>, set: LinkSet) -> Self {
        Self { header: broker.login().header().clone(), what: What::Session { broker, whose: SessionOf::Linked(set) } }
    }

    /// The token of a session of the gateway's own account.
    pub fn service_session(broker: Arc<Broker>, account: &str, secret: Secret) -> Self {
        let whose = SessionOf::Service { account: account.into(), secret };
        Self { header: broker.login().header().clone(), what: What::Session { broker, whose } }
    }

    /// The header that carries what it sends.
    pub fn header(&self) -> &HeaderName {
        &self.header
    }

    /// A line like those that it sends, with nothing in it: for explanations.
    pub fn placeholder(&self) -> (HeaderName, HeaderValue) {
        (self.header.clone(), HeaderValue::from_static("[left out]"))
    }

    /// Whether there is a credential for this identity, as far as links say.
    ///
    /// # Errors
    ///
    /// As [`forward`] for the link.
    pub async fn check(&self, who: &Identity, now: SystemTime) -> Result<(), Rejection> {
        match &self.what {
            What::Fixed { .. } | What::Session { whose: SessionOf::Service { .. }, .. } => Ok(()),
            What::Minted { set: None, .. } => own_account(who).map(|_there| ()),
            What::Minted { set: Some(set), .. }
            | What::Linked { set, .. }
            | What::Session { whose: SessionOf::Linked(set), .. } => set.find(who, now).await.map(|_there| ()),
        }
    }

    async fn forward(
        &self,
        upstream: &Upstream,
        permit: &Permit,
        mut request: Forward<'_>,
    ) -> Result<Response<Body>, Rejection> {
        let (who, now) = (permit.identity(), request.now);
        let line = match &self.what {
            What::Fixed { line, .. } => line.clone(),
            What::Linked { form, set } => {
                let link = set.find(who, now).await?;
                let made = link.secret.as_ref().and_then(|secret| form.line(&link.user, secret));
                made.ok_or_else(|| rejection(Reason::LinkRefused))?
            }
            What::Minted { mint, set } => {
                let link = match set {
                    Some(set) => Some(set.find(who, now).await?),
                    None => None,
                };
                let subject = mint::Subject::of(who, link.as_deref())?;
                return mint::forward(mint, &subject, upstream, permit, request).await;
            }
            What::Session { broker, whose: SessionOf::Linked(set) } => {
                let link = set.find(who, now).await?;
                return session::forward_linked(broker, &set.links, &link, upstream, permit, request).await;
            }
            What::Session { broker, whose: SessionOf::Service { account, secret } } => {
                return session::forward_service(broker, account, secret, upstream, permit, request).await;
            }
        };
        request.credential = Some(line);
        upstream.forward(permit, request).await
    }
}

impl fmt::Display for Translator {
    /// What it sends and by whom, without a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Fixed { form, .. } => write!(f, "{form} of the gateway's own account"),
            What::Linked { form, set } => write!(f, "{form} by links `{}`", set.name),
            What::Minted { set: Some(set), .. } => write!(f, "jwt by links `{}`", set.name),
            What::Minted { set: None, .. } => f.write_str("jwt of the account's own number"),
            What::Session { whose: SessionOf::Linked(set), .. } => write!(f, "session by links `{}`", set.name),
            What::Session { .. } => f.write_str("session of the gateway's own account"),
        }
    }
}

impl LinkSet {
    /// The link of an identity.
    async fn find(&self, who: &Identity, now: SystemTime) -> Result<Arc<Link>, Rejection> {
        let account = own_account(who)?;
        match self.links.find(account, &self.name, now).await {
            Ok(Some(link)) if link.is_refused => Err(rejection(Reason::LinkRefused)),
            Ok(Some(link)) => Ok(link),
            Ok(None) => Err(rejection(Reason::NotLinked)),
            Err(LinkError::Change(ChangeError::Stopped(why))) => Err(why),
            Err(error) => {
                tracing::error!(%error, set = &*self.name, account = account.0, "a link does not open");
                Err(rejection(Reason::LinkUnreadable))
            }
        }
    }
}

fn own_account(who: &Identity) -> Result<trackgate_schemes::AccountId, Rejection> {
    who.account().ok_or_else(|| rejection(Reason::NotLinked))
}

fn rejection(reason: Reason) -> Rejection {
    Rejection::new(reason, PROXY)
}
