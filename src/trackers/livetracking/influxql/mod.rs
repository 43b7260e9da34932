//! `InfluxQL`: what a query asks, in the words of `InfluxDB` 1.6.
//!
//! [`parse`] reads the statements of a request. It knows the whole grammar of `SELECT`, `DELETE`, `DROP SERIES` and
//! the `SHOW` statements that riders may use; every statement of an administrator is recognised, to be refused by its
//! name. Errors have the texts and the places of the original, and statements are printed as it prints them: both
//! were measured (`tests/measured.jsonl`).
//!
//! What the original has and this has not is an error that names it: `SELECT` in `FROM`, `EXPLAIN`,
//! `SHOW … CARDINALITY`, `SLIMIT` and `SOFFSET` of `SHOW TAG KEYS`, unsigned numbers, and a `NUL` in the text, behind
//! which the original reads nothing. Regular expressions are those of the `regex` crate, which are nearly those of
//! Go. Unlike the original, errors never show what follows `PASSWORD`.
//!
//! A request is bounded in length, statements, names and values, brackets, operators and regular expressions; it is
//! read once, in time that its length bounds.

mod admin;
pub(crate) mod ast;
mod clause;
mod cursor;
mod delete;
mod dimension;
mod error;
mod expression;
mod params;
mod pattern;
mod reader;
mod scanner;
mod select;
mod show;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod written;
mod zone;

use ast::{Need, Statement};
use cursor::Cursor;
use token::Kind;

pub(crate) use error::ParseError;
pub(crate) use params::Params;

/// A statement of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) statement: Statement,
    /// The statement as refusals show it; passwords are `[REDACTED]`.
    pub(crate) text: String,
    /// What it needs, in the order in which it is asked for. An empty database is that of the request; an
    /// administrator's statement ([`Statement::Admin`]) needs the administrator instead.
    pub(crate) needs: Vec<Need>,
    /// Whether it changes anything, so that it should not come by `GET`.
    pub(crate) changes: bool,
}

/// Reads the statements of a request, with `params` in place of `$name`. There may be none. White space around the
/// text does not count, not even for the places of errors.
///
/// # Errors
///
/// [`ParseError`] for the first thing that is no statement, or is not supported, or is too much.
pub(crate) fn parse(text: &str, params: Option<&Params>) -> Result<Vec<Parsed>, ParseError> {
    if text.len() > MAX_BYTES {
        return Err(ParseError::new(format!("query is longer than {MAX_BYTES} bytes")));
    }
    if text.contains(reader::END) {
        return Err(ParseError::new("query contains a NUL character"));
    }
    let mut cursor = Cursor::new(text.trim(), params);
    let mut statements = Vec::new();
    let mut separated = true;
    loop {
        let token = cursor.next();
        match token.kind {
            Kind::End => return Ok(statements),
            Kind::Semicolon => separated = true,
            _ if !separated => return Err(cursor.found(&token, ";")),
            _ if statements.len() == MAX_STATEMENTS => {
                return Err(ParseError::new(format!("more than {MAX_STATEMENTS} statements")));
            }
            _ => {
                cursor.unscan();
                statements.push(cursor.statement()?);
                separated = false;
            }
        }
    }
}

impl Cursor<'_> {
    fn statement(&mut self) -> Result<Parsed, ParseError> {
        let token = self.next();
        match token.kind {
            Kind::Keyword("SELECT") => self.select(),
            Kind::Keyword("DELETE") => self.delete("DELETE"),
            Kind::Keyword("SHOW") => self.show(),
            Kind::Keyword("CREATE") => self.create(),
            Kind::Keyword("DROP") => self.drop(),
            Kind::Keyword("EXPLAIN") => {
                self.takes_keyword("ANALYZE");
                self.expect(&[Kind::Keyword("SELECT")])?;
                Err(ParseError::unsupported("EXPLAIN"))
            }
            Kind::Keyword("GRANT") => self.grant(),
            Kind::Keyword("REVOKE") => self.revoke(),
            Kind::Keyword("ALTER") => self.alter(),
            Kind::Keyword("SET") => self.set_password(),
            Kind::Keyword("KILL") => self.kill(),
            _ => {
                Err(self.found(&token, "SELECT, DELETE, SHOW, CREATE, DROP, EXPLAIN, GRANT, REVOKE, ALTER, SET, KILL"))
            }
        }
    }

    /// A whole statement, with what was said of it.
    fn parsed(&mut self, statement: Statement, needs: Vec<Need>, changes: bool) -> Parsed {
        Parsed { statement, text: self.take_said(), needs, changes }
    }
}

/// The longest text of a request, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The longest that all statements of a request are when they are printed, in bytes.
const MAX_SAID_BYTES: usize = 4 << 20;

/// The most statements of a request.
const MAX_STATEMENTS: usize = 1_000;

/// The most names, values and regular expressions of a request.
const MAX_TERMS: usize = 50_000;

/// How deep brackets and calls may be in one another.
const MAX_BRACKETS: usize = 64;

/// The most operators of one expression, brackets within it too.
const MAX_OPERATORS: usize = 500;

/// The most different regular expressions of a request.
const MAX_PATTERNS: usize = 64;

/// The longest regular expression, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 10;
