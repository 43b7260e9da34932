//! Whether a changing request is meant by who signed in, and not by a foreign page on their behalf.
//!
//! Each form carries a token made of the session's id under a key of the store, and what browsers tell of where a
//! request comes from (`Origin`, RFC 6454; `Sec-Fetch-Site`, W3C Fetch Metadata) must not say otherwise.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use tokio::sync::OnceCell;
use trackgate_schemes::Secret;
use trackgate_schemes::store::StoreError;

use crate::ports::Keys;

/// Where a request comes from, as far as the browser tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whence {
    /// A page of another origin.
    Foreign,
    /// A page of ours.
    Own,
    /// It does not tell: no browser, or one from before 2020.
    Unknown,
}

impl Whence {
    /// Reads it; `own` is our origin, such as `https://gate.example.org`. Of two tellers that differ the worse counts.
    pub(super) fn of(headers: &HeaderMap, own: &str) -> Self {
        let mut told = Self::Unknown;
        for origin in headers.get_all(header::ORIGIN) {
            if !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()) {
                return Self::Foreign;
            }
            told = Self::Own;
        }
        for site in headers.get_all("sec-fetch-site") {
            if site != "same-origin" {
                return Self::Foreign;
            }
            told = Self::Own;
        }
        told
    }
}

/// Makes and checks the tokens of forms. Cloning is not needed: one is shared.
#[derive(Debug, Default)]
pub(super) struct Guard {
    key: OnceCell<hmac::Key>,
}

impl Guard {
    /// The token of the forms that this session is shown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the key is not known yet and cannot be read.
    pub(super) async fn token(&self, keys: &(impl Keys + ?Sized), session: &str) -> Result<String, StoreError> {
        let key = self.key.get_or_try_init(|| async {
            let fresh = Secret::from(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
            let kept = keys.key_or_insert(KEY, &fresh).await?;
            Ok::<_, StoreError>(hmac::Key::new(hmac::HMAC_SHA256, kept.expose()))
        });
        Ok(URL_SAFE_NO_PAD.encode(hmac::sign(key.await?, session.as_bytes())))
    }

    /// Whether this is that token.
    ///
    /// # Errors
    ///
    /// As of [`token`](Self::token).
    pub(super) async fn is_token(
        &self,
        keys: &(impl Keys + ?Sized),
        session: &str,
        sent: &str,
    ) -> Result<bool, StoreError> {
        Ok(Secret::from(self.token(keys, session).await?) == Secret::from(sent))
    }
}

/// The name of the key in the store.
const KEY: &str = "web-csrf";

/// The field of the token in forms.
pub(super) const FIELD: &str = "csrf";

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn web_01_foreign_null_look_alike_and_other_port_origins_are_foreign() {
        let whence = |lines: &[(&'static str, &'static str)]| {
            let lines =
                lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            Whence::of(&lines.collect::<HeaderMap>(), "https://gate.example.org")
        };
        let own = ("origin", "https://gate.example.org");
        assert_eq!(whence(&[own]), Whence::Own);
        assert_eq!(whence(&[("origin", "https://GATE.example.org")]), Whence::Own);
        assert_eq!(whence(&[("sec-fetch-site", "same-origin")]), Whence::Own);
        assert_eq!(whence(&[own, ("sec-fetch-site", "same-origin")]), Whence::Own);
        assert_eq!(whence(&[]), Whence::Unknown);
        for origin in [
            "null",
            "",
            "http://gate.example.org",
            "https://gate.example.org:8443",
            "https://gate.example.org.evil.example",
            "https://evil.example",
            "https://gate.example.org/",
            "https://xgate.example.org",
        ] {
            assert_eq!(whence(&[("origin", origin)]), Whence::Foreign, "{origin}");
        }
        for site in ["cross-site", "same-site", "none", "SAME-ORIGIN", ""] {
            assert_eq!(whence(&[own, ("sec-fetch-site", site)]), Whence::Foreign, "{site}");
        }
    }
}
