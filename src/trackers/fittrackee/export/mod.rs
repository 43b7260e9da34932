//! Export of all that is kept about an account (contract section 6.11), built in the background.
//!
//! A request is an item of the account, one at most, and a job. The job is added first: what dies in between
//! leaves a job without a request, which nobody waits for. The archive becomes visible as a whole, then the
//! request says so, then the letter goes out.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use jiff::Timestamp;
use rand::distr::{Distribution as _, slice::Choose};
use serde::{Deserialize, Serialize};
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{AccountId, Reason, Rejection};

use super::routes::{endpoint, first_party, stopped};
use super::wire::{self, Json, Stop};
use super::{ID, Shared};
use crate::accounts::AccountService;
use crate::message::Body;
use crate::ports::{Area, FileName, Item, ItemFilter, NewJob};
use crate::served::{Disposition, Served, disposition};
use crate::trackers::{Call, Endpoint, whole};

mod archive;
mod contents;
#[cfg(test)]
mod tests;
mod worker;

pub(super) use worker::Exporter;

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    let shared_by_download = Arc::clone(shared);
    let download = move |call: Call| {
        let shared = Arc::clone(&shared_by_download);
        async move {
            match download(&shared, call).await {
                Ok(response) => response,
                Err(stop) => stopped(&shared, stop),
            }
        }
    };
    vec![
        endpoint(shared, Method::GET, EXPORT, state),
        endpoint(shared, Method::POST, REQUEST, request),
        endpoint(shared, Method::GET, REQUEST, named_request),
        Endpoint::new(Method::GET, ARCHIVE, download),
    ]
}

async fn state(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = first_party(&call)?;
    let found = Export::of(&shared.accounts, account).await?;
    Ok(shown(found.as_ref().map(|(_, export)| export)))
}

async fn request(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = first_party(&call)?;
    let before = Export::of(&shared.accounts, account).await?;
    let now = Timestamp::try_from(call.now).unwrap_or_default().as_microsecond();
    if let Some((_, export)) = &before {
        if export.state == State::InProgress {
            return Err(refused("ongoing request exists"));
        }
        if now.saturating_sub(export.created_at) < DAY {
            return Err(refused("completed request already exists"));
        }
    }
    let store = shared.accounts.store();
    let fresh = Export { name: archive_name(), created_at: now, file_size: None, state: State::InProgress };
    let payload = Arc::from(fresh.name.as_str());
    let job = NewJob { kind: KIND.into(), account: Some(account), payload, due_at: call.now, created_at: call.now };
    let job = store.add_job(job).await?;
    let item = fresh.item(account)?;
    let stored = match &before {
        None => store.add_item(EXPORTS, item).await?,
        Some((old, _)) => store.replace_item(EXPORTS, old, item).await?,
    };
    if !stored {
        // Of two requests at once this is the other.
        store.delete_job(job).await?;
        return Err(refused("ongoing request exists"));
    }
    if let Some((_, old)) = &before {
        remove(&shared, &old.name).await?;
    }
    shared.export_bell.notify_one();
    Ok(shown(Some(&fresh)))
}

/// The archive called `request`, which is no archive's name (contract section 2.2).
async fn named_request(_shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    first_party(&call).map(|_account| no_archive())
}

/// The archive of the account under its name; nobody else's, and none that is not finished.
async fn download(shared: &Shared, call: Call) -> Result<Response<Body>, Stop> {
    let account = first_party(&call)?;
    let found = Export::of(&shared.accounts, account).await?.map(|(_, export)| export);
    let asked = call.parameter("file_name");
    let Some(export) = found.filter(|export| export.state == State::Successful && export.name == asked) else {
        return Ok(whole(no_archive()));
    };
    let Ok(name) = export.name.parse::<FileName>() else { return Ok(whole(no_archive())) };
    let Some(file) = shared.files.open(Area::Archives, &name).await? else { return Ok(whole(no_archive())) };
    let served = Served::file(HeaderValue::from_static("application/zip"), file)
        .with(header::CONTENT_DISPOSITION, disposition(Disposition::Attachment, &export.name));
    Ok(served.answer(call.request.method(), call.request.headers(), call.now))
}

