//! What must hold of changes whose caller is gone.

use trackgate_schemes::{Credential, CredentialKind, HashPool, NoGuard, Subject, SystemClock};

use super::*;
use crate::ports::AuditFilter;
use crate::stores::open;

fn anna() -> Registration {
    Registration {
        name: "anna".into(),
        email: None,
        password: None,
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
    }
}

async fn service(folder: &tempfile::TempDir) -> AccountService {
    let store = open(&format!("sqlite:{}", folder.path().join("a.db").display())).await.unwrap();
    let sign_in = SignIn::new(Arc::clone(&store) as _, Arc::new(NoGuard), HashPool::new(1, 1));
    AccountService::new(store, sign_in, Arc::default(), Arc::new(SystemClock))
}

#[derive(Debug, Default)]
struct Forgotten(std::sync::Mutex<Vec<String>>);

impl trackgate_schemes::Forget for Forgotten {
    fn forget_account(&self, account: AccountId) {
        self.0.lock().unwrap().push(account.to_string());
    }

    fn forget_credential(&self, id: &str) {
        self.0.lock().unwrap().push(id.to_owned());
    }

    fn forget_all(&self) {}
}

/// Begins it and drops it, as the connection of a client that leaves does.
async fn begin_and_leave<T>(change: impl Future<Output = T>) {
    let first_step = tokio::time::timeout(Duration::from_micros(1), change).await;
    assert!(first_step.is_err(), "it ended before the client could leave");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_03_a_change_is_audited_and_forgotten_though_its_client_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = service(&folder).await;
    let forgotten = Arc::new(Forgotten::default());
    accounts.memories().add(Arc::clone(&forgotten) as _);
    let (somebody, operator) = (accounts.register(anna(), &Origin::operator()).await.unwrap(), Origin::operator());
    let grants = Grants::EVERYDAY;
    let token = accounts.issue_token(&somebody, "t", grants, None, &operator).await.unwrap().token.id;
    begin_and_leave(accounts.revoke_token(&token, &operator)).await;
    begin_and_leave(accounts.end_credentials(somebody.id, &operator)).await;
    let actions = async || {
        let entries = accounts.store().audit(AuditFilter { account: None, limit: 9 }).await.unwrap();
        entries.iter().map(|entry| entry.action).collect::<Vec<_>>()
    };
    for _ in 0..150 {
        if actions().await.len() == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let actions = actions().await;
    assert!(actions.contains(&AuditAction::TokenRevoke) && actions.contains(&AuditAction::SessionEnd), "{actions:?}");
    let mut forgotten = forgotten.0.lock().unwrap().clone();
    forgotten.sort();
    assert_eq!(forgotten, [somebody.id.to_string(), token.to_string()]);
    accounts.store().close().await.unwrap();
}

#[tokio::test]
async fn clk_04_a_token_that_never_ends_can_be_signed_out() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = service(&folder).await;
    let credential = Credential::new(CredentialKind::Jwt, "key");
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 53);
    let who = Identity::new(Subject::External("anna".into()), "anna", "sso", credential).with_expiry(Some(until));
    accounts.end_jwt(&who, &Origin::operator()).await.unwrap();
    assert!(accounts.store().blacklisted("key").await.unwrap().is_some());
    accounts.store().close().await.unwrap();
}
