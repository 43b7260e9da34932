//! What stands behind `WHERE`: a range of time, and what else a point must be like.

use jiff::tz::TimeZone;

use super::function::Math;
use super::meter::{Outcome, Stop};
use super::reduce::Constants;
use super::spell;
use super::time::{self, FIRST, LAST, Read};
use crate::trackers::livetracking::influxql::ast::{Expr, Literal, Operator};

/// A condition, taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Condition {
    /// What is not about time.
    pub(crate) rest: Option<Expr>,
    pub(crate) bounds: Bounds,
}

/// A range of time, as far as it was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
}

impl Bounds {
    /// What lies within both. Also what is said of time on both sides of an `OR` is: the original knows no other.
    fn and(self, other: Self) -> Self {
        let first = self.first.max(other.first);
        let last = match (self.last, other.last) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        };
        Self { first, last }
    }
}

/// Takes a condition apart.
///
/// # Errors
///
/// [`Stop::Said`] for a time that is none, and for what cannot be a condition.
pub(crate) fn split(filter: Option<&Expr>, now: i64, zone: Option<&TimeZone>) -> Outcome<Condition> {
    let Some(filter) = filter else {
        return Ok(Condition::default());
    };
    let condition = Splitter { constants: Constants { now: Some(now), zone } }.split(filter)?;
    if let Some(rest) = &condition.rest {
        check(rest)?;
    }
    Ok(condition)
}

struct Splitter<'a> {
    constants: Constants<'a>,
}

impl Splitter<'_> {
    fn split(&self, expr: &Expr) -> Outcome<Condition> {
        match expr {
            Expr::Binary(binary) => match binary.operator {
                operator @ (Operator::And | Operator::Or) => {
                    let left = self.split(&binary.left)?;
                    let right = self.split(&binary.right)?;
                    let rest = match (left.rest, right.rest) {
                        (Some(left), Some(right)) => Some(self.constants.binary(operator, left, right)),
                        (left, right) => left.or(right),
                    };
                    Ok(Condition { rest, bounds: left.bounds.and(right.bounds) })
                }
                operator if is_time(&binary.left) => self.time(operator, &binary.right),
                operator if is_time(&binary.right) => self.time(turned(operator), &binary.left),
                _ => Ok(Condition { rest: Some(self.constants.reduce(expr)), bounds: Bounds::default() }),
            },
            Expr::Parens(inner) => {
                let Condition { rest, bounds } = self.split(inner)?;
                let rest = rest.map(|rest| match rest {
                    rest @ Expr::Binary(_) => Expr::Parens(Box::new(rest)),
                    other => other,
                });
                Ok(Condition { rest, bounds })
            }
            Expr::Literal(Literal::Boolean(_)) => Ok(Condition { rest: Some(expr.clone()), bounds: Bounds::default() }),
            other => Err(Stop::Said(format!("invalid condition expression: {}", spell::expr(other, &|_| None)))),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "as the original reads a number as a time")]
    fn time(&self, operator: Operator, side: &Expr) -> Outcome<Condition> {
        let side = match side {
            Expr::Literal(Literal::String(text)) if time::looks_like_time(text) => {
                match time::parse(text, self.constants.zone) {
                    Read::Invalid => return Err(Stop::said("invalid timestamp string")),
                    Read::Time(at) => Expr::Literal(Literal::Time(at)),
                    Read::TooEarly(time) => return Err(Stop::Said(format!("time {time} underflows time literal"))),
                    Read::TooLate(time) => return Err(Stop::Said(format!("time {time} overflows time literal"))),
                }
            }
            other => self.constants.reduce(other),
        };
        let at = match side {
            Expr::Literal(Literal::Duration(at) | Literal::Integer(at) | Literal::Time(at)) => at,
            Expr::Literal(Literal::Float(at)) => at as i64,
            other => {
                let kind = spell::kind(&other);
                return Err(Stop::Said(format!("invalid operation: time and {kind} are not compatible")));
            }
        };
        let (first, last) = match operator {
            Operator::Equal => (Some(at), Some(at)),
            Operator::Greater => (Some(at.saturating_add(1)), None),
            Operator::GreaterOrEqual => (Some(at), None),
            Operator::Less => (None, Some(at.saturating_sub(1))),
            Operator::LessOrEqual => (None, Some(at)),
            other => {
                return Err(Stop::Said(format!("invalid time comparison operator: {}", other.as_str())));
            }
        };
        let within = |at: i64| at.clamp(FIRST, LAST);
        Ok(Condition { rest: None, bounds: Bounds { first: first.map(within), last: last.map(within) } })
    }
}

fn is_time(expr: &Expr) -> bool {
    matches!(expr, Expr::Reference { name, .. } if name.eq_ignore_ascii_case("time"))
}

fn turned(operator: Operator) -> Operator {
    match operator {
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        other => other,
    }
}

/// Functions of a condition are those that take one value to another.
fn check(expr: &Expr) -> Outcome<()> {
    match expr {
        Expr::Binary(binary) => {
            check(&binary.left)?;
            check(&binary.right)
        }
        Expr::Parens(inner) => check(inner),
        Expr::Call { name, arguments } => {
            let Some(math) = Math::named(name) else {
                let text = spell::expr(expr, &|_| None);
                return Err(Stop::Said(format!("invalid function call in condition: {text}")));
            };
            math.check(name, arguments.len())?;
            arguments.iter().try_for_each(check)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::trackers::livetracking::influxql::ast::Binary;

    fn name(name: &str) -> Expr {
        Expr::Reference { name: Arc::from(name), cast: None }
    }

    fn binary(left: Expr, operator: Operator, right: Expr) -> Expr {
        Expr::Binary(Box::new(Binary { left, operator, right }))
    }

    fn text(text: &str) -> Expr {
        Expr::Literal(Literal::String(Arc::from(text)))
    }

    fn seconds(seconds: i64) -> Expr {
        Expr::Literal(Literal::Duration(seconds * 1_000_000_000))
    }

    #[test]
    fn bounds_are_taken_out_of_and_or_and_brackets() {
        let from = binary(name("time"), Operator::Greater, binary(seconds(20), Operator::Subtract, seconds(3)));
        let to = binary(seconds(40), Operator::GreaterOrEqual, name("TIME"));
        let other = binary(name("x"), Operator::Equal, seconds(2));
        let all = binary(Expr::Parens(Box::new(binary(from, Operator::And, other.clone()))), Operator::Or, to);
        let condition = split(Some(&all), 0, None).unwrap();
        assert_eq!(condition.bounds, Bounds { first: Some(17_000_000_001), last: Some(40_000_000_000) });
        assert_eq!(condition.rest, Some(Expr::Parens(Box::new(other))));
    }

    #[test]
    fn what_is_no_time_is_told() {
        for (side, error) in [
            (text("abc"), "invalid operation: time and *influxql.StringLiteral are not compatible"),
            (text("2026-99-22"), "invalid timestamp string"),
            (text("2500-01-01"), "time 2500-01-01T00:00:00Z overflows time literal"),
            (text("1500-01-01T00:00:00Z"), "time 1500-01-01T00:00:00Z underflows time literal"),
            (name("n"), "invalid operation: time and *influxql.VarRef are not compatible"),
        ] {
            let filter = binary(name("time"), Operator::Less, side);
            assert_eq!(split(Some(&filter), 0, None), Err(Stop::said(error)));
        }
    }
}
