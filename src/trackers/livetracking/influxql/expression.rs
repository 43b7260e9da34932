//! Expressions: of columns, filters, dimensions.

use std::sync::Arc;

use super::ast::{Binary, Cast, Expr, Literal, Operator};
use super::cursor::Cursor;
use super::error::ParseError;
use super::token::{Kind, Token};
use super::{MAX_OPERATORS, written};

impl Cursor<'_> {
    /// Reads `operand [operator operand]…`, says it, and gives it as the operators bind.
    pub(super) fn expression(&mut self) -> Result<Expr, ParseError> {
        let mut operators = 0;
        self.operands(&mut operators)
    }

    /// Operands with the operators between them; those in brackets count too, so that no tree is too deep.
    fn operands(&mut self, operators: &mut usize) -> Result<Expr, ParseError> {
        let mut operands = vec![self.operand(operators)?];
        let mut pending: Vec<Operator> = Vec::new();
        loop {
            let token = self.next();
            let Kind::Operator(operator) = token.kind else {
                self.unscan();
                break;
            };
            *operators += 1;
            if *operators > MAX_OPERATORS {
                return Err(ParseError::new(format!("more than {MAX_OPERATORS} operators in an expression")));
            }
            self.say(" ");
            self.say(operator.as_str());
            self.say(" ");
            while pending.last().is_some_and(|last| last.precedence() >= operator.precedence()) {
                join(&mut operands, &mut pending);
            }
            pending.push(operator);
            operands.push(match operator {
                Operator::Match | Operator::NoMatch => self.wanted_pattern()?,
                _ => self.operand(operators)?,
            });
        }
        while !pending.is_empty() {
            join(&mut operands, &mut pending);
        }
        Ok(operands.pop().expect("an operand was read first, and joining leaves one"))
    }

    fn wanted_pattern(&mut self) -> Result<Expr, ParseError> {
        if let Some(pattern) = self.pattern()? {
            return Ok(Expr::Pattern(pattern));
        }
        let token = self.next();
        Err(self.found(&token, "regex"))
    }

    fn operand(&mut self, operators: &mut usize) -> Result<Expr, ParseError> {
        self.term()?;
        let token = self.next();
        match token.kind {
            Kind::Open => {
                self.open()?;
                self.say("(");
                let inner = self.operands(operators)?;
                self.expect(&[Kind::Close])?;
                self.say(")");
                self.close();
                Ok(Expr::Parens(Box::new(inner)))
            }
            Kind::Name => {
                if self.scan().kind == Kind::Open {
                    return self.call(&token.literal(), operators);
                }
                self.unscan();
                self.unscan();
                self.reference()
            }
            Kind::Keyword("DISTINCT") => self.distinct(operators),
            Kind::Text => {
                let text = token.literal();
                self.say(&written::text(&text));
                Ok(Expr::Literal(Literal::String(text)))
            }
            Kind::Number | Kind::Integer | Kind::Duration => self.number(&token, Sign::None),
            Kind::True => Ok(self.boolean(true)),
            Kind::False => Ok(self.boolean(false)),
            Kind::Operator(Operator::Multiply) => self.wildcard(),
            Kind::Regex => Ok(Expr::Pattern(self.compiled(&token)?)),
            Kind::Parameter => Err(missing(&token)),
            Kind::Operator(Operator::Add) => self.signed(Sign::Plus, operators),
            Kind::Operator(Operator::Subtract) => self.signed(Sign::Minus, operators),
            _ => Err(self.found(&token, "identifier, string, number, bool")),
        }
    }

    fn boolean(&mut self, value: bool) -> Expr {
        self.say(if value { "true" } else { "false" });
        Expr::Literal(Literal::Boolean(value))
    }

    /// What follows a sign: a number takes it, everything else is multiplied by 1 or -1.
    fn signed(&mut self, sign: Sign, operators: &mut usize) -> Result<Expr, ParseError> {
        let token = self.next();
        match token.kind {
            Kind::Number | Kind::Integer | Kind::Duration => self.number(&token, sign),
            Kind::Open | Kind::Name => {
                let factor = if matches!(sign, Sign::Minus) { -1 } else { 1 };
                self.say(&format!("{factor} * "));
                self.unscan();
                let right = self.operand(operators)?;
                Ok(binary(Expr::Literal(Literal::Integer(factor)), Operator::Multiply, right))
            }
            _ => Err(self.found(&token, "identifier, number, duration, (")),
        }
    }

    fn number(&mut self, token: &Token, sign: Sign) -> Result<Expr, ParseError> {
        let text = token.literal();
        let (literal, said) = match token.kind {
            Kind::Number => {
                let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) else {
                    return Err(ParseError::at("unable to parse number", token.at));
                };
                let number = if matches!(sign, Sign::Minus) { -number } else { number };
                (Literal::Float(number), format!("{number:.3}"))
            }
            Kind::Integer => {
                let number = sign.integer(&text).map_err(|error| error.at(token))?;
                (Literal::Integer(number), number.to_string())
            }
            _ => {
                let length = duration(&text)?;
                let length = if matches!(sign, Sign::Minus) { length.wrapping_neg() } else { length };
                (Literal::Duration(length), written::duration(length))
            }
        };
        self.say(&said);
        Ok(Expr::Literal(literal))
    }

    /// The arguments of a function, whose opening bracket was read.
    fn call(&mut self, name: &str, operators: &mut usize) -> Result<Expr, ParseError> {
        let name = name.to_lowercase();
        self.open()?;
        self.say(&name);
        self.say("(");
        let name: Arc<str> = name.into();
        let mut arguments = Vec::new();
        if let Some(pattern) = self.pattern()? {
            arguments.push(Expr::Pattern(pattern));
        } else if self.scan().kind == Kind::Close {
            self.say(")");
            self.close();
            return Ok(Expr::Call { name, arguments });
        } else {
            self.unscan();
            arguments.push(self.operands(operators)?);
        }
        while self.takes(Kind::Comma) {
            self.say(", ");
            let argument = match self.pattern()? {
                Some(pattern) => Expr::Pattern(pattern),
                None => self.operands(operators)?,
            };
            arguments.push(argument);
        }
        let end = self.scan();
        if end.kind != Kind::Close {
            return Err(self.found(&end, ")"));
        }
        self.say(")");
        self.close();
        Ok(Expr::Call { name, arguments })
    }

    /// `DISTINCT a` or `DISTINCT(a)`, the word of which was read.
    fn distinct(&mut self, operators: &mut usize) -> Result<Expr, ParseError> {
        let next = self.scan();
        match next.kind {
            Kind::Open => self.call("distinct", operators),
            Kind::Space => {
                let token = self.next();
                if token.kind != Kind::Name {
                    return Err(self.found(&token, "identifier"));
                }
                let name = token.literal();
                self.say("DISTINCT ");
                self.say(&name);
                let arguments = vec![Expr::Reference { name, cast: None }];
                Ok(Expr::Call { name: "distinct".into(), arguments })
            }
            _ => Err(self.found(&next, "(, identifier")),
        }
    }

    /// `*`, which was read, and perhaps a cast.
    fn wildcard(&mut self) -> Result<Expr, ParseError> {
        self.say("*");
        if self.scan().kind != Kind::DoubleColon {
            self.unscan();
            return Ok(Expr::Wildcard(None));
        }
        let token = self.scan();
        let cast = match token.kind {
            Kind::Keyword("FIELD") => Cast::Field,
            Kind::Keyword("TAG") => Cast::Tag,
            _ => return Err(self.found(&token, "field, tag")),
        };
        self.say_cast(cast);
        Ok(Expr::Wildcard(Some(cast)))
    }

    fn reference(&mut self) -> Result<Expr, ParseError> {
        let name: Arc<str> = match self.segments()?.as_slice() {
            [only] => only.clone(),
            several => several.join(".").into(),
        };
        self.say(&written::name(&name));
        if self.scan().kind != Kind::DoubleColon {
            self.unscan();
            return Ok(Expr::Reference { name, cast: None });
        }
        let token = self.scan();
        let cast = match token.kind {
            Kind::Keyword("FIELD") => Cast::Field,
            Kind::Keyword("TAG") => Cast::Tag,
            Kind::Name => match token.literal().to_ascii_lowercase().as_str() {
                "boolean" => Cast::Boolean,
                "float" => Cast::Float,
                "integer" => Cast::Integer,
                "string" => Cast::String,
                "unsigned" => return Err(ParseError::unsupported("type unsigned")),
                _ => return Err(self.found(&token, "float, integer, unsigned, string, boolean, field, tag")),
            },
            _ => return Err(self.found(&token, "float, integer, string, boolean, field, tag")),
        };
        self.say_cast(cast);
        Ok(Expr::Reference { name, cast: Some(cast) })
    }

    fn say_cast(&mut self, cast: Cast) {
        self.say("::");
        self.say(cast.as_str());
    }
}

