//! Schemes as OpenAPI's security schemes.

use http::header;
use trackgate_schemes::{Carrier, Reason, Rejection, Scheme};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// Whether a scheme's tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::catalogue) enum Tokens {
    /// They are looked up.
    Opaque,
    /// They are JSON Web Tokens.
    Signed,
}

/// How clients use this scheme: told from where it looks and from its challenge.
pub(super) fn described(scheme: &dyn Scheme, tokens: Tokens) -> SecurityScheme {
    let challenge = scheme.challenge(&Rejection::new(Reason::Missing, "openapi"));
    let challenge = challenge.as_ref().and_then(|challenge| challenge.to_str().ok()).unwrap_or_default();
    let is_basic = challenge.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("basic"));
    let about = if challenge.is_empty() { String::new() } else { format!("Challenge: `{challenge}`.") };
    match scheme.carrier() {
        Carrier::Header(name) if name == header::AUTHORIZATION && is_basic => {
            let about = format!("An account's name and password, or a name and an API token. {about}");
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some(about)).build())
        }
        Carrier::Header(name) if name == header::AUTHORIZATION => {
            let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
            SecurityScheme::Http(match tokens {
                Tokens::Opaque => {
                    let about = format!("An API token, from the account pages or `trackgate token new`. {about}");
                    http.description(Some(about)).build()
                }
                Tokens::Signed => {
                    let about = format!("A signed token, as signing in gives it out. {about}");
                    http.bearer_format("JWT").description(Some(about)).build()
                }
            })
        }
        Carrier::Header(name) => {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name.to_string(), about)))
        }
        Carrier::Cookie(name) => {
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name.to_owned(), about)))
        }
        Carrier::Query(name) => {
            SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::with_description(name.to_owned(), about)))
        }
        _ => SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(header::AUTHORIZATION.as_str()))),
    }
}
