//! How many files and sockets the process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::Config;
use crate::config::checked::Target;

/// Raises the soft limit to the hard one, and warns when the connections that are allowed may need more.
pub(super) fn raise(config: &Config) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let is_proxy = config.routes.iter().any(|route| matches!(route.target, Target::Upstream { .. }));
    // A request that is sent on, and a tunnel for as long as it lives, have two.
    let for_each = if is_proxy { 2 } else { 1 };
    let needed = (config.limits.connections as u64).saturating_mul(for_each).saturating_add(OTHERS);
    match getrlimit(Resource::Nofile).current {
        Some(there) if there < needed => tracing::warn!(
            there,
            needed,
            "the limit of open files (RLIMIT_NOFILE) is below what `limits.connections` may need: raise one, or lower \
            the other"
        ),
        _ => {}
    }
}

/// The store, samples, logs, runtimes.
const OTHERS: u64 = 256;
