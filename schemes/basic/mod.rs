//! HTTP Basic (RFC 7617): `Authorization: Basic base64(name:password)`.
//!
//! ```
//! use trackgate_schemes::basic::{Basic, BasicSettings};
//! use trackgate_schemes::testing::{Sample, TestStore, block_on};
//! use trackgate_schemes::{HashPool, NoGuard, SignIn, Step, Verdict};
//! use std::sync::Arc;
//!
//! let store = TestStore::new();
//! store.add_account("rider", "opensesame");
//! let sign_in = SignIn::new(store.clone(), Arc::new(NoGuard), HashPool::for_this_machine());
//! let basic = Basic::new(BasicSettings::new("basic"), sign_in, store);
//!
//! let sample = Sample::new().header("authorization", "Basic cmlkZXI6b3BlbnNlc2FtZQ==");
//! let Verdict::Known(identity) = block_on(sample.ask(&basic, Sample::now()).verdict()) else { panic!() };
//! assert_eq!(identity.name(), "rider");
//! // The pair was verified and is remembered: no hash this time.
//! assert!(matches!(sample.ask(&basic, Sample::now()), Step::Done(Verdict::Known(_))));
//! ```
//!
//! As the Live Tracking clients want it: the exact realm, and no `charset`.
//!
//! ```
//! use trackgate_schemes::basic::BasicSettings;
//!
//! let settings = BasicSettings::new("lt-basic").with_realm("Protected".parse().unwrap()).without_charset();
//! ```
//!
//! Refused before a store is asked: text that is not canonical base64 with its pads, is not UTF-8, holds a
//! control character or no colon, is 8 KiB long or longer; an empty name or password. What is long enough to be
//! an API token and starts like one is taken for one, and is good for the account that the name says only.
//!
//! A verified password is remembered for the network that it came from: while an account is locked for
//! strangers, the right guess of a stranger is refused though its owner is known.

use std::sync::Arc;

use http::HeaderValue;
use http::header::AUTHORIZATION;

use crate::authorization::{self, Carried};
use crate::bearer::{TokenText, Uses, check};
use crate::store::{Account, ApiTokens};
use crate::{
    AccountName, Carrier, Class, ClientNetwork, Credential, CredentialKind, DigestKey, EmailAddress, Forget, Head,
    Identity, KeyedDigest, Known, Login, Reason, Rejection, Scheme, Secret, SignIn, Step, Subject, Unaccepted, Verdict,
};

mod flights;
pub(crate) mod parse;
mod settings;
#[cfg(test)]
mod tests;

use flights::{Boarding, Flights};
use parse::{Fault, Pair};
use settings::Tokens;

pub use settings::BasicSettings;

/// Accepts names with their passwords, or with API tokens in the password's place.
#[derive(Debug)]
pub struct Basic {
    settings: BasicSettings,
    sign_in: SignIn,
    tokens: Arc<dyn ApiTokens>,
    memory: Arc<Known<Identity>>,
    flights: Arc<Flights>,
    key: DigestKey,
    uses: Uses,
    challenge: HeaderValue,
}

impl Basic {
    /// A scheme with these settings behind this door; `tokens` are asked when API tokens may stand in the
    /// password's place.
    pub fn new(settings: BasicSettings, sign_in: SignIn, tokens: Arc<dyn ApiTokens>) -> Self {
        let challenge = settings.challenge();
        let memory = Arc::new(Known::new(settings.capacity));
        let (flights, key, uses) = (Arc::default(), DigestKey::random(), Uses::new());
        Self { settings, sign_in, tokens, memory, flights, key, uses, challenge }
    }

    /// What it remembers, to be made to forget.
    pub fn memory(&self) -> Arc<dyn Forget> {
        Arc::clone(&self.memory) as Arc<dyn Forget>
    }

    fn check(&self, head: &Head<'_>, pair: Pair<'_>) -> Step {
        let by = self.settings.id;
        let is_token = self.settings.tokens == Tokens::Accepted && looks_like_a_token(pair.password);
        // What one network may know is no answer to another's guess: that goes to the guard.
        let network = if is_token { [0; 9] } else { ClientNetwork::of(head.client).to_bytes() };
        let digest = self.key.digest(&[pair.name.as_bytes(), pair.password.as_bytes(), &network]);
        if let Some(identity) = self.memory.find(&digest, head.now) {
            return Step::Done(Verdict::Known(identity));
        }
        if is_token {
            return match TokenText::parse(pair.password) {
                Some(token) => self.ask_for_token(head, pair.name, token, digest),
                None => Step::refused(Rejection::new(Reason::WrongSecret, by)),
            };
        }
        self.ask_for_password(head, pair, digest)
    }

