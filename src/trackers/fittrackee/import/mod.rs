//! Bringing users from a FitTrackee 0.8.13 server.
//!
//! Signed-out tokens come first, so that none of them is good for an instant. Then each user: the account, its
//! equipment and workouts, what was mailed to its owner, and last the profile with the mark of whom it was there. So a run may be
//! stopped anywhere, and the next one goes on; who has the mark is left alone.
//!
//! An account keeps its number when that is free, for the other server's tokens name it by nothing else.
//! Under any other number those tokens are not good for it, nor are they for whoever has the number here
//! ([`Uncounted`](trackgate_schemes::jwt::Uncounted)).

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use trackgate_schemes::Login;
use trackgate_schemes::jwt;
use trackgate_schemes::store::{Account, StoreError, StoreErrorKind};

use super::ID;
use super::picture::Studio;
use super::profile::Profile;
use crate::accounts::{AccountService, ChangeError, NumberHere, Origin};
use crate::ports::{Files, FitTrackeeSource, Foreign, ForeignUser};
use user::{Arrival, Policy};

mod along;
mod report;
#[cfg(test)]
mod tests;
mod things;
mod uploads;
mod user;

pub use report::{End, Line, Outcome, Report, SignedOutTokens};

/// Brings users from another server.
#[derive(Debug)]
pub struct Import {
    accounts: AccountService,
    source: Arc<dyn FitTrackeeSource>,
    tokens: jwt::Settings,
    options: ImportOptions,
    pictures: Option<Pictures>,
    seen: Seen,
    report: Report,
}

/// How an import is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by the command line from its own flags")]
pub struct ImportOptions {
    /// What becomes of administrators.
    pub admins: Admins,
    /// What becomes of users whose number somebody else has here.
    pub taken_numbers: TakenNumbers,
    /// Whether it is done at all.
    pub run: Run,
}

/// What becomes of administrators of the other server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Admins {
    /// They get the grant `account:admin`.
    Keep,
    /// They become users like others.
    MakeUsers,
}

/// What becomes of users whose number somebody else has here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum TakenNumbers {
    /// They stay away.
    LeaveOut,
    /// They get a new one, and must sign in anew.
    Renumber,
}

/// Whether an import is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Run {
    /// It only tells what it would do.
    Dry,
    /// It is done.
    Real,
}

/// Who looks on while an import runs.
pub trait Watch: fmt::Debug {
    /// It begins, with so many users.
    fn begin(&mut self, users: u64);

    /// This became of one user.
    fn user(&mut self, line: &Line);

    /// Whether it shall stop before the next user.
    fn stops(&self) -> bool;
}

/// What an earlier user of the same run has: in a dry run nothing is stored that would tell.
#[derive(Debug, Default)]
struct Seen {
    names: HashSet<String>,
    addresses: HashSet<String>,
}

/// Where pictures come from and where they go.
#[derive(Debug)]
struct Pictures {
    folder: PathBuf,
    files: Arc<dyn Files>,
    studio: Studio,
}

/// Who an arriving user is here.
enum Place {
    /// Whom an import has brought, but for the picture.
    Pictureless(Account),
    /// Whom an import has brought wholly.
    There(Account),
    /// Whom an import has brought without coming to its end.
    Half(Account),
    /// Nobody, and the number is free.
    Free,
    /// Nobody, and somebody else has or had the number.
    NumberTaken,
    /// Nobody, and cannot be.
    Unwelcome(String),
}

impl Import {
    /// An import of the users of `source` to these accounts.
    pub fn new(accounts: AccountService, source: Arc<dyn FitTrackeeSource>, options: ImportOptions) -> Self {
        let report = Report::new(options.run == Run::Dry);
        Self {
            accounts,
            source,
            tokens: jwt::Settings::new(SCHEME),
            options,
            pictures: None,
            seen: Seen::default(),
            report,
        }
    }

    /// The same with pictures: from the other server's folder of uploads into these files.
    #[must_use]
    pub fn with_pictures(mut self, folder: PathBuf, files: Arc<dyn Files>) -> Self {
        self.pictures = Some(Pictures { folder, files, studio: Studio::default() });
        self
    }

    /// Runs it.
    pub async fn run(mut self, watch: &mut dyn Watch) -> Report {
        self.report.end = match self.all(watch).await {
            Ok(end) => end,
            Err(error) => End::Failed(error.to_string()),
        };
        self.report
    }

