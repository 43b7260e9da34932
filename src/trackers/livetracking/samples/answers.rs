//! What every answer has: the version, the id twice, the echo of an origin.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use trackgate_schemes::Rejection;

use super::dialect::SampleDialect;
use super::parameters::Parameters;
use super::quote;
use crate::layer::{Dialect, Refusal};
use crate::message::{Body, because};
use crate::trackers::Call;
use crate::trackers::livetracking::query::{self, Format};
use crate::trackers::livetracking::{Compat, INFLUXDB_VERSION};

/// Makes the answers to one call.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    method: Method,
    path: String,
    /// What the request said of its origin and of what it takes.
    headers: HeaderMap,
    pretty: bool,
    request_id: Arc<str>,
}

impl Answers {
    pub(super) fn of(call: &Call) -> Self {
        let asked = call.request.headers();
        let wanted = [header::ORIGIN, header::ACCEPT];
        let headers = wanted.into_iter().filter_map(|name| Some((name.clone(), asked.get(name)?.clone()))).collect();
        Self {
            method: call.request.method().clone(),
            path: call.request.uri().path().to_owned(),
            headers,
            pretty: Parameters::of_query(call.request.uri().query()).get("pretty") == "true",
            request_id: Arc::clone(&call.request_id),
        }
    }

    /// Nothing but the headers that all answers have.
    pub(super) fn bare(&self, status: StatusCode) -> Response<()> {
        let mut answer = Response::new(());
        *answer.status_mut() = status;
        self.add_to(answer.headers_mut());
        answer
    }

    /// 204.
    pub(super) fn empty(&self) -> Response<Body> {
        let mut answer = self.bare(StatusCode::NO_CONTENT).map(|()| Body::empty());
        answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
        answer
    }

    /// An error in these words, which may hold anything that was in the request.
    pub(super) fn error(&self, status: StatusCode, text: &[u8]) -> Response<Body> {
        let mut answer = error(self.format(), status, text).map(Body::from);
        self.add_to(answer.headers_mut());
        answer
    }

    /// A refusal in the words of the dialect.
    pub(super) fn refused(&self, why: &Rejection, compat: Compat) -> Response<Body> {
        let refusal = Refusal::new(why).with_request(&self.method, Some(&self.path), &self.headers);
        let refusal = refusal.with_request_id(Some(&self.request_id));
        let mut answer = because(why, SampleDialect::new(compat).render(&refusal)).map(Body::from);
        if answer.status() == StatusCode::PAYLOAD_TOO_LARGE {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.add_to(answer.headers_mut());
        answer
    }

    /// What a query says.
    pub(super) fn tables(&self, format: Format, packing: Packing, body: Body) -> Response<Body> {
        let mut answer = self.bare(StatusCode::OK).map(|()| body);
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        if packing == Packing::Gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }

    /// The form that the client wants.
    pub(super) fn format(&self) -> Format {
        let format = format(&self.headers);
        if format == Format::Json && self.pretty { Format::JsonPretty } else { format }
    }

    fn add_to(&self, headers: &mut HeaderMap) {
        add_request_id(&self.request_id, headers);
        add_version(headers);
        echo_origin(&self.headers, headers);
    }
}

/// Whether an answer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    None,
}

/// The form that these headers ask for, by the words that the original knows.
pub(super) fn format(asked: &HeaderMap) -> Format {
    match asked.get(header::ACCEPT).map(HeaderValue::as_bytes) {
        Some(b"application/csv" | b"text/csv") => Format::Csv,
        Some(b"application/x-msgpack") => Format::Msgpack,
        _ => Format::Json,
    }
}

/// An error in this form, without what all answers have.
pub(super) fn error(format: Format, status: StatusCode, text: &[u8]) -> Response<Bytes> {
    let body = match format {
        Format::Json => format!("{{\"error\":{}}}\n", quote::json(text)).into(),
        format => query::error_body(format, &String::from_utf8_lossy(text)),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    // The original has it on every error but this one.
    if status != StatusCode::UNAUTHORIZED
        && let Ok(text) = HeaderValue::from_str(&quote::header(text))
    {
        answer.headers_mut().insert(X_INFLUXDB_ERROR, text);
    }
    answer
}

pub(super) fn add_request_id(id: &str, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id.clone());
        headers.insert(X_REQUEST_ID, id);
    }
}

pub(super) fn add_version(headers: &mut HeaderMap) {
    headers.insert(X_INFLUXDB_VERSION, HeaderValue::from_static(INFLUXDB_VERSION));
    headers.insert(X_INFLUXDB_BUILD, HeaderValue::from_static("OSS"));
}

/// What a page of the origin that the request names must be told, if it names one (contract section 4).
pub(super) fn echo_origin(asked: &HeaderMap, headers: &mut HeaderMap) {
    let Some(origin) = asked.get(header::ORIGIN).filter(|origin| !origin.is_empty()) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    for (name, value) in CORS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

const CORS: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "DELETE, GET, OPTIONS, POST, PUT"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token, X-HTTP-Method-Override",
    ),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date, X-InfluxDB-Version, X-InfluxDB-Build"),
];

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_INFLUXDB_BUILD: HeaderName = HeaderName::from_static("x-influxdb-build");
const X_INFLUXDB_ERROR: HeaderName = HeaderName::from_static("x-influxdb-error");
const X_INFLUXDB_VERSION: HeaderName = HeaderName::from_static("x-influxdb-version");
