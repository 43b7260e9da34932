//! The gateway's own pages.

use std::sync::Arc;

use trackgate_schemes::sliding::Sliding;

use crate::accounts::AccountService;
use crate::config::checked;
use crate::endpoint::Endpoint;
use crate::layer::{Dialect, PlainDialect};

/// How the account pages work.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever mounts them builds")]
pub struct Settings {
    /// As configured.
    pub account: checked::AccountPages,
}

/// The account pages.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "what uses it comes next")]
pub struct AccountPages {
    accounts: AccountService,
    sessions: Sliding,
    settings: Settings,
}

impl AccountPages {
    /// Pages on this account base, whose sessions this scheme opens.
    pub fn new(accounts: AccountService, sessions: Sliding, settings: Settings) -> Self {
        Self { accounts, sessions, settings }
    }

    /// What they answer.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        Vec::new()
    }

    /// The wording of their refusals.
    pub fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(PlainDialect)
    }
}
