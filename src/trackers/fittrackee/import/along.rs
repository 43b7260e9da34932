//! What comes along with an account: equipment, workouts, mailed tokens, the picture, and last the profile.

use std::collections::HashSet;
use std::sync::Arc;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Account, AccountState, StoreError, StoreErrorKind};

use super::user::Arrival;
use super::{Import, Line, Outcome, PAGE, Pictures, Run, things, told, uploads};
use crate::ports::{Item, MailedPurpose, MailedToken};
use crate::trackers::fittrackee::objects::kept::{EQUIPMENTS, WORKOUTS};
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::{ID, picture};

impl Import {
    /// Everything but the account itself, the mark last.
    pub(super) async fn complete(
        &self,
        mut arrival: Arrival,
        account: Account,
        outcome: Outcome,
    ) -> Result<Line, StoreError> {
        let id = account.id;
        let things = self.things(&mut arrival, id).await?;
        self.picture(&mut arrival, id).await?;
        if self.options.run == Run::Real {
            if let Some(mailed) = &arrival.mailed
                && (mailed.purpose != MailedPurpose::ConfirmAccount || account.state == AccountState::Unconfirmed)
            {
                let token = MailedToken {
                    account: id,
                    purpose: mailed.purpose,
                    digest: mailed.digest,
                    about: mailed.about.clone(),
                    created_at: self.accounts.clock().now(),
                    expires_at: None,
                };
                self.accounts.store().put_mailed_token(token).await?;
            }
            self.keep_profile(id, &arrival.profile).await?;
        }
        Ok(told(arrival, Some(id.0), outcome).with(things))
    }

    /// Equipment, workouts and choices about sports.
    pub(super) async fn things(&self, arrival: &mut Arrival, owner: AccountId) -> Result<Things, StoreError> {
        let user = arrival.number.0;
        let mut things = Things::default();
        let mut equipment = HashSet::new();
        for row in self.source.equipments(user).await? {
            let id = match things::equipment(owner, &row) {
                Ok(item) => self.keep(EQUIPMENTS, item).await?,
                Err(why) => Err(why),
            };
            match id {
                Ok(id) => equipment.insert(id.to_string()),
                Err(why) => {
                    arrival.left_out.push(why);
                    continue;
                }
            };
            things.equipments += 1;
        }
        arrival.profile.sports = things::choices(&self.source.sports(user).await?, &equipment, &mut arrival.left_out);
        let mut after = 0;
        loop {
            let page = self.source.workouts(user, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(things) };
            after = last.id;
            for row in page {
                let kept = match things::workout(owner, &row, &equipment) {
                    Ok(item) => self.keep(WORKOUTS, item).await?,
                    Err(why) => Err(why),
                };
                match kept {
                    Ok(_id) => things.workouts += 1,
                    Err(why) => arrival.left_out.push(why),
                }
            }
        }
    }

    /// The picture, if pictures are wanted and there is one; the profile that arrives names it then.
    pub(super) async fn picture(&self, arrival: &mut Arrival, owner: AccountId) -> Result<(), StoreError> {
        let Some(path) = arrival.picture.clone() else { return Ok(()) };
        let Some(Pictures { folder, files, studio }) = &self.pictures else {
            arrival.notes.push("has a picture: `--pictures` brings it".into());
            return Ok(());
        };
        let folder = folder.clone();
        let read = tokio::task::spawn_blocking(move || uploads::read(&folder, &path)).await;
        let bytes = match read.unwrap_or_else(|_panicked| Err("it cannot be read".into())) {
            Ok(bytes) => bytes,
            Err(why) => {
                arrival.left_out.push(format!("the picture: {why}"));
                return Ok(());
            }
        };
        if self.options.run == Run::Dry {
            return Ok(());
        }
        let kept = picture::keep(&**files, studio, owner, bytes).await.map_err(|_stop| no_room())?;
        match kept {
            Some(name) => {
                arrival.profile.picture = Some(name.to_string());
                arrival.profile.imported_from.as_mut().expect("every arrival has its mark").pictures = true;
            }
            None => arrival.left_out.push("the picture: it is no picture, or too large a one".into()),
        }
        Ok(())
    }

    /// The picture of somebody whom an earlier run brought without.
    pub(super) async fn late_picture(&self, mut arrival: Arrival, account: Account) -> Result<Line, StoreError> {
        self.picture(&mut arrival, account.id).await?;
        let came = arrival.profile.picture.is_some();
        if came {
            self.keep_profile(account.id, &arrival.profile).await?;
        }
        let would = self.options.run == Run::Dry && arrival.left_out.is_empty();
        let outcome = if came || would { Outcome::Completed } else { Outcome::AlreadyThere };
        let mut line = told(arrival, Some(account.id.0), outcome);
        line.left_out.retain(|why| why.starts_with("the picture"));
        line.notes.clear();
        Ok(line)
    }

    /// Keeps a thing; an interrupted run may have kept it already.
    async fn keep(&self, collection: &str, item: Item) -> Result<Result<Arc<str>, String>, StoreError> {
        let (id, owner) = (Arc::clone(&item.id), item.account);
        let store = self.accounts.store();
        if self.options.run == Run::Dry || store.add_item(collection, item).await? {
            return Ok(Ok(id));
        }
        let other = store.item(collection, &id).await?;
        Ok(match other {
            Some(other) if other.account != owner => Err(format!("{collection}/{id} is somebody else's here")),
            _ => Ok(id),
        })
    }

    /// Keeps the profile and the mark. What the owner changed since an interrupted run stays.
    async fn keep_profile(&self, id: AccountId, arrived: &Profile) -> Result<(), StoreError> {
        let is_new = self.accounts.store().document(ID, id).await?.is_none();
        let kept = Profile::update(&self.accounts, id, |profile| {
            if is_new {
                *profile = arrived.clone();
            } else {
                profile.imported_from.clone_from(&arrived.imported_from);
                // Who has chosen another one meanwhile keeps it.
                profile.picture = profile.picture.take().or_else(|| arrived.picture.clone());
            }
        });
        kept.await.map(drop).map_err(|_stop| no_room())
    }
}

/// How much came along with a user.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Things {
    equipments: u64,
    workouts: u64,
}

impl Line {
    pub(super) fn with(mut self, things: Things) -> Self {
        (self.equipments, self.workouts) = (things.equipments, things.workouts);
        self
    }
}

fn no_room() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "a profile or a picture could not be stored")
}