/// Reads `1h30m` as nanoseconds.
pub(super) fn duration(text: &str) -> Result<i64, ParseError> {
    let invalid = || ParseError::new("invalid duration");
    let mut total: Option<i64> = Some(0);
    let mut rest = text;
    let mut part = "";
    while !rest.is_empty() {
        let digits = rest.find(|next: char| !next.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, behind) = rest.split_at(digits);
        let (unit, size) = unit(behind).ok_or_else(invalid)?;
        let number: i64 = number.parse().map_err(|_| invalid())?;
        total = total.and_then(|total| total.checked_add(number.checked_mul(size)?));
        part = rest;
        rest = behind.strip_prefix(unit).unwrap_or_default();
    }
    total.ok_or_else(|| ParseError::new(format!("overflowed duration {part}: choose a smaller duration or INF")))
}

/// The unit that a text begins with.
fn unit(text: &str) -> Option<(&'static str, i64)> {
    if text.starts_with('µ') {
        return Some(("µ", 1_000));
    }
    let fits = written::UNITS.iter().filter(|(unit, _)| text.starts_with(unit));
    fits.max_by_key(|(unit, _)| unit.len()).copied()
}

#[derive(Clone, Copy, Debug)]
enum Sign {
    Minus,
    None,
    Plus,
}

