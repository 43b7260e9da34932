//! What an import did, for people and programs.

use serde::Serialize;

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether nothing was changed on purpose.
    pub dry_run: bool,
    /// How it ended.
    pub end: End,
    /// The users of the other server, in the order in which they were handled.
    pub users: Vec<Line>,
    /// Its tokens that were signed out.
    pub signed_out: SignedOutTokens,
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum End {
    /// Everything was looked at.
    Complete,
    /// A store or the other server failed; what was done before stays.
    Failed(String),
    /// It was told to stop; the next run goes on.
    Stopped,
}

/// What became of one user of the other server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// The number there.
    pub user: i64,
    /// The name there.
    pub name: String,
    /// What became of the user.
    pub outcome: Outcome,
    /// The number of the account here.
    pub account: Option<i64>,
    /// How many pieces of equipment came along.
    pub equipments: u64,
    /// How many workouts came along.
    pub workouts: u64,
    /// What could not be brought along, and why.
    pub left_out: Vec<String>,
    /// What else the operator should know.
    pub notes: Vec<String>,
}

/// What became of one user of the other server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// An earlier import brought the user; nothing was changed.
    AlreadyThere,
    /// An earlier import brought the user and was interrupted, or ran without pictures; the rest came now.
    Completed,
    /// The user came now.
    Imported,
    /// The user stays away.
    LeftOut,
}

/// What became of the tokens that had been signed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignedOutTokens {
    /// Signed out here already.
    pub already_there: u64,
    /// Signed out here now.
    pub imported: u64,
    /// Of no use here with or without this list: they have ended, or are refused for what they say.
    pub dead: u64,
}

impl Report {
    pub(super) fn new(dry_run: bool) -> Self {
        Self { dry_run, end: End::Complete, users: Vec::new(), signed_out: SignedOutTokens::default() }
    }

    /// How many users had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.users.iter().filter(|line| line.outcome == outcome).count()
    }

    /// Whether everybody and everything came, now or earlier.
    pub fn is_whole(&self) -> bool {
        self.end == End::Complete && self.users.iter().all(|line| line.left_out.is_empty())
    }
}

impl Line {
    pub(super) fn new(user: i64, name: String, outcome: Outcome) -> Self {
        Self { user, name, outcome, account: None, equipments: 0, workouts: 0, left_out: Vec::new(), notes: Vec::new() }
    }

    pub(super) fn left_out(user: i64, name: String, why: impl Into<String>) -> Self {
        let mut line = Self::new(user, name, Outcome::LeftOut);
        line.left_out.push(why.into());
        line
    }
}
