//! What pages say, in the languages that they speak.
//!
//! To add a language, add its file and its line in [`Language`]. Texts are plain: templates escape them. A
//! `{placeholder}` takes a value.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::{HeaderMap, header};

#[cfg(test)]
mod tests;

/// A language that pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its code (BCP 47).
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its name in itself.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(code))
    }

    /// The one that a browser asks for (RFC 9110 §12.5.4); English if it asks for none of them.
    pub(super) fn asked(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
        let mut best = (0, Self::English);
        for range in lines.flat_map(|line| line.split(',')).take(MAX_RANGES) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let tag = tag.trim().split('-').next().unwrap_or_default();
            let language = if tag == "*" { Some(Self::English) } else { Self::from_code(tag) };
            if let Some(language) = language
                && let Some(weight) = thousandths(weight.trim())
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }

    /// What it says.
    pub(super) fn words(self) -> &'static Words {
        static ALL: LazyLock<[Words; 2]> =
            LazyLock::new(|| [ENGLISH, GERMAN].map(|text| Words::read(text).expect("the files are tested")));
        let [english, german] = &*ALL;
        match self {
            Self::English => english,
            Self::German => german,
        }
    }
}

/// The texts of one language, by key.
#[derive(Debug)]
pub(super) struct Words(BTreeMap<String, String>);

impl Words {
    fn read(text: &str) -> Result<Self, toml::de::Error> {
        let sections: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(text)?;
        let texts = sections
            .into_iter()
            .flat_map(|(section, texts)| texts.into_iter().map(move |(key, text)| (format!("{section}.{key}"), text)));
        Ok(Self(texts.collect()))
    }

    /// The text of a key; the key itself if there is none, which a test excludes.
    pub(super) fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.find(key).unwrap_or(key)
    }

    /// The text of a key below this beginning, such as `errors.`; empty if there is none.
    pub(super) fn below(&self, beginning: &str, key: &str) -> &str {
        self.find(&[beginning, key].concat()).unwrap_or_default()
    }

    /// The text of a key that may not be there.
    pub(super) fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The text of a key with a value in the place of `{name}`.
    pub(super) fn with(&self, key: &str, name: &str, value: &str) -> String {
        self.get(key).replace(&format!("{{{name}}}"), value)
    }
}

/// A weight (RFC 9110 §12.4.2) in thousandths; 1 if there is none.
fn thousandths(text: &str) -> Option<u32> {
    if text.is_empty() {
        return Some(1000);
    }
    let value = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?;
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    if part.len() > 3 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let whole: u32 = whole.parse().ok().filter(|whole| *whole <= 1)?;
    let weight = whole * 1000 + format!("{part:0<3}").parse::<u32>().ok()?;
    (weight <= 1000).then_some(weight)
}

const MAX_RANGES: usize = 32;
const ENGLISH: &str = include_str!("en.toml");
const GERMAN: &str = include_str!("de.toml");