    fn ask_for_password(&self, head: &Head<'_>, pair: Pair<'_>, digest: KeyedDigest) -> Step {
        let ticket = self.memory.ticket();
        let (by, now, client) = (self.settings.id, head.now, head.client);
        let (sign_in, memory, flights) = (self.sign_in.clone(), Arc::clone(&self.memory), Arc::clone(&self.flights));
        let (name, password) = (Box::<str>::from(pair.name), Secret::from(pair.password));
        let until = now + self.settings.remember;
        Step::ask(async move {
            let lead = loop {
                match flights.board(digest, ticket) {
                    Boarding::Lead(lead) => break lead,
                    Boarding::Wait(verdict) => {
                        if let Ok(verdict) = verdict.await {
                            return verdict;
                        }
                    }
                }
            };
            let verdict = match sign_in.check(by, &name, password, client, now).await {
                Ok(account) => {
                    let credential = Credential::new(CredentialKind::Password, account.id.to_string());
                    let id = credential.id.clone();
                    let identity = Identity::new(Subject::Account(account.id), account.name, by, credential)
                        .with_grants(account.grants);
                    memory.remember(ticket, digest, Some(account.id), &id, identity.clone(), now, until);
                    Verdict::Known(identity)
                }
                Err(why) => Verdict::Refused(why),
            };
            lead.land(&verdict);
            verdict
        })
    }

    fn ask_for_token(&self, head: &Head<'_>, name: &str, token: TokenText<'_>, digest: KeyedDigest) -> Step {
        let ticket = self.memory.ticket();
        let (by, now) = (self.settings.id, head.now);
        let (tokens, memory) = (Arc::clone(&self.tokens), Arc::clone(&self.memory));
        let (name, id, stored_as) = (Box::<str>::from(name), Box::<str>::from(token.id()), token.digest());
        let until = now + self.settings.remember;
        Step::ask(async move {
            let (token, account) = match check::token(by, &*tokens, &id, stored_as, now).await {
                Ok(good) => good,
                Err(why) => return Verdict::Refused(why),
            };
            if !is_named(&account, &name) {
                return Verdict::Refused(Rejection::new(Reason::WrongSecret, by));
            }
            let identity = check::identity(by, &token, &account);
            let until = token.expires_at.map_or(until, |end| end.min(until));
            memory.remember(ticket, digest, Some(account.id), &token.id, identity.clone(), now, until);
            Verdict::Known(identity)
        })
    }
}

impl Scheme for Basic {
    fn id(&self) -> &'static str {
        self.settings.id
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(AUTHORIZATION)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let refused = |reason| Step::refused(Rejection::new(reason, self.settings.id));
        match authorization::read(head.headers, &AUTHORIZATION, Some("Basic")) {
            Carried::Absent => Step::ABSENT,
            Carried::Broken => refused(Reason::Malformed),
            Carried::Text(text) => parse::pair(text, |pair| match pair {
                Ok(pair) => self.check(head, pair),
                Err(Fault::Empty) => refused(Reason::WrongSecret),
                Err(Fault::Unreadable) => refused(Reason::Malformed),
            }),
        }
    }

    fn accept(&self, who: &Identity, head: &Head<'_>) -> Result<(), Unaccepted> {
        Ok(self.uses.note(self.settings.id, &*self.tokens, who, head)?)
    }

    /// For a missing grant it has none: the same account with its password has no other.
    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        matches!(why.reason.class(), Class::BadCredential | Class::Unauthenticated).then(|| self.challenge.clone())
    }
}

/// Whether a password is long enough for a token and starts like one; a password that merely starts with
/// `tg_` stays a password.
fn looks_like_a_token(password: &str) -> bool {
    password.starts_with(TokenText::PREFIX) && password.len() >= TOKEN_LIKE
}

/// Whether somebody who types `login` means this account.
fn is_named(account: &Account, login: &str) -> bool {
    match Login::parse(login) {
        Ok(Login::Name(name)) => AccountName::parse(&account.name).is_ok_and(|own| own == name),
        Ok(Login::Email(email)) => {
            account.email.as_deref().is_some_and(|own| EmailAddress::parse(own).is_ok_and(|own| own == email))
        }
        Err(_unfit) => false,
    }
}

/// A token that lost up to a quarter of its characters is still told from a password.
const TOKEN_LIKE: usize = TokenText::LENGTH / 4 * 3;
