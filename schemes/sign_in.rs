//! Checking a name and a password: the one door behind every protocol that has passwords.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::store::{Account, Accounts};
use crate::{AccountName, Admission, GuessGuard, HashPool, Login, Outcome, Reason, Rejection, Secret, password};

/// Checks passwords: counts guesses across all doors, hashes in the bounded pool, spends the same work
/// on unknown names, and upgrades legacy hashes after a good sign-in.
#[derive(Clone, Debug)]
pub struct SignIn {
    accounts: Arc<dyn Accounts>,
    guard: Arc<dyn GuessGuard>,
    pool: HashPool,
}

impl SignIn {
    /// A door to these accounts.
    pub fn new(accounts: Arc<dyn Accounts>, guard: Arc<dyn GuessGuard>, pool: HashPool) -> Self {
        Self { accounts, guard, pool }
    }

    /// The pool, for those who must hash a new password.
    pub fn pool(&self) -> &HashPool {
        &self.pool
    }

    /// The account whose password this is.
    ///
    /// `login` is a name or an e-mail address as typed.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] by `by` with [`Reason::WrongSecret`], [`Reason::Unknown`], [`Reason::Disabled`] or
    /// [`Reason::Locked`], which clients must not be able to tell apart, or [`Reason::Overloaded`] or
    /// [`Reason::Unavailable`] when nothing was decided.
    pub async fn check(
        &self,
        by: &'static str,
        login: &str,
        password: Secret,
        client: Option<IpAddr>,
        now: SystemTime,
    ) -> Result<Account, Rejection> {
        let wrong = Rejection::new(Reason::WrongSecret, by);
        if password.expose().len() > password::MAX_BYTES {
            return Err(wrong);
        }
        let account = match Login::parse(login) {
            Ok(login) => self.accounts.account_by_login(&login).await.map_err(|_down| unavailable(by))?,
            Err(_unfit) => None,
        };
        let counted = match &account {
            Some(account) => {
                AccountName::parse(&account.name).map_or_else(|_| account.id.to_string(), |name| name.to_string())
            }
            None => Login::parse(login).map_or_else(|_| "\u{0}unfit".to_owned(), |login| login.as_str().to_owned()),
        };
        let attempt = match self.guard.admit(&counted, client, now) {
            Admission::Admitted(attempt) => attempt,
            Admission::Locked { retry_after } => return Err(Rejection::new(Reason::Locked, by).after(retry_after)),
        };
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let job = {
            let (password, stored) = (password.clone(), stored.clone());
            move || match stored {
                Some(stored) => password::verify(&password, &stored),
                None => password::verify_nobody(&password),
            }
        };
        let check = match self.pool.run(job) {
            Ok(running) => running.await,
            Err(_full) => {
                self.guard.settle(attempt, Outcome::Undecided, now);
                return Err(Rejection::new(Reason::Overloaded, by).after(RETRY_WHEN_FULL));
            }
        };
        let Ok(check) = check else {
            self.guard.settle(attempt, Outcome::Undecided, now);
            return Err(Rejection::new(Reason::Internal, by));
        };
        let (Some(account), true) = (account, check != password::Check::Wrong) else {
            self.guard.settle(attempt, Outcome::Wrong, now);
            return Err(if stored.is_some() { wrong } else { Rejection::new(Reason::Unknown, by) });
        };
        if !account.is_active() {
            // The right password of an account that is out of use is no way to reset its counter.
            self.guard.settle(attempt, Outcome::Wrong, now);
            return Err(Rejection::new(Reason::Disabled, by));
        }
        self.guard.settle(attempt, Outcome::Right, now);
        match (check, stored) {
            (password::Check::RightButWeak, Some(stored)) => Ok(self.upgrade(account, password, stored).await),
            _ => Ok(account),
        }
    }

    /// Stores the stronger form; failing to is no reason to refuse a good sign-in.
    async fn upgrade(&self, mut account: Account, password: Secret, stored: Secret) -> Account {
        let Ok(running) = self.pool.run(move || password::hash(&password)) else { return account };
        if let Ok(stronger) = running.await
            && self.accounts.upgrade_password(account.id, &stored, &stronger).await.is_ok()
        {
            account.password = Some(stronger);
        }
        account
    }
}

fn unavailable(by: &'static str) -> Rejection {
    Rejection::new(Reason::Unavailable, by).after(RETRY_WHEN_DOWN)
}

const RETRY_WHEN_FULL: Duration = Duration::from_secs(1);
const RETRY_WHEN_DOWN: Duration = Duration::from_secs(5);
