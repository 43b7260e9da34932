//! Clauses that several statements have.

use std::sync::Arc;

use super::ast::{Expr, Order, Source};
use super::cursor::Cursor;
use super::error::ParseError;
use super::source::Subqueries;
use super::token::Kind;

impl Cursor<'_> {
    /// `[ON database]`.
    pub(super) fn database(&mut self) -> Result<Option<Arc<str>>, ParseError> {
        if !self.takes_keyword("ON") {
            return Ok(None);
        }
        self.say(" ON");
        self.said_name().map(Some)
    }

    /// `[FROM sources]`.
    pub(super) fn from(&mut self) -> Result<Vec<Source>, ParseError> {
        if !self.takes_keyword("FROM") {
            return Ok(Vec::new());
        }
        self.say(" FROM ");
        self.sources(Subqueries::None)
    }

    /// `[WHERE expression]`.
    pub(super) fn filter(&mut self) -> Result<Option<Expr>, ParseError> {
        if !self.takes_keyword("WHERE") {
            return Ok(None);
        }
        self.say(" WHERE ");
        self.expression().map(Some)
    }

    /// `[ORDER BY [time] [ASC | DESC]]`.
    pub(super) fn order(&mut self) -> Result<Order, ParseError> {
        if !self.takes_keyword("ORDER") {
            return Ok(Order::Ascending);
        }
        self.expect(&[Kind::Keyword("BY")])?;
        let token = self.next();
        let order = match token.kind {
            Kind::Keyword("ASC") => Order::Ascending,
            Kind::Keyword("DESC") => Order::Descending,
            Kind::Name => {
                let order = self.direction();
                if &*token.literal() != "time" {
                    return Err(only_time());
                }
                order
            }
            _ => return Err(self.found(&token, "identifier, ASC, DESC")),
        };
        let direction = if order == Order::Ascending { "ASC" } else { "DESC" };
        let name = if token.kind == Kind::Name { "time " } else { "" };
        self.say(&format!(" ORDER BY {name}{direction}"));
        if self.takes(Kind::Comma) {
            self.further_orders()?;
            return Err(only_time());
        }
        Ok(order)
    }

    /// `[LIMIT n]` and its like; 0 if it is absent.
    pub(super) fn count(&mut self, keyword: &'static str) -> Result<u64, ParseError> {
        if !self.takes_keyword(keyword) {
            return Ok(0);
        }
        let token = self.next();
        if token.kind != Kind::Integer {
            return Err(self.found(&token, "integer"));
        }
        let text = token.literal();
        if text.starts_with('-') {
            return Err(ParseError::at(format_args!("{keyword} must be >= 0"), token.at));
        }
        let number = text.parse::<i64>().unwrap_or(i64::MAX).unsigned_abs();
        if number > 0 {
            self.say(&format!(" {keyword} {number}"));
        }
        Ok(number)
    }

    fn further_orders(&mut self) -> Result<(), ParseError> {
        loop {
            self.name()?;
            self.direction();
            if !self.takes(Kind::Comma) {
                return Ok(());
            }
        }
    }

    fn direction(&mut self) -> Order {
        let token = self.next();
        match token.kind {
            Kind::Keyword("ASC") => Order::Ascending,
            Kind::Keyword("DESC") => Order::Descending,
            _ => {
                self.unscan();
                Order::Ascending
            }
        }
    }
}

fn only_time() -> ParseError {
    ParseError::new("only ORDER BY time supported at this time")
}
