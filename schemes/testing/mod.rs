//! Conformance suites: what every scheme, and every store that schemes ask, must hold.
//!
//! With the feature `testing`. A scheme's author implements [`SchemeUnderTest`] and runs
//! [`scheme_conformance`]; an adapter's author implements [`StoreFixture`] and runs
//! [`store_conformance`]. Both panic at the first rule that is broken, and name it.
//! [`TestStore`] answers all ports from memory, can be made to fail, and counts what it is asked.
//!
//! ```
//! use std::sync::Arc;
//!
//! use trackgate_schemes::bearer::{Bearer, BearerSettings};
//! use trackgate_schemes::testing::{Sample, SchemeUnderTest, TestStore, block_on, scheme_conformance};
//! use trackgate_schemes::{AccountId, Forget, Grants, Scheme};
//!
//! struct Case {
//!     store: Arc<TestStore>,
//!     account: AccountId,
//!     scheme: Bearer,
//!     good: String,
//! }
//!
//! impl SchemeUnderTest for Case {
//!     fn scheme(&self) -> &dyn Scheme {
//!         &self.scheme
//!     }
//!
//!     fn good(&self) -> Sample {
//!         Sample::new().header("authorization", format!("Bearer {}", self.good))
//!     }
//!
//!     fn malformed(&self) -> Vec<Sample> {
//!         vec![Sample::new().header("authorization", "Bearer"), Sample::new().header("authorization", "Bearer tg_x")]
//!     }
//!
//!     fn challenge_word(&self) -> Option<&str> {
//!         Some("Bearer")
//!     }
//!
//!     fn memory(&self) -> Option<Arc<dyn Forget>> {
//!         Some(self.scheme.memory())
//!     }
//!
//!     fn store(&self) -> Option<&TestStore> {
//!         Some(&self.store)
//!     }
//!
//!     fn account(&self) -> Option<AccountId> {
//!         Some(self.account)
//!     }
//! }
//!
//! let store = TestStore::new();
//! let account = store.add_account("rider", "opensesame").id;
//! let good = store.add_token(account, Grants::EVERYDAY, None).text.expose_text().expect("text").to_owned();
//! let scheme = Bearer::new(BearerSettings::new("api"), store.clone());
//! block_on(scheme_conformance(&Case { store, account, scheme, good }));
//! ```

mod account;
mod block_on;
mod occupied;
pub mod reading;
mod sample;
mod scheme;
mod sessions;
mod store;
mod test_store;
#[cfg(test)]
mod tests;

pub use account::account;
pub use block_on::block_on;
pub use occupied::Occupied;
pub use sample::Sample;
pub use scheme::{SchemeUnderTest, scheme_conformance};
pub use store::{StoreFixture, store_conformance};
pub use test_store::TestStore;
