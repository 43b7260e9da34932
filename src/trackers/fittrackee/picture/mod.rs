//! Pictures of accounts (contract sections 6.6 and 6.7).
//!
//! What is uploaded is read as a picture and drawn anew, so that nothing of the file itself is ever served: no
//! position, no comment, no page hidden behind the pixels. It bears a name of ours, the account's number and chance.
//!
//! The file is written before the profile names it, and removed after the profile forgets it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use trackgate_schemes::{AccountId, AccountName, Login};

use super::profile::Profile;
use super::routes::{endpoint, stopped};
use super::wire::{self, Json, Stop};
use super::{Shared, leftovers};
use crate::message::Body;
use crate::ports::{Area, FileName, Files};
use crate::served::{Disposition, Served, disposition};
use crate::trackers::{Call, Endpoint, whole};

mod dialect;
mod frames;
mod kind;
mod redraw;
mod studio;
#[cfg(test)]
mod tests;
mod upload;

pub(super) use studio::Studio;

use dialect::PictureDialect;
use kind::Kind;
use upload::{Refused, Upload};

/// The endpoints of pictures.
pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    let limit = shared.settings.max_body_bytes;
    let refusals = Arc::new(PictureDialect::new(Arc::clone(&shared.dialect), limit));
    let shown = Arc::clone(shared);
    let show = move |call| {
        let shared = Arc::clone(&shown);
        async move {
            match show(&shared, call).await {
                Ok(response) => response,
                Err(stop) => stopped(&shared, stop),
            }
        }
    };
    vec![
        endpoint(shared, Method::POST, PICTURE, upload).granted("profile:write").max_body(limit).worded(refusals),
        endpoint(shared, Method::DELETE, PICTURE, remove).granted("profile:write").max_body(limit),
        Endpoint::new(Method::GET, SHOWN, show).public("pictures are shown to everybody"),
    ]
}

async fn upload(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let id = call.identity().account().ok_or(Stop::TOKEN)?;
    let settings = &shared.settings;
    let (head, body) = call.request.into_parts();
    let read = Upload::read(&head.headers, body, settings.picture_limit, settings.max_body_bytes).await;
    let drawn = match read {
        Ok(Upload { kind, bytes }) => shared.studio.draw(kind, bytes).await?,
        Err(Refused::Body(why)) => return Err(why.into()),
        Err(Refused::Fault(fault)) => return Ok(fail(StatusCode::BAD_REQUEST, fault.message())),
        Err(Refused::TooLarge { size, limit }) => return Ok(dialect::too_large(size, limit)),
    };
    let Some((kind, bytes)) = drawn else {
        return Ok(fail(StatusCode::BAD_REQUEST, upload::Fault::InvalidFile.message()));
    };
    let name = leftovers::new_name(id, kind.extension());
    shared.files.put(Area::Pictures, &name, bytes).await?;
    let mut before = None;
    let updated = Profile::update(&shared.accounts, id, |profile| {
        before = profile.picture.replace(name.to_string());
    });
    // If that fails, nobody knows whether it was written: the file stays until it is swept.
    updated.await?;
    leftovers::forget(&*shared.files, Area::Pictures, before.as_deref()).await;
    Ok(wire::success(
        StatusCode::OK,
        [("message", Json::Text("user picture updated".into())), ("status", Json::Text("success".into()))],
    ))
}

async fn remove(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let id = call.identity().account().ok_or(Stop::TOKEN)?;
    let mut before = None;
    if Profile::load(&shared.accounts, id).await?.picture.is_some() {
        Profile::update(&shared.accounts, id, |profile| before = profile.picture.take()).await?;
    }
    leftovers::forget(&*shared.files, Area::Pictures, before.as_deref()).await;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Keeps a picture that comes from another server, drawn anew; `None` if it is none. No profile names it yet.
pub(super) async fn keep(
    files: &dyn Files,
    studio: &Studio,
    id: AccountId,
    bytes: Bytes,
) -> Result<Option<FileName>, Stop> {
    // The other server looked at names alone, so its files may be of another kind than they say.
    let kinds = [Kind::Gif, Kind::Jpeg, Kind::Png];
    let Some(kind) = kinds.into_iter().find(|kind| kind.begins(&bytes)) else { return Ok(None) };
    let Some((kind, bytes)) = studio.draw(kind, bytes).await? else { return Ok(None) };
    let name = leftovers::new_name(id, kind.extension());
    files.put(Area::Pictures, &name, bytes).await?;
    Ok(Some(name))
}

async fn show(shared: &Shared, call: Call) -> Result<Response<Body>, Stop> {
    let none =
        |message| Ok(whole(wire::error(StatusCode::NOT_FOUND, &[("status", "not found"), ("message", message)])));
    // A name alone: by an address, strangers could ask who has one.
    let Ok(name) = AccountName::parse(call.parameter("username")) else { return none(NO_USER) };
    let Some(account) = shared.accounts.store().account_by_login(&Login::Name(name)).await? else {
        return none(NO_USER);
    };
    let picture = Profile::load(&shared.accounts, account.id).await?.picture;
    let Some(name) = picture.and_then(|name| name.parse::<FileName>().ok()) else { return none(NO_PICTURE) };
    let Some(kind) = Kind::of_extension(name.extension()) else { return none(NO_PICTURE) };
    let Some(file) = shared.files.open(Area::Pictures, &name).await? else { return none(NO_PICTURE) };
    let headers: &HeaderMap = call.request.headers();
    Ok(Served::file(HeaderValue::from_static(kind.media_type()), file)
        .with(header::CONTENT_DISPOSITION, disposition(Disposition::Inline, name.as_str()))
        .answer(call.request.method(), headers, call.now))
}

/// `{"status": "fail", "message": …}`: pictures alone word it so.
fn fail(status: StatusCode, message: &str) -> Response<Bytes> {
    wire::error(status, &[("status", "fail"), ("message", message)])
}

const PICTURE: &str = "/api/auth/picture";
const SHOWN: &str = "/api/users/{username}/picture";

const NO_PICTURE: &str = "No picture.";
const NO_USER: &str = "user does not exist";
