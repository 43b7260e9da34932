//! The readers of credentials alone, for benches: no memory, no store, no signature.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::authorization::{self, Carried};
use crate::bearer::TokenText;
use crate::{basic, jwt};

/// Whether `Authorization` holds a Basic pair.
pub fn basic(headers: &HeaderMap) -> bool {
    match authorization::read(headers, &AUTHORIZATION, Some("Basic")) {
        Carried::Text(text) => basic::parse::pair(text, |pair| pair.is_ok()),
        Carried::Absent | Carried::Broken => false,
    }
}

/// Whether `Authorization` holds an API token with a right checksum.
pub fn bearer(headers: &HeaderMap) -> bool {
    match authorization::read(headers, &AUTHORIZATION, Some("Bearer")) {
        Carried::Text(text) => str::from_utf8(text).is_ok_and(|text| TokenText::parse(text).is_some()),
        Carried::Absent | Carried::Broken => false,
    }
}

/// Whether a text is a signed token in compact form with a header of JSON, whoever signed it.
pub fn jwt(token: &str) -> bool {
    jwt::compact::unverified(token).is_ok()
}
