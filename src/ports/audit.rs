//! The audit trail: who did what to which account, when, from where, and how it ended.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

/// One record. It never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: SystemTime,
    /// What was done or tried.
    pub action: AuditAction,
    /// The account that it is about, when there is one.
    pub account: Option<AccountId>,
    /// The name of the account as it was then, or the canonical name that was tried.
    pub name: Arc<str>,
    /// Who did it: an account's name, `operator` for the command line, empty for nobody.
    pub actor: Arc<str>,
    /// The service that signed it: the one named at sign-in, or the tracker's id.
    pub service: Arc<str>,
    /// From where.
    pub client: Option<IpAddr>,
    /// How it ended: `done`, or the code of the reason for which it was refused.
    pub outcome: Arc<str>,
    /// What it was done to: a token's or session's public id, a list of grants, a route; may be empty.
    pub target: Arc<str>,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        /// What an audit entry tells of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuditAction { $($(#[$doc])* $name,)+ }

        impl AuditAction {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word in stores and listings.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

actions! {
    /// An account was made.
    AccountCreate = "account.create";
    /// An account was deleted.
    AccountDelete = "account.delete";
    /// Grants, state or address of an account changed.
    AccountChange = "account.change";
    /// A link to an account of a server behind the gateway was made, changed or removed.
    Link = "link.change";
    /// A password changed.
    PasswordChange = "password.change";
    /// The gateway read its configuration anew.
    Reload = "config.reload";
    /// A session or signed token was signed out or revoked.
    SessionEnd = "session.end";
    /// Who may watch an account changed: the switch, or a link.
    Sharing = "sharing.change";
    /// Somebody signed in, or tried.
    SignIn = "sign-in";
    /// An API token was issued.
    TokenIssue = "token.issue";
    /// An API token was revoked or rotated.
    TokenRevoke = "token.revoke";
}

impl AuditAction {
    /// The action of this stable word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.code() == code)
    }
}

/// Which entries are wanted; the newest come first. The default wants none of them, for its limit is 0.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only about this account.
    pub account: Option<AccountId>,
    /// Only of this kind.
    pub action: Option<AuditAction>,
    /// Only with this in the account's name or in the actor's, whatever the case of ASCII letters.
    pub who: Option<Arc<str>>,
    /// Only with this in the service's name, likewise.
    pub service: Option<Arc<str>>,
    /// Only with this end.
    pub outcome: Option<AuditOutcome>,
    /// Only from this instant on.
    pub since: Option<SystemTime>,
    /// Only before this instant.
    pub until: Option<SystemTime>,
    /// So many of the newest are left out.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

/// How what an entry tells of ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it was done or it was not")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused, for whatever reason.
    Refused,
}

impl AuditFilter {
    /// Whether it wants this entry, but for how many it wants.
    pub fn wants(&self, entry: &AuditEntry) -> bool {
        let holds = |text: &Arc<str>, part: &Option<Arc<str>>| {
            part.as_ref().is_none_or(|part| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase()))
        };
        let is_done = &*entry.outcome == DONE;
        self.account.is_none_or(|account| entry.account == Some(account))
            && self.action.is_none_or(|action| entry.action == action)
            && (holds(&entry.name, &self.who) || holds(&entry.actor, &self.who))
            && holds(&entry.service, &self.service)
            && self.outcome.is_none_or(|outcome| is_done == (outcome == AuditOutcome::Done))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// The outcome of what was done.
pub const DONE: &str = "done";

/// Keeps the audit trail.
pub trait Audit: fmt::Debug + Send + Sync + 'static {
    /// Adds an entry, durably.
    fn record(&self, entry: AuditEntry) -> Answer<'_, ()>;

    /// The entries that the filter wants, newest first.
    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditEntry>>;
}
