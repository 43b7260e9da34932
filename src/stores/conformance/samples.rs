//! Records to store.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use trackgate_schemes::store::{Account, AccountState, AddressRule, ApiToken, Life, OpenSession, Session};
use trackgate_schemes::{AccountId, AccountName, Digest, EmailAddress, Grants, Secret};

use crate::ports::{EventKind, NewAccount, Store, Written};

/// An instant, so many seconds after the one at which these checks begin.
pub(in crate::stores) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

pub(in crate::stores) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(in crate::stores) fn grants(text: &str) -> Grants {
    text.parse().unwrap()
}

pub(in crate::stores) fn new_account(name: &str, email: Option<&str>) -> NewAccount {
    NewAccount {
        name: name.into(),
        canonical: AccountName::parse(name).unwrap(),
        email: email.map(|email| (email.into(), EmailAddress::parse(email).unwrap())),
        state: AccountState::Active,
        grants: grants("* account:admin"),
        password: Some(Secret::from("stored form")),
        created_at: at(0),
    }
}

pub(in crate::stores) async fn account(store: &dyn Store, name: &str) -> Account {
    done(store.create_account(new_account(name, None)).await.unwrap())
}

pub(in crate::stores) fn done(written: Written) -> Account {
    match written {
        Written::Done(account) => account,
        other => panic!("not done: {other:?}"),
    }
}

pub(in crate::stores) fn token(id: &str, account: AccountId) -> ApiToken {
    ApiToken {
        id: id.into(),
        account,
        label: "of a script".into(),
        digest: Digest::sha256(id.as_bytes()),
        grants: grants("points:read points:write"),
        created_at: at(1),
        expires_at: None,
        last_used_at: None,
        last_client: None,
    }
}

pub(in crate::stores) fn session(id: &str, account: AccountId, client: &str, opened: u64) -> Session {
    Session {
        id: id.into(),
        digest: Digest::sha256(id.as_bytes()),
        scheme: "lp".into(),
        account,
        service: "bike computer".into(),
        client: Some(address(client)),
        opened_at: at(opened),
        last_used_at: at(opened),
    }
}

pub(in crate::stores) fn of_credential(id: &str, account: AccountId) -> EventKind {
    EventKind::Credential { id: id.into(), account: Some(account) }
}

/// A sign-in that is asked for, so many seconds after the beginning, for a day.
pub(in crate::stores) fn opening(id: &str, account: AccountId, opened: u64) -> OpenSession {
    OpenSession {
        session: session(id, account, "192.0.2.1", opened),
        generation: 0,
        life: Life { idle: Duration::from_hours(24), absolute: None },
        unwritten: Vec::new(),
        rule: AddressRule::Any,
        per_account: 10,
    }
}