    async fn all(&mut self, watch: &mut dyn Watch) -> Result<End, StoreError> {
        watch.begin(self.source.count_users().await?);
        self.sign_out().await?;
        let policy = Policy::of(self.source.policy_date().await?.as_deref());
        // Whoever can keep a number comes before anybody gets a new one, which could be that number.
        let mut later = Vec::new();
        let mut after = 0;
        loop {
            let page = self.source.users(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for user in page {
                if watch.stops() {
                    return Ok(End::Stopped);
                }
                match self.user(user, policy).await? {
                    Handled::Done(line) => self.note(line, watch),
                    Handled::Later(arrival) => later.push(*arrival),
                }
            }
        }
        for arrival in later {
            if watch.stops() {
                return Ok(End::Stopped);
            }
            let line = self.renumber(arrival).await?;
            self.note(line, watch);
        }
        Ok(End::Complete)
    }

    fn note(&mut self, line: Line, watch: &mut dyn Watch) {
        watch.user(&line);
        self.report.users.push(line);
    }

    /// Takes over the list of signed-out tokens.
    async fn sign_out(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.source.signed_out(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for token in page {
                // The other server took a token with padding behind it for another token (contract section
                // 3.2): whoever signed that out meant this one.
                let text = token.row.as_ref().ok().and_then(|row| row.token.expose_text()).unwrap_or_default();
                let text = text.trim_end_matches('=');
                let Ok(signed_out) = self.tokens.signed_out(text, self.accounts.clock().now()) else {
                    self.report.signed_out.dead += 1;
                    continue;
                };
                if self.accounts.store().blacklisted(&signed_out.key).await?.is_some() {
                    self.report.signed_out.already_there += 1;
                    continue;
                }
                if self.options.run == Run::Real {
                    let done = self.accounts.import_sign_out(&signed_out.key, signed_out.until).await;
                    done.map_err(|why| down(&why))?;
                }
                self.report.signed_out.imported += 1;
            }
        }
    }

    async fn user(&mut self, user: Foreign<ForeignUser>, policy: Policy) -> Result<Handled, StoreError> {
        let number = user.id;
        let row = match user.row {
            Ok(row) => row,
            Err(why) => return Ok(Line::left_out(number, String::new(), format!("its row: {why}")).into()),
        };
        let name = row.username.clone();
        let arrival = match Arrival::of(number, row, &policy, self.options.admins) {
            Ok(arrival) => arrival,
            Err(why) => return Ok(Line::left_out(number, name, why).into()),
        };
        Ok(match self.place(&arrival).await? {
            Place::There(account) => {
                let mut line = Line::new(number, name, Outcome::AlreadyThere);
                line.account = Some(account.id.0);
                line.into()
            }
            Place::Pictureless(account) => self.late_picture(arrival, account).await?.into(),
            Place::Half(account) => self.complete(arrival, account, Outcome::Completed).await?.into(),
            Place::Free => self.bring(arrival).await?,
            Place::NumberTaken => self.displaced(arrival),
            Place::Unwelcome(why) => Line::left_out(number, name, why).into(),
        })
    }

    /// Who this user is here.
    async fn place(&mut self, arrival: &Arrival) -> Result<Place, StoreError> {
        let store = Arc::clone(self.accounts.store());
        let (name, email) = (&arrival.account.canonical, arrival.account.email.as_ref().map(|(_, folded)| folded));
        let by_number = store.account(arrival.number).await?;
        let by_name = store.account_by_login(&Login::Name(name.clone())).await?;
        for account in [&by_number, &by_name].into_iter().flatten() {
            let document = store.document(ID, account.id).await?;
            let profile = document.as_deref().and_then(|text| serde_json::from_str::<Profile>(text).ok());
            let mark = profile.and_then(|profile| profile.imported_from);
            let ours = arrival.profile.imported_from.as_ref().expect("every arrival has its mark");
            match mark {
                Some(mark) if (mark.user, &mark.created_at) == (ours.user, &ours.created_at) => {
                    let lacks = self.pictures.is_some() && arrival.picture.is_some() && !mark.pictures;
                    return Ok(if lacks { Place::Pictureless(account.clone()) } else { Place::There(account.clone()) });
                }
                // To the microsecond: nobody who registers here chooses that.
                None if account.created_at == arrival.account.created_at && account.name == arrival.account.name => {
                    return Ok(Place::Half(account.clone()));
                }
                _ => {}
            }
        }
        if let Some(other) = by_name {
            return Ok(Place::Unwelcome(format!("the name is taken by account {} here", other.id)));
        }
        if let Some(email) = email
            && let Some(other) = store.account_by_login(&Login::Email(email.clone())).await?
        {
            return Ok(Place::Unwelcome(format!("the e-mail address is taken by account {} here", other.id)));
        }
        if self.seen.names.contains(name.as_str()) {
            return Ok(Place::Unwelcome(SAME_NAME.into()));
        }
        if email.is_some_and(|email| self.seen.addresses.contains(email.as_str())) {
            return Ok(Place::Unwelcome(SAME_ADDRESS.into()));
        }
        self.seen.names.insert(name.as_str().to_owned());
        self.seen.addresses.extend(email.map(|email| email.as_str().to_owned()));
        Ok(if by_number.is_some() { Place::NumberTaken } else { Place::Free })
    }

    /// Makes the account, if its number is indeed free.
    async fn bring(&self, mut arrival: Arrival) -> Result<Handled, StoreError> {
        if self.options.run == Run::Dry {
            let number = arrival.number;
            let things = self.things(&mut arrival, number).await?;
            self.picture(&mut arrival, number).await?;
            return Ok(told(arrival, Some(number.0), Outcome::Imported).with(things).into());
        }
        match self.make(&arrival, NumberHere::Same).await? {
            Ok(account) => Ok(self.complete(arrival, account, Outcome::Imported).await?.into()),
            // An account that was deleted here had it, or somebody took it just now.
            Err(ChangeError::NumberTaken) => Ok(self.displaced(arrival)),
            Err(why) => Ok(told_left_out(&arrival, reason(&why)).into()),
        }
    }

    /// Somebody else has the number.
    fn displaced(&self, arrival: Arrival) -> Handled {
        match self.options.taken_numbers {
            TakenNumbers::Renumber => Handled::Later(Box::new(arrival)),
            TakenNumbers::LeaveOut => {
                let why = format!(
                    "the number {} belongs or belonged to another account here: `--renumber` gives a new one",
                    arrival.number
                );
                told_left_out(&arrival, why).into()
            }
        }
    }

    async fn renumber(&self, mut arrival: Arrival) -> Result<Line, StoreError> {
        if self.options.run == Run::Dry {
            let number = arrival.number;
            let things = self.things(&mut arrival, number).await?;
            self.picture(&mut arrival, number).await?;
            let mut line = told(arrival, None, Outcome::Imported).with(things);
            line.notes.push(RENUMBERED.into());
            return Ok(line);
        }
        match self.make(&arrival, NumberHere::New).await? {
            Ok(account) => {
                let mut line = self.complete(arrival, account, Outcome::Imported).await?;
                line.notes.push(RENUMBERED.into());
                Ok(line)
            }
            Err(why) => Ok(told_left_out(&arrival, reason(&why))),
        }
    }

    async fn make(&self, arrival: &Arrival, here: NumberHere) -> Result<Result<Account, ChangeError>, StoreError> {
        let new = arrival.account.clone();
        match self.accounts.import(arrival.number, here, new, &Origin::operator()).await {
            Err(why @ ChangeError::Stopped(_)) => Err(down(&why)),
            made => Ok(made),
        }
    }
}

/// What a step has made of a user.
enum Handled {
    Done(Line),
    Later(Box<Arrival>),
}

impl From<Line> for Handled {
    fn from(line: Line) -> Self {
        Self::Done(line)
    }
}

fn told(arrival: Arrival, account: Option<i64>, outcome: Outcome) -> Line {
    let mut line = Line::new(arrival.number.0, arrival.account.name.to_string(), outcome);
    line.account = account;
    line.left_out = arrival.left_out;
    line.notes = arrival.notes;
    line
}

fn told_left_out(arrival: &Arrival, why: impl Into<String>) -> Line {
    Line::left_out(arrival.number.0, arrival.account.name.to_string(), why)
}

fn reason(why: &ChangeError) -> String {
    match why {
        ChangeError::EmailTaken => SAME_ADDRESS.into(),
        ChangeError::NameTaken => SAME_NAME.into(),
        why => why.to_string(),
    }
}

fn down(why: &ChangeError) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, why)
}

/// The scheme whose tokens the tracker issues and takes.
const SCHEME: &str = "fit";
const PAGE: u32 = 500;
const RENUMBERED: &str = "has a new number here: tokens of the old server do not work, the owner must sign in anew";
const SAME_ADDRESS: &str = "another user has the same e-mail address but for the case of letters, or took it just now";
const SAME_NAME: &str = "another user has the same name but for the case of letters, or took it just now";