/// A request for an export, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Export {
    /// The archive's name, also while there is none yet.
    name: String,
    /// In microseconds since 1970 (UTC).
    created_at: i64,
    /// In bytes, once it is there.
    file_size: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Errored,
    InProgress,
    Successful,
}

impl Export {
    /// The request of an account, with the item that it was read from.
    async fn of(accounts: &AccountService, account: AccountId) -> Result<Option<(Item, Self)>, Stop> {
        let items = accounts.store().items(EXPORTS, account, ItemFilter { limit: 1, ..ItemFilter::default() });
        let Some(item) = items.await?.pop() else { return Ok(None) };
        match serde_json::from_str(&item.body) {
            Ok(export) => Ok(Some((item, export))),
            Err(_unreadable) => {
                tracing::error!(%account, "the stored export cannot be read");
                Err(Rejection::new(Reason::Internal, ID).into())
            }
        }
    }

    /// Named for the account, so that it has one at most.
    fn item(&self, account: AccountId) -> Result<Item, Stop> {
        let body = serde_json::to_string(self).map_err(|_never| Rejection::new(Reason::Internal, ID))?;
        Ok(Item { id: account.0.to_string().into(), account, place: self.created_at, body })
    }

    /// Contract section 4.3.
    fn shown(&self) -> Json {
        let done = self.state == State::Successful;
        let size = self.file_size.filter(|_| done).and_then(|size| i64::try_from(size).ok());
        let state = match self.state {
            State::Errored => "errored",
            State::InProgress => "in_progress",
            State::Successful => "successful",
        };
        Json::object([
            ("created_at", Json::Date(self.created_at)),
            ("file_name", Json::text(done.then_some(self.name.as_str()))),
            ("file_size", size.map_or(Json::Null, Json::Int)),
            ("status", Json::Text(state.into())),
        ])
    }
}

fn shown(export: Option<&Export>) -> Response<Bytes> {
    let request = export.map_or(Json::Null, Export::shown);
    wire::success(StatusCode::OK, [("request", request), ("status", Json::Text("success".into()))])
}

fn refused(message: &'static str) -> Stop {
    Stop::Message(StatusCode::BAD_REQUEST, message.into())
}

/// E404d of the contract.
fn no_archive() -> Response<Bytes> {
    let text = r#"{"status": "not found", "data": {"archive": []}, "message": "file not found"}"#;
    crate::message::json(StatusCode::NOT_FOUND, text)
}

async fn remove(shared: &Shared, name: &str) -> Result<(), StoreError> {
    match name.parse::<FileName>() {
        Ok(name) => shared.files.remove(Area::Archives, &name).await,
        Err(_never_made) => Ok(()),
    }
}

/// The name of the archive that an account asked for, be it there or not.
///
/// # Errors
///
/// The store is down, or holds what cannot be read.
pub(super) async fn archive_of(accounts: &AccountService, account: AccountId) -> Result<Option<FileName>, Stop> {
    Ok(Export::of(accounts, account).await?.and_then(|(_, export)| export.name.parse().ok()))
}

/// `archive_`, 20 characters that nobody guesses, `.zip`.
fn archive_name() -> String {
    let letters = Choose::new(NAME_LETTERS).expect("there are letters");
    let random: String = letters.sample_iter(rand::rng()).take(20).map(|letter| char::from(*letter)).collect();
    format!("archive_{random}.zip")
}

const ARCHIVE: &str = "/api/auth/account/export/{file_name}";
const EXPORT: &str = "/api/auth/account/export";
const REQUEST: &str = "/api/auth/account/export/request";

const EXPORTS: &str = "fittrackee/exports";
const KIND: &str = "fittrackee-export";
const NAME_LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// In microseconds.
const DAY: i64 = 86_400_000_000;
