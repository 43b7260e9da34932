use trackgate_schemes::testing::Occupied;
use trackgate_schemes::{Credential, CredentialKind, HashPool, ManualClock, NoGuard, Subject};

use super::*;
use crate::ports::AuditFilter;
use crate::stores::MemoryStore;

pub(super) fn service() -> AccountService {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let sign_in = SignIn::new(Arc::clone(&store) as _, Arc::new(NoGuard), HashPool::new(1, 8));
    let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_hours(24)));
    AccountService::new(store, sign_in, Arc::new(Memories::default()), clock)
}

pub(super) fn named(name: &str) -> Registration {
    Registration {
        name: name.to_owned(),
        email: None,
        password: None,
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
    }
}

#[tokio::test]
async fn reserved_names_are_the_operator_s_to_give_whatever_door_asks() {
    let service = service();
    let credential = Credential::new(CredentialKind::Session, "1");
    let namesake = Identity::new(Subject::Account(AccountId(1)), "operator", "lp", credential)
        .with_service(Some("command-line".into()));
    let strangers = [Origin::nobody("fittrackee", None), Origin::of(&namesake, "lptracker", None)];
    for name in ["root", "Public", "ADMIN", "administrator", "LiveTracking", "password", "Operator"] {
        for origin in &strangers {
            let refused = service.register(named(name), origin).await;
            assert_eq!(refused.unwrap_err(), ChangeError::NameTaken, "{name}");
        }
        let made = service.register(named(name), &Origin::operator()).await.unwrap();
        assert_eq!(&*made.name, name);
        let again = service.register(named(name), &Origin::operator()).await;
        assert_eq!(again.unwrap_err(), ChangeError::NameTaken, "{name}");
    }
    for name in ["rooted", "admins", "public_"] {
        assert!(service.register(named(name), &strangers[0]).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_reserved_name_does_not_tell_whether_the_address_is_known() {
    let service = service();
    let with_address = |name: &str| Registration { email: Some("a@example.org".to_owned()), ..named(name) };
    let nobody = Origin::nobody("fittrackee", None);
    assert_eq!(service.register(with_address("root"), &nobody).await.unwrap_err(), ChangeError::NameTaken);
    service.register(with_address("rider"), &nobody).await.unwrap();
    assert_eq!(service.register(with_address("root"), &nobody).await.unwrap_err(), ChangeError::NameTaken);
}

#[tokio::test]
async fn clk_04_a_token_that_never_ends_can_be_signed_out() {
    let accounts = service();
    let credential = Credential::new(CredentialKind::Jwt, "key");
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 53);
    let who = Identity::new(Subject::External("anna".into()), "anna", "sso", credential).with_expiry(Some(until));
    accounts.end_jwt(&who, &Origin::operator()).await.unwrap();
    assert!(accounts.store().blacklisted("key").await.unwrap().is_some());
}

#[tokio::test]
async fn pwd_09_a_sign_in_that_was_not_decided_is_no_event() {
    let accounts = service();
    let origin = Origin::nobody("fittrackee", None);
    let pool = accounts.sign_in.pool();
    let busy = Occupied::thread_of(pool);
    let full: Vec<_> = (0..8).map(|_| pool.run(None, || ())).collect();
    let sign_in = || accounts.sign_in("door", "rider", Secret::from("guess"), &origin);
    assert_eq!(sign_in().await.unwrap_err().reason, Reason::Overloaded);
    drop(full);
    // The client leaves while the password waits: it makes room, though what it asked for is run to its end.
    let presence = Presence::new();
    let asked = presence.with(sign_in());
    let leaves = async move {
        while pool.figures().waiting == 0 {
            tokio::task::yield_now().await;
        }
        drop(presence);
    };
    let (checked, ()) = tokio::join!(asked, leaves);
    assert_eq!(checked.unwrap_err().reason, Reason::Overloaded);
    assert_eq!((pool.figures().waiting, pool.figures().abandoned), (0, 9));
    let all = || accounts.store().audit(AuditFilter { limit: 9, ..AuditFilter::default() });
    assert_eq!(all().await.unwrap(), []);
    busy.let_go().await;
    assert_eq!(sign_in().await.unwrap_err().reason, Reason::Unknown);
    assert_eq!(all().await.unwrap().len(), 1);
}
