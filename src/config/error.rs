//! Telling a mistake in the file: where it is and what was meant.

use std::fmt;
use std::io;

use toml::de::{DeTable, DeValue};

/// A configuration that does not load, told as `file:line:column: what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: String,
    place: Option<Place>,
    message: String,
}

impl ConfigError {
    pub(super) fn unreadable(file: &str, error: &io::Error) -> Self {
        Self { file: file.to_owned(), place: None, message: format!("cannot be read: {error}") }
    }

    pub(super) fn unreadable_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().and_then(|span| Place::at(text, span.start));
        Self { file: file.to_owned(), place, message: with_nearest(error.message()) }
    }

    pub(super) fn wrong(file: &str, place: Option<Place>, fault: &Fault) -> Self {
        let key = fault.path.iter().fold(String::new(), |path, step| match step {
            Step::Key(key) if path.is_empty() => key.clone(),
            Step::Key(key) => format!("{path}.{key}"),
            Step::Index(index) => format!("{path}[{index}]"),
        });
        let message = if key.is_empty() { fault.message.clone() } else { format!("`{key}`: {}", fault.message) };
        Self { file: file.to_owned(), place, message }
    }

    /// Line and column of the mistake, both from 1, when it has a place.
    pub fn place(&self) -> Option<(usize, usize)> {
        self.place.map(|place| (place.line, place.column))
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A mistake that only checking finds, with the keys that lead to it.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) path: Vec<Step>,
    pub(super) message: String,
}

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Index(usize),
    Key(String),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), message: message.into() }
    }

    /// The same mistake, one step further in.
    #[must_use]
    pub(super) fn under(mut self, step: impl Into<Step>) -> Self {
        self.path.insert(0, step.into());
        self
    }
}

/// A line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// Where the value at the end of `path` stands, or the deepest part of the path that is there.
    pub(super) fn of(text: &str, path: &[Step]) -> Option<Self> {
        let table = DeTable::parse(text).ok()?;
        let mut found = None;
        let mut here: Option<&DeValue<'_>> = None;
        for step in path {
            let next = match (here, step) {
                (None, Step::Key(key)) => table.get_ref().get(key.as_str()),
                (Some(DeValue::Table(table)), Step::Key(key)) => table.get(key.as_str()),
                (Some(DeValue::Array(array)), Step::Index(index)) => array.get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            found = Some(next.span().start);
            here = Some(next.get_ref());
        }
        Self::at(text, found?)
    }

    fn at(text: &str, offset: usize) -> Option<Self> {
        let before = text.get(..offset)?;
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..)?.chars().count() + 1;
        Some(Self { line: before.matches('\n').count() + 1, column })
    }
}

/// Adds the known key that is most like an unknown one; the reader of the file names both.
fn with_nearest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (true, Some(unknown)) = (message.starts_with("unknown "), quoted.next()) else {
        return message.to_owned();
    };
    match nearest(unknown, quoted) {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message.to_owned(),
    }
}

/// The one of `known` that is most like `word`, if it is like it at all.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
