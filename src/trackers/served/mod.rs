//! Answering with a file: conditions, one range, and a body that is read as the client takes it.
//!
//! What RFC 9110 asks of `GET` and `HEAD` is done here: `If-Match`, `If-Unmodified-Since`, `If-None-Match`,
//! `If-Modified-Since` in the order of section 13.2.2, then `Range` behind `If-Range`. Several ranges at once are
//! answered with the whole (section 14.2 leaves that to us), for no client of ours asks for them.

use std::io::SeekFrom;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::message::Body;
use crate::ports::OpenFile;

mod conditions;
mod disposition;
mod reading;
#[cfg(test)]
mod tests;

pub(super) use conditions::http_date;
pub(super) use disposition::{Disposition, disposition};

use conditions::{Condition, Validators, condition, range};
use reading::Reading;

/// Something to be sent as it is, with what a cache and a browser must know of it.
#[derive(Debug)]
pub(super) struct Served {
    content: Content,
    headers: HeaderMap,
    tag: String,
    modified: Option<SystemTime>,
}

#[derive(Debug)]
enum Content {
    File(OpenFile),
    Whole(Bytes),
}

impl Served {
    /// A file, with a tag made of its length and the nanosecond in which it was written: a file is written once
    /// and never changed in its place.
    pub(super) fn file(content_type: HeaderValue, file: OpenFile) -> Self {
        let written = file.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let tag = format!("\"{:x}-{:x}\"", written.as_nanos(), file.len);
        let modified = Some(file.modified);
        Self::new(content_type, Content::File(file), tag, modified)
    }

    /// These bytes, with this tag: what [`tag_of`] says of them.
    pub(super) fn whole(content_type: HeaderValue, bytes: Bytes, tag: String, modified: Option<SystemTime>) -> Self {
        Self::new(content_type, Content::Whole(bytes), tag, modified)
    }

    fn new(content_type: HeaderValue, content: Content, tag: String, modified: Option<SystemTime>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if let Some(date) = modified.and_then(|at| HeaderValue::from_str(&http_date(at)).ok()) {
            headers.insert(header::LAST_MODIFIED, date);
        }
        Self { content, headers, tag, modified }
    }

    /// With this header line, in the place of one of its name. Without `Cache-Control` it is `no-cache`: kept, and
    /// asked for again each time.
    pub(super) fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The answer to a `GET` or `HEAD` with these headers, at this time.
    pub(super) fn answer(self, method: &Method, asked: &HeaderMap, now: SystemTime) -> Response<Body> {
        let validators = Validators { tag: &self.tag, modified: self.modified, now };
        match condition(asked, &validators) {
            Condition::Failed => return self.without_content(StatusCode::PRECONDITION_FAILED),
            Condition::NotModified => return self.without_content(StatusCode::NOT_MODIFIED),
            Condition::Send => {}
        }
        let len = self.len();
        // RFC 9110 section 14.2: ranges are defined for GET alone.
        let wanted = if *method == Method::GET { range(asked, &validators, len) } else { Ok(None) };
        match wanted {
            Err(_unsatisfiable) => {
                let mut response = self.without_content(StatusCode::RANGE_NOT_SATISFIABLE);
                insert(response.headers_mut(), header::CONTENT_RANGE, format!("bytes */{len}"));
                response
            }
            Ok(Some(range)) => {
                let told = format!("bytes {}-{}/{len}", range.start(), range.end());
                let mut response = self.content(&range, method);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                insert(response.headers_mut(), header::CONTENT_RANGE, told);
                response
            }
            // An empty one has no last byte.
            Ok(None) if len == 0 => {
                let mut response = Response::new(Body::empty());
                *response.headers_mut() = self.headers;
                response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(0));
                response
            }
            Ok(None) => self.content(&(0..=len.saturating_sub(1)), method),
        }
    }

    fn len(&self) -> u64 {
        match &self.content {
            Content::File(file) => file.len,
            Content::Whole(bytes) => bytes.len() as u64,
        }
    }

    fn content(self, range: &RangeInclusive<u64>, method: &Method) -> Response<Body> {
        let len = range.end() - range.start() + 1;
        let body = match self.content {
            _ if *method == Method::HEAD => Body::empty(),
            Content::File(file) => Body::stream(Reading::new(file.contents, SeekFrom::Start(*range.start()), len)),
            Content::Whole(bytes) => {
                let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                Body::from(bytes.slice(at(*range.start())..at(range.end() + 1)))
            }
        };
        let mut response = Response::new(body);
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(len));
        response
    }

    fn without_content(self, status: StatusCode) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        let of_content = [header::CONTENT_TYPE, header::CONTENT_DISPOSITION, header::CONTENT_ENCODING];
        let lines = self.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        response.headers_mut().extend(lines.filter(|(name, _)| !of_content.contains(name)));
        response
    }
}

/// A strong entity tag of these bytes: the same bytes have the same one.
pub(super) fn tag_of(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    let (half, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(half))
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
