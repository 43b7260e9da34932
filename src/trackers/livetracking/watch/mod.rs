//! The live page of a rider, `GET /watch/{username}`, and what feeds it (contract section 5).
//!
//! The page is a shell without data. Its script reads `…/events`, a stream of server-sent events: the ride of the
//! last hours thinned to what can be seen, then points as they come. Where streams are held up on the way it polls
//! `/query` as the original page did, and `…/latest` for riders whom not everybody may watch.
//!
//! Everybody watches a public rider; a private one is watched by the owner who signed in, and by who has a share
//! link. Whoever may not gets one answer, whether the rider is private or there is none. A stream ends within a
//! second when what opened it ends: the link, the session, the account, the switch.
//!
//! What differs from the original on purpose: it shows the whole ride, not the last half hour; the page asks its
//! own end points before `/query`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::sync::watch;
use trackgate_schemes::{AccountId, Class, Identity, Reason, Rejection, Scheme};

use super::{ID, wire};
use crate::accounts::{AccountService, Visibility};
use crate::layer::{Dialect, Refusal};
use crate::message::{self, Body, because};
use crate::ports::Points;
use crate::trackers::{Call, Endpoint, Handler, whole};

pub(super) use operations::operations;

use door::Door;
use event::nanos;
use page::Page;
use rides::Rides;
use share::ShareScheme;
use slots::{Limits, Slots};
use stream::Stream;

mod door;
mod event;
mod operations;
mod page;
mod ride;
mod rides;
mod share;
mod slots;
mod stream;
#[cfg(test)]
mod tests;
mod thin;

pub use share::HEADER as SHARE_HEADER;

/// What the page shows, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How far back a ride is shown.
    pub window: Duration,
    /// Tiles below the track, with `{z}`, `{x}` and `{y}`; none by default, so that nothing is asked of others.
    pub tile_url: Option<Arc<str>>,
    /// Whether those who never said are watched by everybody.
    pub visibility: Visibility,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window: Duration::from_hours(8), tile_url: None, visibility: Visibility::Public }
    }
}

/// The page and its streams.
#[derive(Debug)]
pub struct Watch {
    accounts: AccountService,
    page: Page,
    door: Arc<Door>,
    rides: Arc<Rides>,
    slots: Arc<Slots>,
    schemes: Vec<Arc<dyn Scheme>>,
    stopping: watch::Sender<()>,
}

impl Watch {
    /// Shows these points of these accounts; owners sign in by these schemes.
    pub fn new(
        accounts: AccountService,
        points: Arc<dyn Points>,
        owners: impl IntoIterator<Item = Arc<dyn Scheme>>,
        settings: &Settings,
    ) -> Self {
        let share: Arc<dyn Scheme> = Arc::new(ShareScheme::new(accounts.clone()));
        Self {
            page: Page::new(settings.window, settings.tile_url.as_deref()),
            door: Arc::new(Door::new(accounts.clone(), settings.visibility)),
            rides: Arc::new(Rides::new(points, Arc::clone(accounts.clock()), settings.window)),
            slots: Arc::new(Slots::new(Limits::USUAL)),
            schemes: std::iter::once(share).chain(owners).collect(),
            stopping: watch::Sender::new(()),
            accounts,
        }
    }

    /// Ends all streams: those who watch come back.
    pub fn stop(&self) {
        self.stopping.send_replace(());
    }

    /// The end points.
    pub(super) fn endpoints(self: &Arc<Self>) -> Vec<Endpoint> {
        let for_watchers =
            |endpoint: Endpoint| endpoint.optional().asking(self.schemes.clone()).worded(Arc::new(WatchDialect));
        vec![
            Endpoint::new(Method::GET, PAGE, self.on(page)).public("nothing of a rider is in it"),
            for_watchers(Endpoint::new(Method::GET, EVENTS, self.on(events))),
            for_watchers(Endpoint::new(Method::GET, LATEST, self.on(latest))),
            Endpoint::new(Method::GET, ASSETS, self.on(asset)).public("they are the same for everybody"),
        ]
    }

    fn on<A>(self: &Arc<Self>, answer: fn(Arc<Self>, Call) -> A) -> impl Handler + use<A>
    where
        A: Future<Output = Result<Response<Body>, Rejection>> + Send + 'static,
    {
        let watch = Arc::clone(self);
        move |call| {
            let answer = answer(Arc::clone(&watch), call);
            async move { answer.await.unwrap_or_else(|why| whole(because(&why, WatchDialect.render(&Refusal::new(&why))))) }
        }
    }
}

type Answer = Result<Response<Body>, Rejection>;

