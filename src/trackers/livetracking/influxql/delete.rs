//! `DELETE` and `DROP SERIES`.

use super::Parsed;
use super::ast::{Delete, Need, Privilege, Statement};
use super::cursor::Cursor;
use super::error::ParseError;
use super::token::Kind;

impl Cursor<'_> {
    /// What follows `DELETE` or `DROP SERIES`: the words, as they are said.
    pub(super) fn delete(&mut self, words: &str) -> Result<Parsed, ParseError> {
        let token = self.ahead();
        if !matches!(token.kind, Kind::Keyword("FROM" | "WHERE")) {
            return Err(self.found(&token, "FROM, WHERE"));
        }
        self.say(words);
        let from = self.from()?;
        for source in &from {
            let what = match (&source.database, &source.retention_policy) {
                (_, Some(_)) => "retention policy",
                (Some(_), None) => "database",
                (None, None) => continue,
            };
            return Err(ParseError::new(format!("{what} not supported at line 1, char 1")));
        }
        let filter = self.filter()?;
        let need = Need { database: "".into(), privilege: Privilege::Write };
        Ok(self.parsed(Statement::Delete(Delete { from, filter }), vec![need], true))
    }
}
