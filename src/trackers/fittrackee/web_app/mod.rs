//! The original's web application (contract section 2.2): its files, and its index page for everything else.
//!
//! It answers `GET` and `HEAD` wherever nobody else does, also below `/api/` and on paths that only take `POST`,
//! and asks for no credential: what it shows, it asks the API for. A path with a double slash is sent on to the
//! clean one.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::wire;
use crate::message::Body;
use crate::trackers::served::Served;
use crate::trackers::{Call, Endpoint, Reach, whole};

mod encoding;
mod folder;
mod page;
#[cfg(test)]
mod tests;

pub use folder::{WebApp, WebAppError};

use page::Page;

/// The tracker's endpoints together with those of the application behind them.
pub(super) fn join(app: &Arc<WebApp>, endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    let mut methods: BTreeMap<&'static str, Vec<Method>> = BTreeMap::new();
    for endpoint in &endpoints {
        methods.entry(endpoint.path).or_default().push(endpoint.method.clone());
    }
    let mut all: Vec<_> = endpoints.into_iter().filter(|endpoint| endpoint.method != Method::OPTIONS).collect();
    all.extend(methods.into_iter().map(|(path, here)| options(path, &here)));
    all.push(options(EVERYWHERE, &[]).reaching(Reach::Elsewhere));
    for method in [Method::GET, Method::HEAD] {
        let app = Arc::clone(app);
        let answer = move |call: Call| {
            let response = show(&app, &call);
            async { response }
        };
        let endpoint = Endpoint::new(method, EVERYWHERE, answer).public("the application asks for itself");
        all.push(endpoint.reaching(Reach::Elsewhere));
    }
    let redirect = Endpoint::new(Method::GET, EVERYWHERE, |call: Call| async move { whole(to_clean_path(&call)) });
    all.push(redirect.public("it tells another spelling alone").reaching(Reach::DoubleSlash));
    all
}

/// The file of this path, else the index page.
fn show(app: &WebApp, call: &Call) -> Response<Body> {
    let asked = call.request.headers();
    let page = app.page(call.parameter("rest")).unwrap_or(app.index());
    let (variant, coding) = page.variant(asked);
    let mut served =
        Served::whole(page.content_type.clone(), variant.bytes.clone(), variant.tag.clone(), Some(page.modified))
            .with(header::CACHE_CONTROL, HeaderValue::from_static(page.caching));
    if let Some(coding) = coding {
        served = served.with(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if page.has_variants() {
        served = served.with(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    served.answer(call.request.method(), asked, call.now)
}

/// 308, with the method kept and the query carried along.
fn to_clean_path(call: &Call) -> Response<Bytes> {
    let path = call.parameter("rest");
    let location = match call.request.uri().query() {
        Some(query) => format!("/{path}?{query}"),
        None => format!("/{path}"),
    };
    let mut response = wire::page(StatusCode::PERMANENT_REDIRECT);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// `OPTIONS` of a path with these methods of its own: with the application behind it, it has three more.
fn options(path: &'static str, own: &[Method]) -> Endpoint {
    let mut names: Vec<&str> = own.iter().map(Method::as_str).chain(["GET", "HEAD", "OPTIONS"]).collect();
    names.sort_unstable();
    names.dedup();
    let mut headers = HeaderMap::new();
    if let Ok(allow) = HeaderValue::from_str(&names.join(", ")) {
        headers.insert(header::ALLOW, allow);
    }
    let answer = move |_call: Call| {
        let mut response = Response::new(Body::empty());
        response.headers_mut().clone_from(&headers);
        async { response }
    };
    Endpoint::new(Method::OPTIONS, path, answer).public("it tells the methods alone")
}

const EVERYWHERE: &str = "/{*rest}";
