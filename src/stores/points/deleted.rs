//! What was deleted while some of it may still lie in files.

use std::ops::RangeInclusive;
use std::sync::Arc;

use trackgate_schemes::AccountId;

use crate::ports::SeriesKey;

/// A deletion. It is about what was written before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deleted {
    /// Its number among all writes.
    pub(super) seq: u64,
    pub(super) account: AccountId,
    pub(super) what: What,
}

impl Deleted {
    /// Whether an earlier deletion adds nothing to this one.
    pub(super) fn covers(&self, earlier: &Self) -> bool {
        self.account == earlier.account
            && match (&self.what, &earlier.what) {
                (What::Everything, _) => true,
                (What::Points { .. }, What::Everything) => false,
                (What::Points { series, range }, What::Points { series: fewer, range: shorter }) => {
                    range.contains(shorter.start())
                        && range.contains(shorter.end())
                        && fewer.iter().all(|key| series.contains(key))
                }
            }
    }
}

/// What was deleted of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Everything,
    Points { series: Vec<SeriesKey>, range: RangeInclusive<i64> },
}

/// The deletions that touch what one layer has of an account.
pub(super) type Deletions = Vec<Arc<Deleted>>;

/// The ranges of time in which a series has lost its points.
pub(super) fn ranges(deletions: &[Arc<Deleted>], key: &SeriesKey) -> Vec<RangeInclusive<i64>> {
    let of = |deleted: &Arc<Deleted>| match &deleted.what {
        What::Everything => Some(i64::MIN..=i64::MAX),
        What::Points { series, range } => series.contains(key).then(|| range.clone()),
    };
    deletions.iter().filter_map(of).collect()
}