/// Why a text is no whole number of 64 bits.
enum BadInteger {
    TooSmall(u64),
    Unreadable,
}

impl BadInteger {
    fn at(&self, token: &Token) -> ParseError {
        match self {
            Self::TooSmall(number) => ParseError::new(format!("constant -{number} underflows int64")),
            Self::Unreadable => ParseError::at("unable to parse integer", token.at),
        }
    }
}

impl Sign {
    fn integer(self, text: &str) -> Result<i64, BadInteger> {
        if let Ok(number) = text.parse::<i64>() {
            return Ok(if matches!(self, Self::Minus) { number.wrapping_neg() } else { number });
        }
        match (self, text.parse::<u64>()) {
            (Self::Minus, Ok(number)) => 0_i64.checked_sub_unsigned(number).ok_or(BadInteger::TooSmall(number)),
            _ => Err(BadInteger::Unreadable),
        }
    }
}

fn missing(token: &Token) -> ParseError {
    let name = token.literal();
    match name.strip_prefix('$').unwrap_or(&name) {
        "" => ParseError::new("empty bound parameter"),
        name => ParseError::new(format!("missing parameter: {name}")),
    }
}

/// Makes one operand of the last two.
fn join(operands: &mut Vec<Expr>, pending: &mut Vec<Operator>) {
    if let (Some(operator), Some(right), Some(left)) = (pending.pop(), operands.pop(), operands.pop()) {
        operands.push(binary(left, operator, right));
    }
}

fn binary(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::Binary(Box::new(Binary { left, operator, right }))
}
