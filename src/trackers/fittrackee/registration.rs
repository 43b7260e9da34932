//! The rules of registration (contract section 5.1).

use http::StatusCode;
use trackgate_schemes::{EmailAddress, Secret};

use super::wire::{Members, Stop};
use crate::trackers::json::Scalar;

/// A registration whose members have passed every rule that needs no store.
pub(super) struct Form {
    /// 3 to 30 of letters, digits and `_`.
    pub(super) username: String,
    /// An address of the original's shape.
    pub(super) email: String,
    /// 8 characters or more, 72 bytes or fewer.
    pub(super) password: Secret,
    /// One of [`LANGUAGES`].
    pub(super) language: &'static str,
}

impl Form {
    /// Reads and checks the members in the contract's order.
    ///
    /// # Errors
    ///
    /// 400 with the message of the first rule that fails; faults of shape are told together.
    pub(super) fn read(mut members: Members) -> Result<Self, Stop> {
        let fields = [members.take("username"), members.take("email"), members.take("password")];
        let policy = members.take("accepted_policy");
        if policy == Scalar::Null || fields.contains(&Scalar::Null) {
            return Err(Stop::PAYLOAD);
        }
        if policy != Scalar::Bool(true) {
            return Err(refused("sorry, you must agree privacy policy to register"));
        }
        let [Scalar::Text(username), Scalar::Text(email), Scalar::Text(password)] = fields else {
            return Err(Stop::PAYLOAD);
        };
        let faults = faults(&username, &email, &password);
        if !faults.is_empty() {
            return Err(Stop::Message(StatusCode::BAD_REQUEST, faults.into()));
        }
        let password = settable(password)?;
        let language = match (members.take("language"), members.take("lang")) {
            (Scalar::Text(text), _) | (Scalar::Null, Scalar::Text(text)) => language(Some(&text)),
            _ => language(None),
        };
        Ok(Self { username, email, password, language })
    }
}

/// A message of 400.
pub(super) fn refused(message: &'static str) -> Stop {
    Stop::Message(StatusCode::BAD_REQUEST, message.into())
}

/// What is wrong with the shape of the three, one line each.
fn faults(username: &str, email: &str, password: &str) -> String {
    let mut faults = String::new();
    if !(3..=30).contains(&username.chars().count()) {
        faults.push_str("username: 3 to 30 characters required\n");
    }
    if !username.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        faults.push_str("username: only alphanumeric characters and the underscore character \"_\" allowed\n");
    }
    if !is_address(email) {
        faults.push_str(BAD_EMAIL);
    }
    faults + password_fault(password)
}

/// What is wrong with the length of a new password, one line or none.
pub(super) fn password_fault(password: &str) -> &'static str {
    if password.chars().count() < 8 { "password: 8 characters required\n" } else { "" }
}

/// A password that is long enough, if an account that takes it can move to the original.
///
/// # Errors
///
/// 400 for one of more than 72 bytes.
pub(super) fn settable(password: String) -> Result<Secret, Stop> {
    if password.len() > MAX_PASSWORD_BYTES { Err(Stop::PAYLOAD) } else { Ok(password.into()) }
}

/// `local@label.rest`, ASCII alone; stricter where the account base is.
pub(super) fn is_address(text: &str) -> bool {
    let all = |part: &str, more: &[u8]| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    let Some((local, domain)) = text.split_once('@') else { return false };
    let Some((label, rest)) = domain.split_once('.') else { return false };
    all(local, b"_.+-") && all(label, b"-") && all(rest, b"-.") && EmailAddress::parse(text).is_ok()
}

/// A language that the original is translated into: the one asked for, else English.
pub(super) fn language(wanted: Option<&str>) -> &'static str {
    wanted.and_then(|wanted| LANGUAGES.into_iter().find(|known| *known == wanted)).unwrap_or("en")
}

/// What the original is translated into.
const LANGUAGES: [&str; 14] = ["bg", "cs", "de", "en", "es", "eu", "fr", "gl", "it", "nb", "nl", "pl", "pt", "ru"];

pub(super) const BAD_EMAIL: &str = "email: valid email must be provided\n";

/// What bcrypt reads of a password.
const MAX_PASSWORD_BYTES: usize = 72;
