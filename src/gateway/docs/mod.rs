//! The OpenAPI document and a page to read it, for everybody.
//!
//! The page is one file with its own style and script, which its policy names by their digests: nothing is
//! loaded from elsewhere, and nothing that a document says can run.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::routes::{Route, Target};
use crate::layer::{Gate, Mode, PlainDialect};
use crate::message::{self, Body};
use crate::trackers::{Call, Handler};

/// Where the document is.
pub const DOCUMENT_PATH: &str = "/api/openapi.json";

/// Where the page is.
pub const PAGE_PATH: &str = "/api/docs";

/// The routes to this document and to the page that shows it.
pub fn docs(document: &Arc<str>) -> [Route; 2] {
    let document = Bytes::copy_from_slice(document.as_bytes());
    let document = Kept::new(message::json(StatusCode::OK, document));
    let mut page = Response::new(Bytes::from(page()));
    let headers = page.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy());
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let page = Kept::new(page);
    [
        route("openapi", DOCUMENT_PATH, move |call: Call| std::future::ready(document.answer(call.request.headers()))),
        route("docs", PAGE_PATH, move |call: Call| std::future::ready(page.answer(call.request.headers()))),
    ]
}

fn route(name: &str, path: &str, handler: impl Handler) -> Route {
    let reason = "the end points are no secret: what they give is";
    Route {
        name: name.into(),
        methods: vec![Method::GET],
        path: path.to_owned(),
        hosts: Vec::new(),
        gate: Gate::new(Mode::Public { reason: reason.into() }, Vec::new(), Vec::new()),
        target: Target::Tracker(Arc::new(handler)),
        dialect: Arc::new(PlainDialect),
        max_body_bytes: 0,
        raw_path: false,
    }
}

/// An answer that stays the same while a configuration runs.
struct Kept(Response<Bytes>);

impl Kept {
    fn new(mut answer: Response<Bytes>) -> Self {
        let tag = format!("\"{}\"", sha256(answer.body()));
        let tag = HeaderValue::try_from(tag).expect("Base64 is ASCII");
        let headers = answer.headers_mut();
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Self(answer)
    }

    /// The whole, or 304 where the client has it already (RFC 9110 section 13.1.2).
    fn answer(&self, asked: &HeaderMap) -> Response<Body> {
        let tag = self.0.headers().get(header::ETAG).map(HeaderValue::as_bytes).unwrap_or_default();
        let lines = asked.get_all(header::IF_NONE_MATCH).iter();
        let mut known = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let has_it = known.any(|each| {
            let each = each.trim_ascii();
            each == b"*" || each.strip_prefix(b"W/").unwrap_or(each) == tag
        });
        if !has_it {
            return self.0.clone().map(Body::from);
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        for name in [header::ETAG, header::CACHE_CONTROL] {
            if let Some(value) = self.0.headers().get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

fn page() -> String {
    PAGE.replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT)
}

/// Nothing but the page's own style and script, and the document.
fn policy() -> HeaderValue {
    let text = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        sha256(STYLE.as_bytes()),
        sha256(SCRIPT.as_bytes())
    );
    HeaderValue::try_from(text).expect("Base64 is ASCII")
}

fn sha256(bytes: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, bytes))
}

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_the_very_style_and_script_that_its_policy_names() {
        let page = page();
        let between = |open: &str, close: &str| {
            let (_, rest) = page.split_once(open).unwrap();
            rest.split_once(close).unwrap().0.to_owned()
        };
        let policy = policy();
        let policy = policy.to_str().unwrap();
        for (kind, inside) in [("style", between("<style>", "</style>")), ("script", between("<script>", "</script>"))]
        {
            assert!(!inside.is_empty());
            assert!(policy.contains(&format!("{kind}-src 'sha256-{}';", sha256(inside.as_bytes()))), "{kind}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn the_page_loads_nothing_and_makes_no_markup_of_what_it_reads() {
        for forbidden in ["http://", "https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "Function("] {
            assert!(!page().contains(forbidden), "{forbidden}");
        }
        assert!(page().contains(DOCUMENT_PATH));
    }

    #[test]
    fn a_document_that_the_client_has_is_not_sent_again() {
        let kept = Kept::new(message::json(StatusCode::OK, "{}"));
        let tag = kept.0.headers()[header::ETAG].clone();
        let ask = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            kept.answer(&headers).status().as_u16()
        };
        let tag = tag.to_str().unwrap();
        assert_eq!(kept.answer(&HeaderMap::new()).status(), 200);
        assert_eq!([ask(tag), ask(&format!("\"a\", W/{tag}")), ask("*")], [304, 304, 304]);
        assert_eq!([ask("\"a\""), ask(tag.trim_matches('"')), ask("")], [200, 200, 200]);
    }
}
