//! How to sign in at an upstream, as it runs: every kind becomes one description.

use std::time::Duration;

use http::{HeaderName, StatusCode};
use serde_json::Value;
use trackgate_schemes::CanonicalPath;

use super::super::error::Fault;
use super::super::written::{self, LoginKind};
use super::translation::{prefix, token_header};

/// How to sign in at an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// The path, in canonical form.
    pub path: String,
    /// The body, with `{user}` and `{password}` in it.
    pub body: String,
    /// Where the token stands in the answer: a JSON pointer (RFC 6901).
    pub token: String,
    /// The header that carries it afterwards.
    pub header: HeaderName,
    /// What stands before it there.
    pub prefix: String,
    /// How an answer says that the session is over.
    pub expired: Sign,
    /// How the answer to a sign-in says that name or password are wrong.
    pub refused: Sign,
    /// After which time a session is opened anew in any case.
    pub lifetime: Option<Duration>,
    /// Whether the token is a JWT whose `sub` is the account's number there.
    pub token_has_number: bool,
}

/// How an answer says something: by its status, or by its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sign {
    /// One of these statuses.
    pub statuses: Vec<StatusCode>,
    /// A JSON pointer, and the value there if not any will do.
    pub pointer: Option<(String, Option<Value>)>,
    /// A text in the body.
    pub text: Option<String>,
}

impl Sign {
    /// One of these statuses.
    pub fn of_statuses(statuses: &[StatusCode]) -> Self {
        Self { statuses: statuses.to_vec(), ..Self::default() }
    }

    /// With this value at this place of a JSON body.
    #[must_use]
    pub fn or_value(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        self.pointer = Some((pointer.to_owned(), Some(value.into())));
        self
    }
}

pub(super) fn check(written: &written::Login) -> Result<Login, Fault> {
    let preset = Preset::of(written)?;
    let path = written.path.as_deref().or(preset.path).ok_or_else(|| needed("path", "\"/api/login\""))?;
    if !CanonicalPath::parse(path).is_ok_and(|canonical| canonical.as_str() == path) {
        return Err(Fault::new(format!("`{path}` is not a path in canonical form, such as /login")).under("path"));
    }
    let body = written.body.clone().or(preset.body);
    let body = body.ok_or_else(|| needed("body", r#"'{"user":{user},"password":{password}}'"#))?;
    check_body(&body).map_err(|fault| fault.under("body"))?;
    let token = written.token.clone().or(preset.token.map(ToOwned::to_owned));
    let token = token.ok_or_else(|| needed("token", "\"/token\""))?;
    pointer(&token).map_err(|fault| fault.under("token"))?;
    let header = token_header(written.header.as_deref().unwrap_or(preset.header))?;
    let prefix = prefix(written.prefix.as_deref(), &header)?;
    let sign = |key: &str, written: &Option<written::Sign>, preset: Sign| match written {
        Some(written) => sign(written).map_err(|fault| fault.under(key)),
        None => Ok(preset),
    };
    if written.lifetime.is_some_and(|time| time.0 < Duration::from_secs(1)) {
        return Err(Fault::new("a session of less than a second would be opened for each request").under("lifetime"));
    }
    Ok(Login {
        path: path.to_owned(),
        body,
        token,
        header,
        prefix,
        expired: sign("expired", &written.expired, preset.expired)?,
        refused: sign("refused", &written.refused, preset.refused)?,
        lifetime: written.lifetime.map(|time| time.0),
        token_has_number: written.kind == LoginKind::FitTrackee,
    })
}

/// What a kind says where nothing is written.
struct Preset {
    path: Option<&'static str>,
    body: Option<String>,
    token: Option<&'static str>,
    header: &'static str,
    expired: Sign,
    refused: Sign,
}

impl Preset {
    fn of(written: &written::Login) -> Result<Self, Fault> {
        if written.service.is_some() && written.kind != LoginKind::LpTracker {
            return Err(Fault::new("only a login of kind `lptracker` names a service").under("service"));
        }
        let unauthorized = Sign::of_statuses(&[StatusCode::UNAUTHORIZED]);
        Ok(match written.kind {
            LoginKind::LpTracker => {
                let service = Value::from(written.service.as_deref().unwrap_or("trackgate"));
                let sign = unauthorized.or_value("/errors/0/code", 401);
                Self {
                    path: Some("/login"),
                    body: Some(format!(
                        r#"{{"login":{{user}},"password":{{password}},"service":{service},"version":"1.0"}}"#
                    )),
                    token: Some("/result/token"),
                    header: "token",
                    expired: sign.clone(),
                    refused: sign,
                }
            }
            LoginKind::FitTrackee => Self {
                path: Some("/api/auth/login"),
                body: Some(r#"{"email":{user},"password":{password}}"#.to_owned()),
                token: Some("/auth_token"),
                header: "authorization",
                expired: unauthorized.clone(),
                refused: unauthorized,
            },
            LoginKind::Json => Self {
                path: None,
                body: None,
                token: None,
                header: "authorization",
                expired: unauthorized,
                refused: Sign::of_statuses(&[
                    StatusCode::BAD_REQUEST,
                    StatusCode::UNAUTHORIZED,
                    StatusCode::FORBIDDEN,
                    StatusCode::UNPROCESSABLE_ENTITY,
                ]),
            },
        })
    }
}

fn needed(key: &str, example: &str) -> Fault {
    Fault::new(format!("a login of kind `json` needs `{key}`, such as {key} = {example}"))
}

fn check_body(body: &str) -> Result<(), Fault> {
    if !body.contains("{password}") || !body.contains("{user}") {
        return Err(Fault::new("`{user}` and `{password}` must stand in it, where those go"));
    }
    let filled = body.replace("{user}", "\"\"").replace("{password}", "\"\"");
    match serde_json::from_str::<Value>(&filled) {
        Ok(_json) => Ok(()),
        Err(error) => {
            let why = "without quotes around `{user}` and `{password}`, for those are filled in as JSON strings";
            Err(Fault::new(format!("it must be JSON, {why}: {error}")))
        }
    }
}

fn pointer(text: &str) -> Result<(), Fault> {
    if text.starts_with('/') {
        return Ok(());
    }
    Err(Fault::new(format!("`{text}` is not a JSON pointer such as /result/token")))
}

fn sign(written: &written::Sign) -> Result<Sign, Fault> {
    let mut statuses = Vec::new();
    for (index, status) in written.status.iter().enumerate() {
        let status = StatusCode::from_u16(*status).ok().filter(|status| !status.is_informational());
        statuses.push(
            status.ok_or_else(|| Fault::new("an answer has a status from 200 to 599").under(index).under("status"))?,
        );
    }
    if let Some(text) = &written.pointer {
        pointer(text).map_err(|fault| fault.under("pointer"))?;
    } else if written.value.is_some() {
        return Err(Fault::new("`value` needs `pointer`, the place where it stands").under("value"));
    }
    if written.text.as_ref().is_some_and(String::is_empty) {
        return Err(Fault::new("every body holds an empty text").under("text"));
    }
    if statuses.is_empty() && written.pointer.is_none() && written.text.is_none() {
        return Err(Fault::new("say it by `status`, `pointer` or `text`"));
    }
    let pointer = written.pointer.clone().map(|pointer| (pointer, written.value.clone()));
    Ok(Sign { statuses, pointer, text: written.text.clone() })
}
