//! May they?
//!
//! A [`Policy`] is a rule about an [`Identity`](trackgate_schemes::Identity) and a request's
//! [`Head`](trackgate_schemes::Head). It decides at once, from memory, and says why not.
//! Beside the policies stands [`Lockout`], which counts wrong guesses for the schemes that take passwords.
//!
//! ```
//! use std::sync::Arc;
//!
//! use http::{HeaderMap, Method};
//! use trackgate_policies::{All, Networks, Policy, RequireGrants};
//! use trackgate_schemes::{AccountId, CanonicalPath, Credential, CredentialKind, Grants, Head, Identity, Subject};
//!
//! let rule = All::new([
//!     Arc::new(RequireGrants::new("points:write".parse()?)) as Arc<dyn Policy>,
//!     Arc::new("10.0.0.0/8 !10.66.0.0/16".parse::<Networks>()?),
//! ]);
//!
//! let password = Credential::new(CredentialKind::Password, "1");
//! let rider = Identity::new(Subject::Account(AccountId(1)), "rider", "basic", password).with_grants(Grants::EVERYDAY);
//! let (path, headers) = (CanonicalPath::parse("/write")?, HeaderMap::new());
//! let head = Head::new(&Method::POST, &path, &headers);
//! assert!(rule.decide(&rider, &head.with_client(Some("10.1.2.3".parse()?))).is_allow());
//! assert!(!rule.decide(&rider, &head.with_client(Some("10.66.2.3".parse()?))).is_allow());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod combine;
mod grant;
mod lockout;
mod method;
mod network;
mod policy;
mod rate;
mod room;
mod steady;
pub mod store;
#[cfg(test)]
mod testing;
mod time_window;

pub use combine::{All, Any, Not};
pub use grant::RequireGrants;
pub use lockout::{Counted, CountedError, GuessLimits, Lock, Lockout};
pub use method::Methods;
pub use network::{NetworkError, Networks, parse_network};
pub use policy::{Decision, Policy, Term};
pub use rate::{Rate, RateLimit, RateLimitError, RatePer};
pub use steady::{ManualSteadyClock, SteadyClock, SystemSteadyClock};
pub use time_window::{TimeWindow, TimeWindowError};
pub use trackgate_schemes::{ClientNetwork, ClientNetworkError};
