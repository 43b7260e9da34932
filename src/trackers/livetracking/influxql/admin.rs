//! Statements of the administrator: read only to be refused by name, with no password in it.

use std::sync::Arc;

use super::Parsed;
use super::ast::{Operator, Statement};
use super::cursor::Cursor;
use super::error::ParseError;
use super::expression::duration;
use super::select::Target;
use super::token::Kind;
use super::written;

impl Cursor<'_> {
    pub(super) fn admin(&mut self, changes: bool) -> Parsed {
        let statement = Statement::Admin(self.said.clone());
        self.parsed(statement, Vec::new(), changes)
    }

    pub(super) fn create(&mut self) -> Result<Parsed, ParseError> {
        let token = self.next();
        self.say("CREATE");
        match token.kind {
            Kind::Keyword("CONTINUOUS") => self.create_continuous_query()?,
            Kind::Keyword("DATABASE") => self.create_database()?,
            Kind::Keyword("USER") => self.create_user()?,
            Kind::Keyword("RETENTION") => self.create_retention_policy()?,
            Kind::Keyword("SUBSCRIPTION") => self.create_subscription()?,
            _ => return Err(self.found(&token, "CONTINUOUS, DATABASE, USER, RETENTION, SUBSCRIPTION")),
        }
        Ok(self.admin(true))
    }

    pub(super) fn drop(&mut self) -> Result<Parsed, ParseError> {
        let token = self.next();
        if token.is("SERIES") {
            return self.delete("DROP SERIES");
        }
        self.say("DROP");
        match token.kind {
            Kind::Keyword("CONTINUOUS") => {
                self.say(" CONTINUOUS");
                self.keyword("QUERY")?;
                self.name_on_database()?;
            }
            Kind::Keyword(what @ ("DATABASE" | "MEASUREMENT" | "USER")) => {
                self.say(&format!(" {what}"));
                self.said_name()?;
            }
            Kind::Keyword("RETENTION") => {
                self.say(" RETENTION");
                self.keyword("POLICY")?;
                self.name_on_database()?;
            }
            Kind::Keyword("SHARD") => {
                let number = self.number_of("strconv.ParseUint")?;
                self.say(&format!(" SHARD {number}"));
            }
            Kind::Keyword("SUBSCRIPTION") => {
                self.say(" SUBSCRIPTION");
                self.subscription()?;
            }
            _ => {
                let expected = "CONTINUOUS, DATABASE, MEASUREMENT, RETENTION, SERIES, SHARD, SUBSCRIPTION, USER";
                return Err(self.found(&token, expected));
            }
        }
        Ok(self.admin(true))
    }

    pub(super) fn alter(&mut self) -> Result<Parsed, ParseError> {
        self.expect(&[Kind::Keyword("RETENTION"), Kind::Keyword("POLICY")])?;
        self.say("ALTER RETENTION POLICY ");
        if self.takes_keyword("DEFAULT") {
            self.say("\"default\"");
        } else {
            let name = self.name()?;
            self.say(&written::name(&name));
        }
        self.keyword("ON")?;
        self.said_name()?;
        let options = self.alterations()?;
        for option in options.into_iter().flatten() {
            self.say(&option);
        }
        Ok(self.admin(true))
    }

    /// Options in any order, given in that in which they are said.
    fn alterations(&mut self) -> Result<[Option<String>; 4], ParseError> {
        let mut options = [const { None }; 4];
        let mut any = false;
        loop {
            let token = self.next();
            let (place, name) = match token.kind {
                Kind::Keyword(name @ "DURATION") => (0, name),
                Kind::Keyword(name @ "REPLICATION") => (1, name),
                Kind::Keyword(name @ "SHARD") => (2, name),
                Kind::Keyword(name @ "DEFAULT") => (3, name),
                _ if any => {
                    self.unscan();
                    return Ok(options);
                }
                _ => return Err(self.found(&token, "DURATION, REPLICATION, SHARD, DEFAULT")),
            };
            any = true;
            let option = options.get_mut(place).expect("there are four options");
            if option.is_some() {
                return Err(ParseError::at(format_args!("found duplicate {name} option"), token.at));
            }
            *option = Some(match place {
                0 => format!(" DURATION {}", written::duration(self.length()?)),
                1 => format!(" REPLICATION {}", self.copies()?),
                2 => format!(" SHARD DURATION {}", written::duration(self.shard_length()?)),
                _ => " DEFAULT".to_owned(),
            });
        }
    }

    pub(super) fn grant(&mut self) -> Result<Parsed, ParseError> {
        self.say("GRANT");
        self.privilege("TO")
    }

    pub(super) fn revoke(&mut self) -> Result<Parsed, ParseError> {
        self.say("REVOKE");
        self.privilege("FROM")
    }

    /// `privilege [ON database] TO user`, or `FROM user`.
    fn privilege(&mut self, whom: &'static str) -> Result<Parsed, ParseError> {
        let token = self.next();
        let all = token.is("ALL");
        match token.kind {
            Kind::Keyword("ALL") => {
                self.takes_keyword("PRIVILEGES");
                self.say(" ALL PRIVILEGES");
            }
            Kind::Keyword(privilege @ ("READ" | "WRITE")) => self.say(&format!(" {privilege}")),
            _ => return Err(self.found(&token, "READ, WRITE, ALL [PRIVILEGES]")),
        }
        let token = self.ahead();
        if token.is("ON") {
            self.database()?;
        } else if !all {
            return Err(self.found(&token, "ON"));
        } else if !token.is(whom) {
            return Err(self.found(&token, &format!("ON, {whom}")));
        }
        self.keyword(whom)?;
        self.said_name()?;
        Ok(self.admin(true))
    }

    pub(super) fn set_password(&mut self) -> Result<Parsed, ParseError> {
        self.expect(&[Kind::Keyword("PASSWORD")])?;
        self.secret = true;
        self.expect(&[Kind::Keyword("FOR")])?;
        self.say("SET PASSWORD FOR");
        self.said_name()?;
        self.expect(&[Kind::Operator(Operator::Equal)])?;
        self.text()?;
        self.say(" = [REDACTED]");
        Ok(self.admin(true))
    }

    pub(super) fn kill(&mut self) -> Result<Parsed, ParseError> {
        self.expect(&[Kind::Keyword("QUERY")])?;
        let number = self.number_of("strconv.ParseUint")?;
        self.say(&format!("KILL QUERY {number}"));
        self.database()?;
        Ok(self.admin(true))
    }

    fn create_user(&mut self) -> Result<(), ParseError> {
        self.say(" USER");
        self.said_name()?;
        self.keyword("WITH")?;
        self.keyword("PASSWORD")?;
        self.secret = true;
        self.text()?;
        self.say(" [REDACTED]");
        if self.takes_keyword("WITH") {
            self.expect(&[Kind::Keyword("ALL"), Kind::Keyword("PRIVILEGES")])?;
            self.say(" WITH ALL PRIVILEGES");
        }
        Ok(())
    }

    fn create_database(&mut self) -> Result<(), ParseError> {
        self.say(" DATABASE");
        self.said_name()?;
        if !self.takes_keyword("WITH") {
            return Ok(());
        }
        let token = self.ahead();
        if !matches!(token.kind, Kind::Keyword("DURATION" | "NAME" | "REPLICATION" | "SHARD")) {
            return Err(self.found(&token, "DURATION, NAME, REPLICATION, SHARD"));
        }
        self.say(" WITH");
        if self.takes_keyword("DURATION") {
            let length = self.length()?;
            self.say(&format!(" DURATION {}", written::long_duration(length)));
        }
        if self.takes_keyword("REPLICATION") {
            let copies = self.copies()?;
            self.say(&format!(" REPLICATION {copies}"));
        }
        if self.takes_keyword("SHARD") {
            self.expect(&[Kind::Keyword("DURATION")])?;
            let length = self.length()?;
            if length > 0 {
                self.say(&format!(" SHARD DURATION {}", written::long_duration(length)));
            }
        }
        if self.takes_keyword("NAME") {
            self.say(" NAME");
            self.said_name()?;
        }
        Ok(())
    }

    fn create_retention_policy(&mut self) -> Result<(), ParseError> {
        self.say(" RETENTION");
        self.keyword("POLICY")?;
        self.name_on_database()?;
        self.keyword("DURATION")?;
        let length = self.length()?;
        self.say(&format!(" {}", written::duration(length)));
        self.keyword("REPLICATION")?;
        let copies = self.copies()?;
        self.say(&format!(" {copies}"));
        if self.takes_keyword("SHARD") {
            let length = self.shard_length()?;
            if length > 0 {
                self.say(&format!(" SHARD DURATION {}", written::duration(length)));
            }
        }
        if self.takes_keyword("DEFAULT") {
            self.say(" DEFAULT");
        }
        Ok(())
    }

    fn create_subscription(&mut self) -> Result<(), ParseError> {
        self.say(" SUBSCRIPTION");
        self.subscription()?;
        self.keyword("DESTINATIONS")?;
        let token = self.next();
        match token.kind {
            Kind::Keyword(mode @ ("ALL" | "ANY")) => self.say(&format!(" {mode} ")),
            _ => return Err(self.found(&token, "ALL, ANY")),
        }
        loop {
            let destination = self.text()?;
            self.say(&written::text(&destination));
            if !self.takes(Kind::Comma) {
                return Ok(());
            }
            self.say(", ");
        }
    }

    fn create_continuous_query(&mut self) -> Result<(), ParseError> {
        self.say(" CONTINUOUS");
        self.keyword("QUERY")?;
        self.name_on_database()?;
        if self.takes_keyword("RESAMPLE") {
            self.say(" RESAMPLE");
            let token = self.ahead();
            if !matches!(token.kind, Kind::Keyword("EVERY" | "FOR")) {
                return Err(self.found(&token, "EVERY, FOR"));
            }
            for word in ["EVERY", "FOR"] {
                if self.takes_keyword(word) {
                    let length = self.length()?;
                    self.say(&format!(" {word} {}", written::duration(length)));
                }
            }
        }
        self.keyword("BEGIN")?;
        self.expect(&[Kind::Keyword("SELECT")])?;
        self.say(" ");
        self.select_body(Target::Required)?;
        self.keyword("END")
    }

    /// `name ON database`.
    fn name_on_database(&mut self) -> Result<(), ParseError> {
        self.said_name()?;
        self.keyword("ON")?;
        self.said_name()?;
        Ok(())
    }

    /// `name ON database.policy`.
    fn subscription(&mut self) -> Result<(), ParseError> {
        self.name_on_database()?;
        let token = self.scan();
        if token.kind != Kind::Dot {
            return Err(self.found(&token, "."));
        }
        let policy: Arc<str> = self.name()?;
        self.say(&format!(".{}", written::name(&policy)));
        Ok(())
    }

    /// A duration, of which 0 and `INF` are without end.
    fn length(&mut self) -> Result<i64, ParseError> {
        let token = self.next();
        match token.kind {
            Kind::Duration => duration(&token.literal()).map_err(|error| ParseError::at(error, token.at)),
            Kind::Keyword("INF") => Ok(0),
            _ => Err(self.found(&token, "duration")),
        }
    }

    /// `DURATION …` of shards, which have an end.
    fn shard_length(&mut self) -> Result<i64, ParseError> {
        self.expect(&[Kind::Keyword("DURATION")])?;
        let token = self.ahead();
        if token.is("INF") {
            return Err(ParseError::at("invalid duration INF for shard duration", token.at));
        }
        self.length()
    }

    /// How many copies of a shard there are.
    fn copies(&mut self) -> Result<u64, ParseError> {
        let at = self.ahead().at;
        let number = self.number_of("strconv.Atoi")?;
        if (1..=MOST_COPIES).contains(&number) {
            return Ok(number);
        }
        Err(ParseError::at(format_args!("invalid value {number}: must be 1 <= n <= {MOST_COPIES}"), at))
    }

    /// A whole number; the error of one that is too large names how the original reads it.
    fn number_of(&mut self, reader: &str) -> Result<u64, ParseError> {
        let token = self.next();
        if token.kind != Kind::Integer {
            return Err(self.found(&token, "integer"));
        }
        let text = token.literal();
        text.parse()
            .map_err(|_| ParseError::at(format_args!("{reader}: parsing \"{text}\": value out of range"), token.at))
    }
}

/// The most copies of a shard.
const MOST_COPIES: u64 = 2_147_483_647;
