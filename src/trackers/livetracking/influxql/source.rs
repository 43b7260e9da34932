//! Where a statement reads from, and where it writes to.

use std::sync::Arc;

use super::ast::{Measurement, Need, Privilege, Source};
use super::cursor::Cursor;
use super::error::ParseError;
use super::token::Kind;
use super::written;

/// Whether sources can be statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subqueries {
    Known,
    None,
}

impl Cursor<'_> {
    /// Reads `a[.b[.c]]`: names, of which the middle one may be empty.
    pub(super) fn segments(&mut self) -> Result<Vec<Arc<str>>, ParseError> {
        let mut names = vec![self.name()?];
        loop {
            if self.scan().kind != Kind::Dot {
                self.unscan();
                break;
            }
            match self.peek() {
                '/' | ':' => break,
                '.' => {
                    self.term()?;
                    names.push("".into());
                }
                _ => names.push(self.name()?),
            }
        }
        if names.len() > 3 {
            let all = written::segments(names.iter().map(|name| &**name));
            return Err(ParseError::new(format!("too many segments in {all} at line 1, char 1")));
        }
        Ok(names)
    }

    /// Reads sources with commas between them, and says them.
    pub(super) fn sources(&mut self, subqueries: Subqueries) -> Result<Vec<Source>, ParseError> {
        let mut sources = vec![self.source(subqueries)?];
        while self.takes(Kind::Comma) {
            self.say(", ");
            sources.push(self.source(subqueries)?);
        }
        Ok(sources)
    }

    /// Reads one source and says it.
    pub(super) fn source(&mut self, subqueries: Subqueries) -> Result<Source, ParseError> {
        if let Some(pattern) = self.pattern()? {
            return Ok(Source { database: None, retention_policy: None, measurement: Measurement::Pattern(pattern) });
        }
        if subqueries == Subqueries::Known && self.takes(Kind::Open) {
            self.expect(&[Kind::Keyword("SELECT")])?;
            return Err(ParseError::unsupported("SELECT in FROM"));
        }
        let names = self.segments()?;
        if names.len() == 3 {
            return Ok(self.named(&names));
        }
        let start = self.said.len();
        let Some(pattern) = self.pattern()? else {
            return Ok(self.named(&names));
        };
        let pattern_said = self.said.split_off(start);
        let (database, retention_policy) = match names.as_slice() {
            [database, policy] => (some(database), some(policy)),
            [policy] => (None, some(policy)),
            _ => (None, None),
        };
        self.say_prefix(database.as_deref(), retention_policy.as_deref());
        self.say(&pattern_said);
        Ok(Source { database, retention_policy, measurement: Measurement::Pattern(pattern) })
    }

    /// Reads what follows `INTO`, and says it.
    pub(super) fn target(&mut self) -> Result<Source, ParseError> {
        let mut names = self.segments()?;
        if names.len() < 3 && self.peek() == ':' {
            self.expect(&[Kind::Colon, Kind::Keyword("MEASUREMENT")])?;
            names.push("".into());
        }
        let source = self.named(&names);
        if source.measurement == Measurement::Name("".into()) {
            self.say(":MEASUREMENT");
        }
        Ok(source)
    }

    fn named(&mut self, names: &[Arc<str>]) -> Source {
        let (database, retention_policy, name) = match names {
            [database, policy, name] => (some(database), some(policy), name.clone()),
            [policy, name] => (None, some(policy), name.clone()),
            names => (None, None, names.first().cloned().unwrap_or_default()),
        };
        self.say_prefix(database.as_deref(), retention_policy.as_deref());
        if !name.is_empty() {
            self.say(&written::name(&name));
        }
        Source { database, retention_policy, measurement: Measurement::Name(name) }
    }

    fn say_prefix(&mut self, database: Option<&str>, policy: Option<&str>) {
        if let Some(database) = database {
            self.say(&written::name(database));
            self.say(".");
        }
        if let Some(policy) = policy {
            self.say(&written::name(policy));
        }
        if database.or(policy).is_some() {
            self.say(".");
        }
    }
}

impl Source {
    /// What one needs to read it, or to write to it.
    pub(super) fn need(&self, privilege: Privilege) -> Need {
        Need { database: self.database.clone().unwrap_or_default(), privilege }
    }
}

fn some(name: &Arc<str>) -> Option<Arc<str>> {
    (!name.is_empty()).then(|| name.clone())
}
