//! Checking a name and a password: the one door behind every protocol that has passwords.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::store::{Account, Accounts};
use crate::{
    AccountName, Admission, GuessGuard, HashPool, HashPoolError, Login, Outcome, Reason, Rejection, Secret, password,
};

mod open;

use open::Open;

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

    /// The guard that it asks.
    pub fn guard(&self) -> &Arc<dyn GuessGuard> {
        &self.guard
    }

    /// The name under which guesses at this account are counted.
    pub fn counted(account: &Account) -> String {
        AccountName::parse(&account.name).map_or_else(|_unfit| account.id.to_string(), |name| name.to_string())
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
            Some(account) => Self::counted(account),
            None => Login::parse(login).map_or_else(|_| "\u{0}unfit".to_owned(), |login| login.as_str().to_owned()),
        };
        let attempt = match self.guard.admit(&counted, client, now) {
            Admission::Admitted(attempt) => attempt,
            Admission::Locked { retry_after } => return Err(Rejection::new(Reason::Locked, by).after(retry_after)),
        };
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let attempt = Open::new(Arc::clone(&self.guard), attempt, now);
        let job = {
            let (work, password, stored) = (attempt.work(), password.clone(), stored.clone());
            let is_of_use = account.as_ref().is_some_and(Account::is_active);
            move || {
                work.look(is_of_use, || match stored {
                    Some(stored) => password::verify(&password, &stored),
                    None => password::verify_nobody(&password),
                })
            }
        };
        let check = match self.pool.run(client, job).await {
            Ok(check) => check,
            Err(HashPoolError::Full) => {
                attempt.settle(Outcome::Undecided);
                return Err(Rejection::new(Reason::Overloaded, by).after(RETRY_WHEN_FULL));
            }
            Err(HashPoolError::Lost) => {
                attempt.settle(Outcome::Undecided);
                return Err(Rejection::new(Reason::Internal, by));
            }
        };
        let (Some(account), true) = (account, check != password::Check::Wrong) else {
            attempt.settle(Outcome::Wrong);
            return Err(if stored.is_some() { wrong } else { Rejection::new(Reason::Unknown, by) });
        };
        if !account.is_active() {
            // The right password of an account that is out of use is no way to reset its counter.
            attempt.settle(Outcome::Wrong);
            return Err(Rejection::new(Reason::Disabled, by));
        }
        attempt.settle(Outcome::Right);
        match (check, stored) {
            (password::Check::RightButWeak, Some(stored)) => Ok(self.upgrade(account, password, stored, client).await),
            _ => Ok(account),
        }
    }

    /// Stores the stronger form; failing to is no reason to refuse a good sign-in.
    async fn upgrade(&self, mut account: Account, password: Secret, stored: Secret, client: Option<IpAddr>) -> Account {
        if let Ok(stronger) = self.pool.run(client, move || password::hash(&password)).await
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    use super::*;
    use crate::store::AccountState;
    use crate::testing::{Occupied, Sample, TestStore};
    use crate::{AccountId, Attempt};

    /// Admits so many attempts and counts how they ended.
    #[derive(Debug)]
    struct Counting {
        limit: usize,
        admitted: AtomicUsize,
        right: AtomicUsize,
        undecided: AtomicUsize,
        wrong: AtomicUsize,
    }

    impl GuessGuard for Counting {
        fn admit(&self, account: &str, client: Option<IpAddr>, _now: SystemTime) -> Admission {
            if self.admitted.fetch_add(1, Ordering::SeqCst) >= self.limit {
                return Admission::Locked { retry_after: Duration::from_mins(1) };
            }
            Admission::Admitted(Attempt::new(account, client))
        }

        fn settle(&self, _attempt: Attempt, outcome: Outcome, _now: SystemTime) {
            let counter = match outcome {
                Outcome::Right => &self.right,
                Outcome::Undecided => &self.undecided,
                Outcome::Wrong => &self.wrong,
            };
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Counting {
        /// Right, undecided, wrong.
        fn ended(&self) -> (usize, usize, usize) {
            let read = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
            (read(&self.right), read(&self.undecided), read(&self.wrong))
        }
    }

    struct Case {
        store: Arc<TestStore>,
        guard: Arc<Counting>,
        door: SignIn,
        rider: AccountId,
    }

    fn case(limit: usize, pool: HashPool) -> Case {
        let store = TestStore::new();
        let rider = store.add_account("rider", "opensesame").id;
        let zero = AtomicUsize::default;
        let guard = Arc::new(Counting { limit, admitted: zero(), right: zero(), undecided: zero(), wrong: zero() });
        let door = SignIn::new(store.clone(), guard.clone(), pool);
        Case { store, guard, door, rider }
    }

    fn usual() -> Case {
        case(usize::MAX, HashPool::new(1, 100))
    }

    impl Case {
        async fn check(&self, login: &str, password: &str) -> Result<Account, Rejection> {
            self.door.check("door", login, Secret::from(password), None, Sample::now()).await
        }

        async fn reason(&self, login: &str, password: &str) -> Reason {
            let why = self.check(login, password).await.unwrap_err();
            assert_eq!(why.by, "door");
            why.reason
        }

        fn stored(&self) -> Secret {
            let account = crate::testing::block_on(self.store.account(self.rider)).unwrap().unwrap();
            account.password.unwrap()
        }
    }

    #[tokio::test]
    async fn the_right_password_gives_the_account() {
        let case = usual();
        let account = case.check("RIDER", "opensesame").await.unwrap();
        assert_eq!((account.id, &*account.name), (case.rider, "rider"));
        assert_eq!(case.guard.ended(), (1, 0, 0));
    }

    #[tokio::test]
    async fn pwd_04_an_imported_form_is_upgraded_at_the_first_good_sign_in() {
        let case = usual();
        let weak = Secret::from("$apr1$01234567$ci/pK3.qnUZOyE.Xerv.C0");
        case.store.change_account(case.rider, |account| account.password = Some(weak.clone()));
        assert_eq!(case.reason("rider", "correct horsf").await, Reason::WrongSecret);
        assert_eq!(case.stored(), weak);
        let account = case.check("rider", "correct horse").await.unwrap();
        assert!(case.stored().expose().starts_with(b"$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(account.password, Some(case.stored()));
        assert!(case.check("rider", "correct horse").await.is_ok());
    }

    #[tokio::test]
    async fn pwd_05_bcrypt_refuses_73_bytes_and_is_not_upgraded() {
        let case = usual();
        let weak = Secret::from("$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe");
        case.store.change_account(case.rider, |account| account.password = Some(weak.clone()));
        assert_eq!(case.reason("rider", &"a".repeat(73)).await, Reason::WrongSecret);
        assert_eq!(case.stored(), weak);
        assert!(case.check("rider", &"a".repeat(72)).await.is_ok());
    }

    /// What the one thread of the pool has computed so far.
    async fn work(case: &Case) -> u64 {
        case.door.pool().run(None, password::work::done).await.unwrap()
    }

    #[tokio::test]
    async fn enu_01_unknown_wrong_disabled_and_unfit_look_alike_and_cost_alike() {
        let case = usual();
        case.store.put_account("tokens_only", None, None);
        let disabled = case.store.add_account("disabled", "opensesame").id;
        case.store.change_account(disabled, |account| account.state = AccountState::Disabled);
        let mut costs = Vec::new();
        for (login, reason) in [
            ("rider", Reason::WrongSecret),
            ("nobody", Reason::Unknown),
            ("tokens_only", Reason::Unknown),
            ("a b", Reason::Unknown),
            ("disabled", Reason::Disabled),
        ] {
            let password = if login == "disabled" { "opensesame" } else { "wrong" };
            let before = work(&case).await;
            let why = case.check(login, password).await.unwrap_err();
            costs.push(work(&case).await - before);
            assert_eq!((why.reason, why.retry_after, why.wanted), (reason, None, None), "{login}");
            assert_eq!(reason.class(), Reason::WrongSecret.class());
        }
        assert!(costs.iter().all(|cost| *cost > 0 && *cost == costs[0]), "{costs:?}");
        assert_eq!(case.guard.ended(), (0, 0, 5), "each counts, also the right password of a disabled account");
    }

    #[tokio::test]
    async fn bas_12_over_1_kib_nothing_is_asked_counted_or_hashed() {
        let case = usual();
        assert_eq!(case.reason("rider", &"x".repeat(password::MAX_BYTES + 1)).await, Reason::WrongSecret);
        assert_eq!((case.store.asked(), case.guard.ended()), (0, (0, 0, 0)));
    }

    #[tokio::test]
    async fn a_store_that_is_down_decides_nothing() {
        let case = usual();
        case.store.go_down();
        let why = case.check("rider", "opensesame").await.unwrap_err();
        assert_eq!((why.reason, why.retry_after.is_some()), (Reason::Unavailable, true));
        assert_eq!(case.guard.ended(), (0, 0, 0));
    }

    #[tokio::test]
    async fn pwd_09_a_full_pool_decides_nothing_and_says_when_to_come_back() {
        let pool = HashPool::new(1, 1);
        let case = case(usize::MAX, pool.clone());
        let busy = Occupied::thread_of(&pool);
        let queued = pool.run(None, || ());
        let why = case.check("rider", "opensesame").await.unwrap_err();
        assert_eq!((why.reason, why.retry_after_seconds()), (Reason::Overloaded, Some(1)));
        assert_eq!(case.guard.ended(), (0, 1, 0));
        busy.let_go().await;
        assert_eq!(queued.await, Ok(()));
        assert!(case.check("rider", "opensesame").await.is_ok());
    }

    #[tokio::test]
    async fn a_client_that_leaves_before_its_turn_has_tried_nothing() {
        let pool = HashPool::new(1, 1);
        let case = case(usize::MAX, pool.clone());
        let busy = Occupied::thread_of(&pool);
        let mut leaving = Box::pin(case.check("rider", "guess"));
        assert!(leaving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!((pool.figures().waiting, case.guard.ended()), (1, (0, 0, 0)));
        drop(leaving);
        assert_eq!((pool.figures().waiting, pool.figures().abandoned, case.guard.ended()), (0, 1, (0, 1, 0)));
        busy.let_go().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn rlk_08_of_64_guesses_at_once_no_more_are_tried_than_the_limit_allows() {
        let case = Arc::new(case(3, HashPool::new(2, 100)));
        let guesses: Vec<_> = (0..64)
            .map(|n| {
                let case = Arc::clone(&case);
                tokio::spawn(async move { case.check("rider", &format!("guess {n}")).await.unwrap_err() })
            })
            .collect();
        let mut locked = 0;
        for guess in guesses {
            let why = guess.await.unwrap();
            assert_eq!(why.reason.class(), Reason::WrongSecret.class());
            locked += usize::from(why.reason == Reason::Locked && why.retry_after.is_some());
        }
        assert_eq!((locked, case.guard.ended()), (61, (0, 0, 3)));
        assert_eq!(case.reason("rider", "opensesame").await, Reason::Locked);
    }
}
