//! The endpoints of the tracker, and how a handler that stops early is answered.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use trackgate_schemes::AccountId;

use super::wire::{self, Stop};
use super::{Shared, account, export, mailed, objects, picture, profile_edit, sign_in};
use crate::layer::{Dialect as _, Refusal};
use crate::message::{Body, because};
use crate::trackers::{Call, Endpoint, whole};

/// All endpoints of the tracker.
pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    let mut endpoints = sign_in::endpoints(shared);
    endpoints.extend(account::endpoints(shared));
    endpoints.extend(mailed::endpoints(shared));
    endpoints.extend(profile_edit::endpoints(shared));
    endpoints.extend(objects::endpoints(shared));
    endpoints.extend(export::endpoints(shared));
    endpoints.extend(picture::endpoints(shared));
    let options = options(&endpoints);
    endpoints.extend(options);
    endpoints
}

/// An endpoint whose handler may stop early; it takes bodies up to the tracker's limit.
pub(super) fn endpoint<F, A>(shared: &Arc<Shared>, method: Method, path: &'static str, answer: F) -> Endpoint
where
    F: Fn(Arc<Shared>, Call) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response<Bytes>, Stop>> + Send + 'static,
{
    let limit = shared.settings.max_body_bytes;
    let shared = Arc::clone(shared);
    let handler = move |call| {
        let (shared, answer) = (Arc::clone(&shared), answer.clone());
        async move {
            match answer(Arc::clone(&shared), call).await {
                Ok(response) => whole(response),
                Err(stop) => stopped(&shared, stop),
            }
        }
    };
    Endpoint::new(method, path, handler).max_body(limit)
}

/// The account of whoever signed in directly, by password, session or signed token. An API token, also as the
/// password of HTTP Basic, was handed out for something else.
///
/// # Errors
///
/// 401 `provide a valid auth token`.
pub(super) fn first_party(call: &Call) -> Result<AccountId, Stop> {
    let who = call.identity();
    let direct = who.credential().kind.is_first_party();
    who.account().filter(|_account| direct).ok_or(Stop::TOKEN)
}

/// The answer of a handler that stopped.
pub(super) fn stopped(shared: &Shared, stop: Stop) -> Response<Body> {
    whole(match stop {
        Stop::Answer(answer) => *answer,
        Stop::Message(status, message) => wire::error_message(status, &message),
        Stop::Page(status) => wire::page(status),
        Stop::Rejected(why) => because(&why, shared.dialect.render(&Refusal::new(&why))),
    })
}

/// `OPTIONS` of every path: 200 and nothing but `Allow`.
fn options(endpoints: &[Endpoint]) -> Vec<Endpoint> {
    let mut paths: BTreeMap<&'static str, Vec<&Method>> = BTreeMap::new();
    for endpoint in endpoints {
        let methods = paths.entry(endpoint.path).or_insert_with(|| vec![&Method::OPTIONS]);
        methods.push(&endpoint.method);
        if endpoint.method == Method::GET {
            methods.push(&Method::HEAD);
        }
    }
    let answer = |(path, mut methods): (&'static str, Vec<&Method>)| {
        methods.sort_unstable_by_key(|method| method.as_str());
        let names: Vec<&str> = methods.into_iter().map(Method::as_str).collect();
        let allow = HeaderValue::from_str(&names.join(", ")).expect("method names are header text");
        let handler = move |_call: Call| {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(header::ALLOW, allow.clone());
            std::future::ready(response)
        };
        Endpoint::new(Method::OPTIONS, path, handler).public("it tells the methods alone")
    };
    paths.into_iter().map(answer).collect()
}
