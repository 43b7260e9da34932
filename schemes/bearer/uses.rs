//! Noting the last use of API tokens and signed tokens in steps, not per request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use foldhash::fast::RandomState;

use crate::store::ApiTokens;
use crate::{CredentialKind, Head, Identity, Reason, Rejection};

/// When the last use of each token was noted. Bounded.
#[derive(Debug)]
pub(crate) struct Uses {
    shards: Box<[Mutex<Shard>]>,
}

/// From a token's public id to when its use was last noted.
///
/// Public ids are made by this program at random, or are digests: nobody can choose many that fall together.
type Shard = HashMap<Box<str>, SystemTime, RandomState>;

impl Uses {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Notes an accepted use of an API token, once for each step; other credentials have none to note.
    pub(crate) fn note(
        &self,
        by: &'static str,
        tokens: &dyn ApiTokens,
        who: &Identity,
        head: &Head<'_>,
    ) -> Result<(), Rejection> {
        if who.expires_at().is_some_and(|end| head.now >= end) {
            return Err(Rejection::new(Reason::Expired, by));
        }
        let credential = who.credential();
        if credential.kind == CredentialKind::ApiToken && self.is_due(&credential.id, head.now) {
            tokens.note_token_use(&credential.id, head.now, head.client);
        }
        Ok(())
    }

    /// Whether this use is to be noted; of several at once, one is.
    pub(crate) fn is_due(&self, id: &str, now: SystemTime) -> bool {
        let shard = usize::from(id.bytes().last().unwrap_or(0)) % SHARDS;
        let Some(shard) = self.shards.get(shard) else { return false };
        let mut noted = shard.lock().unwrap_or_else(PoisonError::into_inner);
        // After a clock was stepped back far, a step is over too: else no use would be noted until then.
        let is_over = |last: SystemTime| now.duration_since(last).unwrap_or_else(|back| back.duration()) >= STEP;
        if let Some(last) = noted.get_mut(id) {
            let due = is_over(*last);
            if due {
                *last = now;
            }
            return due;
        }
        if noted.len() >= SHARD_CAPACITY {
            noted.retain(|_, last| !is_over(*last));
        }
        if noted.len() >= SHARD_CAPACITY {
            noted.clear();
        }
        noted.insert(id.into(), now);
        true
    }
}

/// A token's last use is known to this.
const STEP: Duration = Duration::from_mins(5);
const SHARDS: usize = 16;
const SHARD_CAPACITY: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Sample;

    #[test]
    fn what_is_remembered_of_uses_is_bounded() {
        let uses = Uses::new();
        for n in 0..2 * SHARDS * SHARD_CAPACITY {
            // The last byte chooses the shard: one shard takes them all.
            assert!(uses.is_due(&format!("{n}x"), Sample::now()));
        }
        let held: usize = uses.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(held <= SHARD_CAPACITY, "{held}");
    }

    #[test]
    fn clk_02_a_clock_stepped_back_far_does_not_stop_the_notes() {
        let (uses, id) = (Uses::new(), "id");
        assert!(uses.is_due(id, Sample::now()));
        assert!(!uses.is_due(id, Sample::now() - Duration::from_secs(299)));
        assert!(uses.is_due(id, Sample::now() - STEP));
    }
}
