//! `SELECT`.

use std::sync::Arc;

use super::ast::{Column, Expr, Fill, Literal, Operator, Privilege, Select, Source, Statement};
use super::cursor::Cursor;
use super::error::ParseError;
use super::source::Subqueries;
use super::token::Kind;
use super::{Parsed, dimension, written, zone};

/// Whether a `SELECT` has to say where its rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Optional,
    Required,
}

impl Cursor<'_> {
    /// What follows `SELECT`.
    pub(super) fn select(&mut self) -> Result<Parsed, ParseError> {
        let (select, groups) = self.select_body(Target::Optional)?;
        let mut needs: Vec<_> = select.from.iter().map(|source| source.need(Privilege::Read)).collect();
        needs.extend(select.into.iter().map(|target| target.need(Privilege::Write)));
        let changes = select.into.is_some();
        let statement = match dimension::all(groups) {
            Ok(group) => Statement::Select(Box::new(Select { group, ..select })),
            Err(why) => Statement::Invalid(why),
        };
        Ok(self.parsed(statement, needs, changes))
    }

    /// Reads a `SELECT` behind its first word and says all of it; its dimensions are not understood yet.
    pub(super) fn select_body(&mut self, target: Target) -> Result<(Select, Vec<Expr>), ParseError> {
        self.say("SELECT ");
        let columns = self.columns()?;
        let into = self.destination(target)?;
        self.keyword("FROM")?;
        self.say(" ");
        let from = self.sources(Subqueries::Known)?;
        let filter = self.filter()?;
        let groups = self.groups()?;
        let fill = self.fill()?;
        let order = self.order()?;
        let limit = self.count("LIMIT")?;
        let offset = self.count("OFFSET")?;
        let series_limit = self.count("SLIMIT")?;
        let series_offset = self.count("SOFFSET")?;
        let zone = self.zone()?;
        let select = Select {
            columns,
            into,
            from,
            filter,
            group: Vec::new(),
            fill,
            order,
            limit,
            offset,
            series_limit,
            series_offset,
            zone,
        };
        Ok((select, groups))
    }

    fn columns(&mut self) -> Result<Vec<Column>, ParseError> {
        let mut columns = vec![self.column()?];
        while self.takes(Kind::Comma) {
            self.say(", ");
            columns.push(self.column()?);
        }
        Ok(columns)
    }

    fn column(&mut self) -> Result<Column, ParseError> {
        let expr = match self.pattern()? {
            Some(pattern) => Expr::Pattern(pattern),
            None => self.column_expression()?,
        };
        let mut alias = None;
        if self.takes_keyword("AS") {
            self.say(" AS");
            alias = Some(self.said_name()?);
        }
        self.skip_space();
        Ok(Column { expr, alias })
    }

    fn column_expression(&mut self) -> Result<Expr, ParseError> {
        let at = self.ahead().at;
        let expr = self.expression()?;
        match comparison(&expr) {
            None => Ok(expr),
            Some(operator) => Err(ParseError::new(format!(
                "invalid operator {} in SELECT clause at {at}; operator is intended for WHERE clause",
                operator.as_str()
            ))),
        }
    }

    fn destination(&mut self, target: Target) -> Result<Option<Source>, ParseError> {
        let token = self.next();
        if token.is("INTO") {
            self.say(" INTO ");
            return self.target().map(Some);
        }
        if target == Target::Required {
            return Err(self.found(&token, "INTO"));
        }
        self.unscan();
        Ok(None)
    }

    fn groups(&mut self) -> Result<Vec<Expr>, ParseError> {
        if !self.takes_keyword("GROUP") {
            return Ok(Vec::new());
        }
        self.expect(&[Kind::Keyword("BY")])?;
        self.say(" GROUP BY ");
        let mut groups = Vec::new();
        loop {
            if let Some(pattern) = self.pattern()? {
                groups.push(Expr::Pattern(pattern));
            } else {
                groups.push(self.expression()?);
                self.skip_space();
            }
            if self.scan().kind != Kind::Comma {
                self.unscan();
                return Ok(groups);
            }
            self.say(", ");
        }
    }

    fn fill(&mut self) -> Result<Fill, ParseError> {
        let Some(call) = self.trailing("fill")? else {
            return Ok(Fill::Null);
        };
        let Expr::Call { arguments, .. } = call else {
            return Err(ParseError::new("fill must be a function call"));
        };
        let [argument] = arguments.as_slice() else {
            return Err(ParseError::new("fill requires an argument, e.g.: 0, null, none, previous, linear"));
        };
        let (fill, said) = match argument {
            Expr::Reference { name, cast: None } => match &**name {
                "linear" => (Fill::Linear, " fill(linear)".to_owned()),
                "none" => (Fill::None, " fill(none)".to_owned()),
                "null" => (Fill::Null, String::new()),
                "previous" => (Fill::Previous, " fill(previous)".to_owned()),
                _ => return Err(ParseError::new("expected number argument in fill()")),
            },
            #[expect(clippy::cast_precision_loss, reason = "cells that it fills are floats")]
            Expr::Literal(Literal::Integer(number)) => (Fill::Number(*number as f64), format!(" fill({number})")),
            Expr::Literal(Literal::Float(number)) => {
                (Fill::Number(*number), format!(" fill({})", written::shortest(*number)))
            }
            _ => return Err(ParseError::new("expected number argument in fill()")),
        };
        self.say(&said);
        Ok(fill)
    }

    fn zone(&mut self) -> Result<Option<Arc<str>>, ParseError> {
        let Some(call) = self.trailing("tz")? else {
            return Ok(None);
        };
        let Expr::Call { arguments, .. } = call else {
            return Err(ParseError::new("tz must be a function call"));
        };
        let [argument] = arguments.as_slice() else {
            return Err(ParseError::new("tz requires exactly one argument"));
        };
        let Expr::Literal(Literal::String(name)) = argument else {
            return Err(ParseError::new("expected string argument in tz()"));
        };
        let name = if name.is_empty() { "UTC".into() } else { name.clone() };
        if !zone::is_known(&name) {
            return Err(ParseError::new(format!("unable to find time zone {name}")));
        }
        self.say(&format!(" TZ('{name}')"));
        Ok(Some(name))
    }

    /// Reads a call of this name as the last part of a statement, without saying it.
    fn trailing(&mut self, name: &str) -> Result<Option<Expr>, ParseError> {
        let token = self.ahead();
        if token.kind != Kind::Name || !token.literal().eq_ignore_ascii_case(name) {
            return Ok(None);
        }
        let start = self.said.len();
        let call = self.expression()?;
        self.said.truncate(start);
        Ok(Some(call))
    }
}

/// The last operator in an expression that only a filter can have; those below it do not count.
fn comparison(expr: &Expr) -> Option<Operator> {
    match expr {
        Expr::Binary(binary) if binary.operator.precedence() <= 3 => Some(binary.operator),
        Expr::Binary(binary) => comparison(&binary.right).or_else(|| comparison(&binary.left)),
        Expr::Call { arguments, .. } => arguments.iter().rev().find_map(comparison),
        Expr::Parens(inner) => comparison(inner),
        _ => None,
    }
}