async fn page(watch: Arc<Watch>, call: Call) -> Answer {
    let answer = match wire::user_name(call.parameter("username")) {
        Some(name) => watch.page.of(&name, call.request.headers()),
        None => page::not_found(),
    };
    Ok(whole(wire::allow_any_origin(answer)))
}

async fn events(watch: Arc<Watch>, call: Call) -> Answer {
    let account = watch.enter(call.parameter("username"), call.identity(), call.now).await?;
    let headers = call.request.headers();
    let body = if call.request.method() == Method::HEAD {
        Body::empty()
    } else {
        let slot = watch.slots.take(account, call.client);
        let slot = slot.ok_or_else(|| Rejection::new(Reason::Overloaded, ID).after(RETRY_WHEN_FULL))?;
        let stream = Stream {
            who: call.identity().clone(),
            account,
            door: Arc::clone(&watch.door),
            rides: Arc::clone(&watch.rides),
            clock: Arc::clone(watch.accounts.clock()),
            stopping: watch.stopping.subscribe(),
            _slot: slot,
        };
        stream.body(stream::last_event(headers.get("last-event-id"), nanos(call.now)))
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Some proxies hold back what is no file unless they are told.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(private(response))
}

/// The ride at once, for those who cannot have a stream; with `since` (milliseconds) what came after it.
async fn latest(watch: Arc<Watch>, call: Call) -> Answer {
    let account = watch.enter(call.parameter("username"), call.identity(), call.now).await?;
    let since = call.request.uri().query().and_then(|query| {
        query.split('&').find_map(|pair| pair.strip_prefix("since=")).and_then(|since| since.parse::<i64>().ok())
    });
    let unavailable = crate::trackers::unavailable(ID);
    let rows = match since {
        Some(since) => watch.rides.rows(account, Some(event::after(since))).await.map_err(&unavailable)?,
        None => None,
    };
    let told = match rows {
        Some(rows) => format!("\"points\":{}", event::rows_json(&rows)),
        None => format!("\"ride\":{}", event::ride_json(&watch.rides.ride(account).await.map_err(&unavailable)?)),
    };
    let text = format!("{{\"now\":{},{told}}}\n", event::millis(nanos(call.now)));
    Ok(private(whole(message::json(StatusCode::OK, text))))
}

async fn asset(watch: Arc<Watch>, call: Call) -> Answer {
    let (version, name) = (call.parameter("version"), call.parameter("file"));
    let answer = watch.page.asset(version, name, call.request.method(), call.request.headers(), call.now);
    answer.ok_or_else(|| Rejection::new(Reason::NotFound, ID))
}

impl Watch {
    /// Whom the caller may watch.
    async fn enter(&self, typed: &str, who: &Identity, now: SystemTime) -> Result<AccountId, Rejection> {
        let name = wire::user_name(typed).ok_or_else(|| Rejection::new(Reason::NotFound, ID))?;
        self.door.enter(&name, who, now).await
    }
}

/// Never kept by anybody on the way.
fn private(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The wording for those who watch: no 401 and no challenge, for a browser would ask for a password that the page
/// has no use for.
#[derive(Clone, Copy, Debug)]
struct WatchDialect;

impl Dialect for WatchDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let reason = refusal.why.reason;
        let (status, word) = match (reason, reason.class()) {
            (_, Class::BadCredential | Class::Unauthenticated) => (StatusCode::FORBIDDEN, "AUTHENTICATION_FAILED"),
            (Reason::RateLimited, _) => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
            (_, Class::Denied) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            (Reason::NotFound, _) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            (Reason::MethodNotAllowed, _) => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            (Reason::Overloaded, _) => (StatusCode::SERVICE_UNAVAILABLE, "BUSY"),
            (Reason::TimedOut | Reason::Unavailable, _) => (StatusCode::SERVICE_UNAVAILABLE, "DB"),
            (_, Class::Request) => (reason.status(), "BAD_REQUEST"),
            _ => (reason.status(), "UNKNOWN_ERROR"),
        };
        let mut response = message::json(status, format!("{{\"error\":\"{word}\"}}"));
        refusal.with_challenges(&[]).add_headers(response.headers_mut());
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// The paths of the end points, for `OPTIONS`.
pub(super) const PATHS: [&str; 4] = [PAGE, EVENTS, LATEST, ASSETS];

const PAGE: &str = "/watch/{username}";
const EVENTS: &str = "/watch/{username}/events";
const LATEST: &str = "/watch/{username}/latest";
const ASSETS: &str = "/watch-assets/{version}/{file}";

/// After how long who found all places taken may try again.
const RETRY_WHEN_FULL: Duration = Duration::from_secs(10);
