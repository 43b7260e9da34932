//! Who is asking?
//!
//! A [`Scheme`] looks at a request's [`Head`] and finds one credential in it, or none. Its answer is a
//! [`Step`]: done at once when memory has seen the credential, one boxed future when a store must be
//! asked. The end of either is a [`Verdict`]: absent, a known [`Identity`], or a [`Rejection`].
//!
//! The crate knows no runtime and no database: what it needs from storage are the ports of [`store`].
//!
//! ```
//! use http::{HeaderMap, Method};
//! use trackgate_schemes::{CanonicalPath, Head, Scheme, Step, Verdict};
//!
//! fn ask(scheme: &dyn Scheme, headers: &HeaderMap) -> Verdict {
//!     let path = CanonicalPath::parse("/ping").expect("a plain path");
//!     let head = Head::new(&Method::GET, &path, headers);
//!     match scheme.authenticate(&head) {
//!         Step::Done(verdict) => verdict,
//!         Step::Ask(_future) => unreachable!("this scheme asks nobody"),
//!     }
//! }
//! ```
#![forbid(unsafe_code)]

mod authorization;
pub mod basic;
pub mod bearer;
mod client_network;
mod clock;
mod cookies;
pub mod dense;
mod grants;
mod guess;
mod hash_pool;
mod head;
mod identity;
pub mod jwt;
mod known;
mod name;
pub mod password;
mod path;
mod realm;
mod rejection;
mod scheme;
mod secret;
mod sign_in;
pub mod sliding;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use client_network::{ClientNetwork, ClientNetworkError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use grants::{Grant, GrantError, Grants};
pub use guess::{Admission, Attempt, GuessGuard, NoGuard, Outcome};
pub use hash_pool::{HashPool, HashPoolError, HashPoolFigures};
pub use head::Head;
pub use identity::{AccountId, Credential, CredentialId, CredentialKind, Identity, Subject};
pub use known::{Forget, Known, MemoryFigures, Ticket};
pub use name::{AccountName, EmailAddress, Login, NameError};
pub use path::{CanonicalPath, PathFault};
pub use realm::{Realm, RealmError};
pub use rejection::{Class, Reason, Rejection};
pub use scheme::{Carrier, Scheme, Step, Unaccepted, Verdict};
pub use secret::{Digest, DigestKey, KeyedDigest, Secret};
pub use sign_in::SignIn;
