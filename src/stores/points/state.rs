//! What is known of all accounts: what is in memory, the files, and what was deleted of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trackgate_schemes::AccountId;

use super::cache::Cache;
use super::deleted::{Deleted, Deletions, What};
use super::file::BlockFile;
use super::head::Head;
use super::layer::{Layer, Source};
use super::types::Types;
use super::view::View;
use super::watchers::Watchers;

/// What the writer, those who read and the one who looks after the files share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told when something was made into files, or could not be.
    sealed: Condvar,
    pub(super) cache: Arc<Cache>,
    pub(super) watchers: Watchers,
}

/// The points of all accounts.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What was written lately.
    pub(super) heads: Heads,
    /// What was written before that and is not in files yet, oldest first.
    pub(super) frozen: Vec<Arc<Frozen>>,
    /// What was written before that, in the order of writing.
    pub(super) files: Arc<Vec<Arc<BlockFile>>>,
    /// What was deleted of files and what is frozen, in the order of deleting.
    pub(super) deleted: Deletions,
    /// Whether what is frozen could not be made into files when that was tried last.
    pub(super) sealing_fails: bool,
}

pub(super) type Heads = HashMap<AccountId, Arc<Head>>;

/// Points that do not change any more, and will be put into files.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) heads: Heads,
    /// The last write that can be in it.
    pub(super) max_seq: u64,
    /// Where the same is in the log.
    pub(super) logs: Vec<PathBuf>,
}

impl Shared {
    pub(super) fn new(state: State, cache_bytes: usize) -> Self {
        Self {
            state: Mutex::new(state),
            sealed: Condvar::new(),
            cache: Arc::new(Cache::new(cache_bytes)),
            watchers: Watchers::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether what was frozen could be made into files.
    pub(super) fn tell_sealed(&self, done: bool) {
        self.state().sealing_fails = !done;
        self.sealed.notify_all();
    }

    /// Waits a while until less than so many are frozen, unless that cannot be hoped for.
    pub(super) fn wait_for_sealing(&self, frozen: usize) {
        let hopeful = |state: &mut State| state.frozen.len() >= frozen && !state.sealing_fails;
        drop(self.sealed.wait_timeout_while(self.state(), SEALING, hopeful));
    }

    /// What there is of an account now.
    pub(super) fn view(&self, account: AccountId) -> View {
        let (head, frozen, files, deleted) = {
            let state = self.state();
            let head = state.heads.get(&account).cloned();
            let deleted: Deletions = state.deleted.iter().filter(|one| one.account == account).cloned().collect();
            (head, state.frozen.clone(), Arc::clone(&state.files), deleted)
        };
        let since = |seq: u64| deleted.iter().filter(|one| one.seq > seq).cloned().collect::<Deletions>();
        let mut layers = Vec::new();
        for file in files.iter().filter(|file| file.has(account)) {
            let source = Source::File { file: Arc::clone(file), account, cache: Some(Arc::clone(&self.cache)) };
            layers.push(Layer::new(source, since(file.listed.clean_seq)));
        }
        for frozen in frozen {
            if let Some(head) = frozen.heads.get(&account) {
                layers.push(Layer::new(Source::Head(Arc::clone(head)), since(frozen.max_seq)));
            }
        }
        layers.extend(head.map(|head| Layer::new(Source::Head(head), Vec::new())));
        View::new(layers)
    }
}

impl State {
    /// Deletes in memory, and notes it for what does not change any more.
    pub(super) fn delete(&mut self, deleted: Arc<Deleted>) {
        match &deleted.what {
            What::Everything => drop(self.heads.remove(&deleted.account)),
            What::Points { series, range } => {
                if let Some(head) = self.heads.get_mut(&deleted.account) {
                    let head = Arc::make_mut(head);
                    head.remove(series, range);
                    if head.is_empty() {
                        self.heads.remove(&deleted.account);
                    }
                }
            }
        }
        // While the log is replayed the list may have named it already.
        if self.deleted.iter().all(|one| one.seq < deleted.seq) && self.concerns(&deleted) {
            self.deleted.retain(|one| !deleted.covers(one));
            self.deleted.push(deleted);
        }
    }

    /// Whether a deletion may take something from what does not change any more.
    pub(super) fn concerns(&self, deleted: &Deleted) -> bool {
        let is_in = |frozen: &Frozen| frozen.max_seq < deleted.seq && frozen.heads.contains_key(&deleted.account);
        self.files.iter().any(|file| file.is_touched(deleted)) || self.frozen.iter().any(|frozen| is_in(frozen))
    }

    /// The types of all fields that have points.
    pub(super) fn types(&self) -> Types {
        let mut types = Types::default();
        // The newest goes first: should a field have had another type once, it counts no more.
        let frozen = self.frozen.iter().rev().map(|frozen| (&frozen.heads, frozen.max_seq));
        for (heads, seq) in [(&self.heads, u64::MAX)].into_iter().chain(frozen) {
            for (account, head) in heads.iter().filter(|(account, _)| !self.is_dropped_after(**account, seq)) {
                for (key, series) in head.series() {
                    for (name, runs) in series.fields() {
                        types.note(*account, &key.measurement, name, runs.kind());
                    }
                }
            }
        }
        for file in self.files.iter().rev() {
            for (account, all) in
                file.accounts().filter(|(account, _)| !self.is_dropped_after(*account, file.listed.clean_seq))
            {
                for series in all {
                    for field in &series.fields {
                        types.note(account, &series.key.measurement, &field.name, field.kind);
                    }
                }
            }
        }
        types
    }

    fn is_dropped_after(&self, account: AccountId, seq: u64) -> bool {
        self.deleted.iter().any(|one| one.account == account && one.seq > seq && one.what == What::Everything)
    }
}

/// How long writing waits for files to be made at most.
const SEALING: Duration = Duration::from_secs(10);
