//! Who waits for new points of which account.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use trackgate_schemes::AccountId;

/// A channel for each account that somebody watches.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    channels: Mutex<Channels>,
}

#[derive(Debug, Default)]
struct Channels {
    of: HashMap<AccountId, watch::Sender<u64>>,
    /// How many there may be before those that nobody watches any more are looked for.
    clean_at: usize,
}

impl Watchers {
    /// Watches an account.
    pub(super) fn changes(&self, account: AccountId) -> watch::Receiver<u64> {
        let mut channels = self.channels();
        if channels.of.len() >= channels.clean_at {
            channels.of.retain(|_, channel| channel.receiver_count() > 0);
            channels.clean_at = 2 * channels.of.len() + 64;
        }
        channels.of.entry(account).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Tells those who watch these accounts that something changed.
    pub(super) fn tell(&self, accounts: impl IntoIterator<Item = AccountId>) {
        let mut channels = self.channels();
        if channels.of.is_empty() {
            return;
        }
        for account in accounts {
            let Some(channel) = channels.of.get(&account) else { continue };
            if channel.receiver_count() == 0 {
                channels.of.remove(&account);
            } else {
                channel.send_modify(|count| *count += 1);
            }
        }
    }

    fn channels(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
