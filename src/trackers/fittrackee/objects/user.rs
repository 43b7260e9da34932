//! The user object with what is summed up, and the memory of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use trackgate_schemes::store::Account;
use trackgate_schemes::{AccountId, DigestKey, Forget, Known};

use super::own;
use super::summary::Summary;
use crate::accounts::Memories;
use crate::message;
use crate::trackers::fittrackee::Shared;
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::wire::{self, Json, Stop};

/// The user object of an account with this profile.
///
/// # Errors
///
/// The store is down, or holds what cannot be read.
pub(in crate::trackers::fittrackee) async fn user(
    shared: &Shared,
    account: &Account,
    profile: &Profile,
) -> Result<Json, Stop> {
    Ok(profile.user(account, shared, &Summary::of(&own::workouts(&shared.accounts, account.id).await?)))
}

/// Finished answers of `GET /api/auth/profile`, by account.
///
/// Each change of an account, of what this tracker keeps about it, or of its workouts makes it forget, in
/// this process at once and in others as soon as they read of it.
#[derive(Debug)]
pub(in crate::trackers::fittrackee) struct Finished {
    known: Arc<Known<Bytes>>,
    key: DigestKey,
}

impl Finished {
    /// An empty memory that forgets when these do.
    pub(in crate::trackers::fittrackee) fn new(memories: &Memories) -> Self {
        let known = Arc::new(Known::new(CAPACITY));
        memories.add_of_documents(&(Arc::clone(&known) as Arc<dyn Forget>));
        Self { known, key: DigestKey::random() }
    }

    /// The answer that tells an account its profile: remembered, or made anew.
    ///
    /// # Errors
    ///
    /// 401 if there is no such account any more, or the store is down or holds what cannot be read.
    pub(in crate::trackers::fittrackee) async fn profile(
        &self,
        shared: &Shared,
        id: AccountId,
        now: SystemTime,
    ) -> Result<Response<Bytes>, Stop> {
        let digest = self.key.digest(&[&id.0.to_be_bytes()]);
        if let Some(finished) = self.known.find(&digest, now) {
            return Ok(message::json(StatusCode::OK, finished));
        }
        let ticket = self.known.ticket();
        let account = shared.accounts.store().account(id).await?.ok_or(Stop::TOKEN)?;
        let profile = Profile::load(&shared.accounts, id).await?;
        let data = user(shared, &account, &profile).await?;
        let answer = wire::success(StatusCode::OK, [("data", data), ("status", Json::Text("success".into()))]);
        let finished = answer.body().clone();
        self.known.remember(ticket, digest, Some(id), "", finished, now, now + LIFE);
        Ok(answer)
    }
}

/// Accounts; an answer is seldom larger than a few kilobytes and never than some twenty.
const CAPACITY: usize = 4096;

/// Nothing depends on it but the room of those who do not come back.
const LIFE: Duration = Duration::from_hours(1);
