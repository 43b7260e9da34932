//! Refusals as pages: to the sign-in where there is nobody, else a page that says what is wrong.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};
use trackgate_schemes::{Class, Reason};

use super::answer::{error_page, key_of, redirect};
use super::form::encode;
use super::visit::Around;
use super::{Shared, cookies};
use crate::layer::{Dialect, Refusal};

/// The wording of refused pages.
#[derive(Debug)]
pub(super) struct PagesDialect(Arc<Shared>);

impl PagesDialect {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl Dialect for PagesDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let shared = &self.0;
        let (none, get) = (HeaderMap::new(), Method::GET);
        let headers = refusal.headers.unwrap_or(&none);
        let method = refusal.method.unwrap_or(&get);
        let path = refusal.path.unwrap_or("/account");
        let around = Around::told(shared, method, path, None, headers);
        let reason = refusal.why.reason;
        let is_nobody = matches!(reason.class(), Class::Unauthenticated | Class::BadCredential);
        let is_read = *method == Method::GET || *method == Method::HEAD;
        // To sign out twice is to be signed out.
        let is_sign_out = path == SIGN_OUT;
        let mut response = if is_nobody && (is_read || is_sign_out) {
            let next = if is_sign_out || path == "/account" { String::new() } else { format!("next={}", encode(path)) };
            let ended = if reason == Reason::Missing || is_sign_out { "" } else { "ended=1" };
            let query = [ended, &next].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
            let to = if query.is_empty() { SIGN_IN.to_owned() } else { format!("{SIGN_IN}?{query}") };
            redirect(shared, &to)
        } else {
            error_page(shared, &around, reason.status(), key_of(reason))
        };
        refusal.add_headers(response.headers_mut());
        if reason.class() == Class::BadCredential || reason == Reason::Ambiguous {
            let line = cookies::no_session(shared.settings.account.reached_by);
            response.headers_mut().append(header::SET_COOKIE, line);
        }
        response
    }
}

pub(super) const SIGN_IN: &str = "/account/sign-in";
const SIGN_OUT: &str = "/account/sign-out";
