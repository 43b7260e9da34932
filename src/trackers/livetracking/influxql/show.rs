//! `SHOW` of what riders may see.

use std::sync::Arc;

use super::Parsed;
use super::ast::{Measurement, Need, Operator, Privilege, Show, Shown, Statement, TagKeys};
use super::cursor::Cursor;
use super::error::ParseError;
use super::source::Subqueries;
use super::token::{Kind, Token};
use super::written;

impl Cursor<'_> {
    /// What follows `SHOW`.
    pub(super) fn show(&mut self) -> Result<Parsed, ParseError> {
        let token = self.next();
        match token.kind {
            Kind::Keyword("DATABASES") => {
                self.say("SHOW DATABASES");
                let show = Show {
                    what: Shown::Databases,
                    database: None,
                    from: Vec::new(),
                    filter: None,
                    limit: 0,
                    offset: 0,
                };
                Ok(self.parsed(Statement::Show(show), Vec::new(), false))
            }
            Kind::Keyword("FIELD") => self.show_field(),
            Kind::Keyword("MEASUREMENT") => self.cardinality("MEASUREMENT"),
            Kind::Keyword("MEASUREMENTS") => self.show_measurements(),
            Kind::Keyword("RETENTION") => self.show_retention_policies(),
            Kind::Keyword("SERIES") => self.show_series(),
            Kind::Keyword("TAG") => self.show_tag(),
            _ => self.show_admin(&token),
        }
    }

    fn show_measurements(&mut self) -> Result<Parsed, ParseError> {
        self.say("SHOW MEASUREMENTS");
        let database = self.bare_database()?;
        let mut pattern = None;
        if self.takes_keyword("WITH") {
            self.expect(&[Kind::Keyword("MEASUREMENT")])?;
            let token = self.next();
            if !matches!(token.kind, Kind::Operator(Operator::Equal | Operator::Match)) {
                return Err(self.found(&token, "=, =~"));
            }
            let start = self.said.len();
            let measurement = self.source(Subqueries::None)?.measurement;
            let said = self.said.split_off(start);
            let operator = if matches!(measurement, Measurement::Pattern(_)) { "=~" } else { "=" };
            self.say(&format!(" WITH MEASUREMENT {operator} {said}"));
            pattern = Some(measurement);
        }
        let filter = self.filter()?;
        self.shown(Show { what: Shown::Measurements(pattern), database, from: Vec::new(), filter, limit: 0, offset: 0 })
    }

    fn show_field(&mut self) -> Result<Parsed, ParseError> {
        let token = self.next();
        match token.kind {
            Kind::Keyword("KEY") => self.cardinality("FIELD KEY"),
            Kind::Keyword("KEYS") => {
                self.say("SHOW FIELD KEYS");
                let (database, from) = (self.database()?, self.from()?);
                self.shown(Show { what: Shown::FieldKeys, database, from, filter: None, limit: 0, offset: 0 })
            }
            _ => Err(self.found(&token, "KEY, KEYS")),
        }
    }

    fn show_tag(&mut self) -> Result<Parsed, ParseError> {
        let token = self.next();
        match token.kind {
            Kind::Keyword("KEY") => self.cardinality("TAG KEY"),
            Kind::Keyword("KEYS") => self.show_tag_keys(),
            Kind::Keyword("VALUES") => self.show_tag_values(),
            _ => Err(self.found(&token, "KEY, KEYS, VALUES")),
        }
    }

    fn show_tag_keys(&mut self) -> Result<Parsed, ParseError> {
        self.say("SHOW TAG KEYS");
        let (database, from, filter) = (self.database()?, self.from()?, self.filter()?);
        let parsed = self.show_of(Show { what: Shown::TagKeys, database, from, filter, limit: 0, offset: 0 })?;
        if self.count("SLIMIT")? > 0 {
            return Err(ParseError::unsupported("SLIMIT of SHOW TAG KEYS"));
        }
        if self.count("SOFFSET")? > 0 {
            return Err(ParseError::unsupported("SOFFSET of SHOW TAG KEYS"));
        }
        Ok(self.shown_with(parsed))
    }

    fn show_tag_values(&mut self) -> Result<Parsed, ParseError> {
        if matches!(self.ahead().kind, Kind::Keyword("CARDINALITY" | "EXACT")) {
            return self.cardinality("TAG VALUES");
        }
        self.say("SHOW TAG VALUES");
        let (database, from) = (self.database()?, self.from()?);
        let keys = self.with_key()?;
        let filter = self.filter()?;
        self.shown(Show { what: Shown::TagValues(keys), database, from, filter, limit: 0, offset: 0 })
    }

    fn with_key(&mut self) -> Result<TagKeys, ParseError> {
        self.expect(&[Kind::Keyword("WITH"), Kind::Keyword("KEY")])?;
        self.say(" WITH KEY ");
        let token = self.next();
        match token.kind {
            Kind::Keyword("IN") => {
                self.say("IN (");
                self.expect(&[Kind::Open])?;
                let mut keys = vec![self.key()?];
                while self.takes(Kind::Comma) {
                    self.say(", ");
                    keys.push(self.key()?);
                }
                self.expect(&[Kind::Close])?;
                self.say(")");
                Ok(TagKeys::In(keys))
            }
            Kind::Operator(Operator::Equal) => {
                self.say("= ");
                self.key().map(TagKeys::Is)
            }
            Kind::Operator(Operator::NotEqual) => {
                self.say("!= ");
                self.key().map(TagKeys::IsNot)
            }
            Kind::Operator(operator @ (Operator::Match | Operator::NoMatch)) => {
                self.say(operator.as_str());
                self.say(" ");
                match self.pattern()? {
                    Some(pattern) if operator == Operator::Match => Ok(TagKeys::Match(pattern)),
                    Some(pattern) => Ok(TagKeys::NoMatch(pattern)),
                    None => {
                        let token = self.next();
                        Err(self.found(&token, "regex"))
                    }
                }
            }
            _ => Err(self.found(&token, "IN, =, =~")),
        }
    }

    fn key(&mut self) -> Result<Arc<str>, ParseError> {
        let key = self.name()?;
        self.say(&written::name(&key));
        Ok(key)
    }

    fn show_series(&mut self) -> Result<Parsed, ParseError> {
        self.takes_keyword("EXACT");
        if self.ahead().is("CARDINALITY") {
            return self.cardinality("SERIES");
        }
        self.say("SHOW SERIES");
        let (database, from, filter) = (self.database()?, self.from()?, self.filter()?);
        self.shown(Show { what: Shown::Series, database, from, filter, limit: 0, offset: 0 })
    }

    fn show_retention_policies(&mut self) -> Result<Parsed, ParseError> {
        self.expect(&[Kind::Keyword("POLICIES")])?;
        self.say("SHOW RETENTION POLICIES");
        let database = self.database()?;
        let show =
            Show { what: Shown::RetentionPolicies, database, from: Vec::new(), filter: None, limit: 0, offset: 0 };
        Ok(self.shown_with(show))
    }

    /// `[EXACT] CARDINALITY …`: counts that are not offered.
    fn cardinality(&mut self, of: &str) -> Result<Parsed, ParseError> {
        let token = self.next();
        match token.kind {
            Kind::Keyword("EXACT") => self.expect(&[Kind::Keyword("CARDINALITY")])?,
            Kind::Keyword("CARDINALITY") => {}
            _ => return Err(self.found(&token, "EXACT, CARDINALITY")),
        }
        Err(ParseError::unsupported(&format!("SHOW {of} CARDINALITY")))
    }

    /// `[ON database]`, said without quotes, as the original does here.
    fn bare_database(&mut self) -> Result<Option<Arc<str>>, ParseError> {
        let start = self.said.len();
        let database = self.database()?;
        if let Some(database) = &database {
            self.said.truncate(start);
            self.say(" ON ");
            self.say(database);
        }
        Ok(database)
    }

    fn shown(&mut self, show: Show) -> Result<Parsed, ParseError> {
        let show = self.show_of(show)?;
        Ok(self.shown_with(show))
    }

    /// The order has no effect on lists: they are sorted by name.
    fn show_of(&mut self, show: Show) -> Result<Show, ParseError> {
        self.order()?;
        let (limit, offset) = (self.count("LIMIT")?, self.count("OFFSET")?);
        Ok(Show { limit, offset, ..show })
    }

    fn shown_with(&mut self, show: Show) -> Parsed {
        let need = Need { database: show.database.clone().unwrap_or_default(), privilege: Privilege::Read };
        self.parsed(Statement::Show(show), vec![need], false)
    }

    /// `SHOW` of what only the administrator sees.
    fn show_admin(&mut self, token: &Token) -> Result<Parsed, ParseError> {
        match token.kind {
            Kind::Keyword("CONTINUOUS") => {
                self.expect(&[Kind::Keyword("QUERIES")])?;
                self.say("SHOW CONTINUOUS QUERIES");
            }
            Kind::Keyword("GRANTS") => {
                self.expect(&[Kind::Keyword("FOR")])?;
                self.say("SHOW GRANTS FOR");
                self.said_name()?;
            }
            Kind::Keyword("SHARD") => {
                self.expect(&[Kind::Keyword("GROUPS")])?;
                self.say("SHOW SHARD GROUPS");
            }
            Kind::Keyword(what @ ("DIAGNOSTICS" | "STATS")) => {
                self.say(&format!("SHOW {what}"));
                if self.takes_keyword("FOR") {
                    let module = self.text()?;
                    self.say(&format!(" FOR {}", written::text(&module)));
                }
            }
            Kind::Keyword(what @ ("QUERIES" | "SHARDS" | "SUBSCRIPTIONS" | "USERS")) => {
                self.say(&format!("SHOW {what}"));
            }
            _ => {
                return Err(self.found(
                    token,
                    "CONTINUOUS, DATABASES, DIAGNOSTICS, FIELD, GRANTS, MEASUREMENT, MEASUREMENTS, QUERIES, \
                     RETENTION, SERIES, SHARD, SHARDS, STATS, SUBSCRIPTIONS, TAG, USERS",
                ));
            }
        }
        Ok(self.admin(false))
    }
}
