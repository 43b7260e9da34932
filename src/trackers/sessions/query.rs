//! The text behind `?`.

use super::wire::Stop;
use crate::message::form_decoded;

/// The parameters of a query, decoded.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the text behind `?`.
    ///
    /// # Errors
    ///
    /// 400 for a bad escape, or a parameter that holds a token.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Stop> {
        let mut all = Vec::new();
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (form_decoded(name.as_bytes()), form_decoded(value.as_bytes())) {
                (Some(name), Some(value)) => all.push((name, value)),
                _ => return Err(Stop::fault("the query cannot be decoded")),
            }
        }
        if all.iter().any(|(name, _)| name == "access_token") {
            return Err(Stop::fault("a token must not stand in the query"));
        }
        Ok(Self(all))
    }

    /// A parameter's value.
    ///
    /// # Errors
    ///
    /// 400 if it stands twice.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&str>, Stop> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Stop::fault(format!("{name} stands twice"))),
        }
    }

    /// A switch: `0` or `1`.
    ///
    /// # Errors
    ///
    /// 400 for anything else.
    pub(super) fn switch(&self, name: &'static str) -> Result<Option<bool>, Stop> {
        match self.get(name)? {
            None => Ok(None),
            Some("1") => Ok(Some(true)),
            Some("0") => Ok(Some(false)),
            Some(_) => Err(Stop::fault(format!("{name} must be 0 or 1"))),
        }
    }

    /// A whole number, zero or more, of at most 18 digits.
    ///
    /// # Errors
    ///
    /// 400 for anything else.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<i64>, Stop> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        let digits = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Ok(Some(number)),
            _ => Err(Stop::fault(format!("{name} must be a number"))),
        }
    }
}
