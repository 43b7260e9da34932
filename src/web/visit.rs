//! A request to a page, read and checked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, Method, Request, header};
use trackgate_schemes::store::Account;
use trackgate_schemes::{CredentialKind, Identity};

use super::answer::Stop;
use super::form::Fields;
use super::frame::Frame;
use super::guard::{self, Whence};
use super::words::{Language, Words};
use super::{ID, MAX_BODY_BYTES, Shared, cookies};
use crate::accounts::Origin;
use crate::endpoint::Call;
use crate::message::Body;

/// What is known of a request whatever becomes of it.
#[derive(Clone, Debug)]
pub(super) struct Around {
    pub(super) language: Language,
    /// Path and query: where the reader comes back to with another language.
    pub(super) here: String,
    /// Scheme, host and port by which the reader reaches us.
    pub(super) origin: String,
    pub(super) is_head: bool,
    /// Who is signed in.
    pub(super) who: Option<Identity>,
}

impl Around {
    pub(super) fn of<B>(shared: &Shared, request: &Request<B>, who: &Identity) -> Self {
        let here = request.uri().path_and_query().map_or("/account", |path| path.as_str());
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let who = (!who.is_anonymous()).then(|| who.clone());
        Self { who, ..Self::told(shared, request.method(), here, authority, request.headers()) }
    }

    /// The same of a request of which only so much is known.
    pub(super) fn told(
        shared: &Shared,
        method: &Method,
        here: &str,
        authority: Option<&str>,
        headers: &HeaderMap,
    ) -> Self {
        let settings = &shared.settings.account;
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = authority.or(host).unwrap_or("localhost");
        let origin = match &settings.url {
            Some(url) => url.clone(),
            None => format!("{}://{}", settings.reached_by.scheme(), host.to_ascii_lowercase()),
        };
        // A form that was sent cannot be come back to.
        let here = if *method == Method::GET || *method == Method::HEAD { here } else { "/account" };
        Self {
            language: cookies::chosen_language(headers).unwrap_or_else(|| Language::asked(headers)),
            here: here.to_owned(),
            origin,
            is_head: *method == Method::HEAD,
            who: None,
        }
    }
}

/// A request to a page: a form that was sent has its token, and comes from no foreign page. It may hold a password,
/// and prints nowhere.
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) around: Around,
    pub(super) who: Identity,
    pub(super) headers: HeaderMap,
    pub(super) query: Fields,
    /// Of the form that was sent.
    pub(super) fields: Fields,
    pub(super) client: Option<IpAddr>,
    pub(super) now: SystemTime,
    parameters: Vec<(Arc<str>, String)>,
}

impl Visit {
    /// Reads a call.
    ///
    /// # Errors
    ///
    /// [`Stop::Foreign`] for a form that a foreign page sent or that has no token of this session,
    /// [`Stop::BadRequest`] for one that cannot be read.
    pub(super) async fn new(shared: Arc<Shared>, call: Call, around: &Around) -> Result<Self, Stop> {
        let who = call.identity().clone();
        let Call { request, parameters, client, now, .. } = call;
        let (parts, body) = request.into_parts();
        let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()).ok_or(Stop::BadRequest)?;
        let mut fields = Fields::default();
        if parts.method == Method::POST {
            let whence = Whence::of(&parts.headers, &around.origin);
            // Without a session there is no token yet: a sign-in must be told to be our own page's.
            if whence == Whence::Foreign || (whence == Whence::Unknown && who.is_anonymous()) {
                return Err(Stop::Foreign);
            }
            fields = read_form(&parts.headers, body).await?;
            let session = &who.credential().id;
            let sent = fields.get(guard::FIELD);
            if !who.is_anonymous() && !shared.guard.is_token(&**shared.accounts.store(), session, sent).await? {
                return Err(Stop::Foreign);
            }
        }
        let (headers, around) = (parts.headers, around.clone());
        Ok(Self { shared, around, who, headers, query, fields, client, now, parameters })
    }

    /// A parameter of the path.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| **key == *name).map_or("", |(_, value)| value)
    }

    pub(super) fn words(&self) -> &'static Words {
        self.around.language.words()
    }

    /// The public id of the session that carries this request.
    pub(super) fn session(&self) -> &str {
        debug_assert_eq!(self.who.credential().kind, CredentialKind::Session);
        &self.who.credential().id
    }

    /// Whose changes these are, for the audit trail.
    pub(super) fn origin(&self) -> Origin {
        Origin::of(&self.who, ID, self.client)
    }

    /// The account that is signed in.
    ///
    /// # Errors
    ///
    /// [`Stop::NotFound`] if it was deleted meanwhile, or the store is down.
    pub(super) async fn account(&self) -> Result<Account, Stop> {
        let id = self.who.account().ok_or(Stop::NotFound)?;
        self.shared.accounts.store().account(id).await?.ok_or(Stop::NotFound)
    }

    /// What stands around a page with this title.
    ///
    /// # Errors
    ///
    /// The store is down.
    pub(super) async fn frame(&self, title: &str) -> Result<Frame, Stop> {
        Ok(Frame::new(&self.shared, &self.around, title).await?.flash_of(&self.query))
    }
}

async fn read_form(headers: &HeaderMap, body: Body) -> Result<Fields, Stop> {
    let kind = headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Err(Stop::BadRequest);
    }
    let bytes = body.read(MAX_BODY_BYTES).await.map_err(|error| Stop::Failed(error.reason(), None))?;
    Fields::parse(&bytes).ok_or(Stop::BadRequest)
}
