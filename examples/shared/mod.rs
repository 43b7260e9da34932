//! What the examples share: an account base in memory, and printing what came back.

use std::error::Error;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trackgate::accounts::{AccountService, Memories, Origin, Registration};
use trackgate::stores::MemoryStore;
use trackgate_schemes::basic::{Basic, BasicSettings};
use trackgate_schemes::bearer::{Bearer, BearerSettings};
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{Grants, HashPool, NoGuard, Scheme, SignIn, SystemClock};

pub(crate) type Failed = Box<dyn Error + Send + Sync>;

/// One account with a password and an API token, and the schemes that know them.
pub(crate) struct Base {
    /// HTTP Basic for the password, a bearer for the token; asked in this order.
    pub(crate) schemes: Vec<Arc<dyn Scheme>>,
    /// The token's text. It may only read: `points:read`.
    pub(crate) token: String,
}

impl Base {
    pub(crate) async fn new() -> Result<Self, Failed> {
        let store = Arc::new(MemoryStore::default());
        // A server on the network counts guesses: see `trackgate_policies::Lockout`.
        let sign_in = SignIn::new(store.clone(), Arc::new(NoGuard), HashPool::new(1, 16));
        let basic = Basic::new(BasicSettings::new("basic"), sign_in.clone(), store.clone());
        let bearer = Bearer::new(BearerSettings::new("api"), store.clone());

        // What changes an account makes the schemes forget it.
        let memories = Arc::new(Memories::default());
        memories.add(basic.memory());
        memories.add(bearer.memory());
        let accounts = AccountService::new(store, sign_in, memories, Arc::new(SystemClock));
        let rider = Registration {
            name: "rider".to_owned(),
            email: None,
            password: Some(PASSWORD.into()),
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
        };
        let rider = accounts.register(rider, &Origin::operator()).await?;
        let issued = accounts.issue_token(&rider, "example", "points:read".parse()?, None, &Origin::operator()).await?;
        let token = issued.text.expose_text().ok_or("a token is text")?.to_owned();
        Ok(Self { schemes: vec![Arc::new(basic), Arc::new(bearer)], token })
    }
}

/// The value of `Authorization` for a name and a password (RFC 7617).
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Ends the example, or goes on until Ctrl-C when it was started with `--stay`.
pub(crate) async fn end() -> Result<(), Failed> {
    if std::env::args().any(|argument| argument == "--stay") {
        println!("staying until Ctrl-C");
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}

pub(crate) const PASSWORD: &str = "correct horse";
