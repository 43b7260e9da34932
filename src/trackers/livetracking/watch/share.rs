//! Share links: a token in the header `X-Watch-Share`.
//!
//! The link that a rider hands out holds the token behind `#`, where no server and no log sees it; the page moves
//! it into the header. Whoever has it stands for no account: the identity is the link itself, and ends with it.
//! What is no token, a link that ended and one that never was get the same answer.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use trackgate_schemes::bearer::TokenText;
use trackgate_schemes::{
    Carrier, Credential, CredentialKind, DigestKey, Forget, Head, Identity, KeyedDigest, Known, Reason, Rejection,
    Scheme, Step, Subject, Unaccepted, Verdict,
};

use crate::accounts::AccountService;

/// Knows the links of riders.
#[derive(Debug)]
pub(super) struct ShareScheme {
    accounts: AccountService,
    memory: Arc<Known<Identity>>,
    key: DigestKey,
}

impl ShareScheme {
    /// Over the links of these accounts. Any change of what is shared makes it forget.
    pub(super) fn new(accounts: AccountService) -> Self {
        let memory = Arc::new(Known::new(CAPACITY));
        accounts.memories().add_of_documents(&(Arc::clone(&memory) as Arc<dyn Forget>));
        Self { accounts, memory, key: DigestKey::random() }
    }

    fn ask(&self, head: &Head<'_>, token: &str, remembered_as: KeyedDigest) -> Step {
        let ticket = self.memory.ticket();
        let (accounts, memory, now) = (self.accounts.clone(), Arc::clone(&self.memory), head.now);
        let token = trackgate_schemes::Secret::from(token);
        Step::ask(async move {
            let Some(text) = token.expose_text() else { return Verdict::Refused(UNKNOWN) };
            let (link, account) = match accounts.share_of(text, now).await {
                Ok(Some(found)) => found,
                Ok(None) => return Verdict::Refused(UNKNOWN),
                Err(error) => {
                    tracing::error!(%error, "a share link could not be looked up");
                    return Verdict::Refused(Rejection::new(Reason::Unavailable, ID).after(RETRY_WHEN_DOWN));
                }
            };
            let credential = Credential::new(CredentialKind::Other, Arc::clone(&link.id));
            let identity = Identity::new(Subject::External(format!("share:{}", link.id).into()), "", ID, credential)
                .with_grants("points:read".parse().expect("it is area:action"))
                .with_expiry(Some(link.ends_at));
            let until = link.ends_at.min(now + REMEMBER);
            memory.remember(ticket, remembered_as, Some(account.id), &link.id, identity.clone(), now, until);
            Verdict::Known(identity)
        })
    }
}

impl Scheme for ShareScheme {
    fn id(&self) -> &'static str {
        ID
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(HEADER)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let Some(value) = head.headers.get(HEADER) else { return Step::ABSENT };
        let Some(token) = value.to_str().ok().filter(|token| token.len() <= MAX_BYTES) else {
            return Step::refused(UNKNOWN);
        };
        // A mistyped one is refused by its checksum, without a look into the store.
        if TokenText::parse(&format!("{}{token}", TokenText::PREFIX)).is_none() {
            return Step::refused(UNKNOWN);
        }
        let digest = self.key.digest(&[token.as_bytes()]);
        match self.memory.find(&digest, head.now) {
            Some(identity) => Step::Done(Verdict::Known(identity)),
            None => self.ask(head, token, digest),
        }
    }

    fn accept(&self, who: &Identity, head: &Head<'_>) -> Result<(), Unaccepted> {
        if who.expires_at().is_some_and(|end| head.now >= end) {
            Err(Rejection::new(Reason::Expired, ID).into())
        } else {
            Ok(())
        }
    }
}

/// The id of the scheme.
pub(super) const ID: &str = "share";

/// Where the page of a ride puts the token of a share link.
pub const HEADER: HeaderName = HeaderName::from_static("x-watch-share");

const UNKNOWN: Rejection = Rejection::new(Reason::Unknown, ID);

/// Longer than any token.
const MAX_BYTES: usize = 200;

const CAPACITY: usize = 10_000;
const REMEMBER: Duration = Duration::from_mins(5);
const RETRY_WHEN_DOWN: Duration = Duration::from_secs(5);
