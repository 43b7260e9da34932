//! Tests of what only this adapter has, on SQLite.

use std::path::Path;
use std::sync::Arc;

use sqlx::Connection;
use trackgate_schemes::store::{Accounts, Blacklist, Sessions};

use super::*;
use crate::stores::conformance::CHECKS;

fn url(directory: &tempfile::TempDir) -> String {
    format!("sqlite:{}", directory.path().join("a store 1.db").display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_holds_every_rule() {
    for check in CHECKS {
        eprintln!("{}", check.name);
        let directory = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&url(&directory), SqlOptions::default()).await.unwrap();
        check.run(Arc::new(store)).await;
    }
}
