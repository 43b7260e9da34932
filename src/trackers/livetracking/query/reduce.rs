//! Constants in expressions: what can be worked out before any point is read.

use jiff::tz::TimeZone;

use super::time::{self, Read};
use crate::trackers::livetracking::influxql::ast::{Binary, Expr, Literal, Operator};

/// What constants depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constants<'a> {
    /// What `now()` is, nanoseconds since 1970; a call like any other where that is not known.
    pub(crate) now: Option<i64>,
    /// The zone of texts that are times.
    pub(crate) zone: Option<&'a TimeZone>,
}

impl Constants<'_> {
    /// The expression with its constant parts worked out.
    pub(crate) fn reduce(self, expr: &Expr) -> Expr {
        match expr {
            Expr::Binary(binary) => self.binary(binary.operator, self.reduce(&binary.left), self.reduce(&binary.right)),
            Expr::Call { name, arguments } => match self.now {
                Some(now) if &**name == "now" && arguments.is_empty() => Expr::Literal(Literal::Time(now)),
                _ => Expr::Call {
                    name: name.clone(),
                    arguments: arguments.iter().map(|argument| self.reduce(argument)).collect(),
                },
            },
            Expr::Parens(inner) => match self.reduce(inner) {
                inner @ Expr::Binary(_) => Expr::Parens(Box::new(inner)),
                other => other,
            },
            other => other.clone(),
        }
    }

    /// `left operator right`, of parts that are reduced.
    pub(crate) fn binary(self, operator: Operator, left: Expr, right: Expr) -> Expr {
        if let (Expr::Literal(left), Expr::Literal(right)) = (&left, &right)
            && let Some(literal) = self.literals(operator, left, right)
        {
            return Expr::Literal(literal);
        }
        Expr::Binary(Box::new(Binary { left, operator, right }))
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as the original counts")]
    fn literals(self, operator: Operator, left: &Literal, right: &Literal) -> Option<Literal> {
        use Literal::{Boolean, Duration, Float, Integer, String, Time};
        use Operator::{Add, Divide, Multiply, Subtract};
        match (left, right) {
            (Boolean(left), Boolean(right)) => booleans(operator, *left, *right),
            (Duration(left), Duration(right)) => match operator {
                Add => Some(Duration(left.wrapping_add(*right))),
                Subtract => Some(Duration(left.wrapping_sub(*right))),
                _ => compared(operator, left.cmp(right)),
            },
            (Duration(left), Integer(right)) => match operator {
                Multiply => Some(Duration(left.wrapping_mul(*right))),
                Divide => Some(Duration(left.checked_div(*right).unwrap_or(0))),
                _ => None,
            },
            (Duration(left), Float(right)) => match operator {
                Multiply => Some(Duration((*left as f64 * right) as i64)),
                Divide if *right == 0.0 => Some(Duration(0)),
                Divide => Some(Duration((*left as f64 / right) as i64)),
                _ => None,
            },
            (Duration(length) | Integer(length), Time(at)) if operator == Add => Some(Time(at.saturating_add(*length))),
            (Time(at), Duration(length) | Integer(length)) | (Integer(at), Duration(length)) => match operator {
                Add => Some(Time(at.saturating_add(*length))),
                Subtract => Some(Time(at.saturating_sub(*length))),
                _ => None,
            },
            (Time(left), Time(right)) => match operator {
                Subtract => Some(Duration(left.saturating_sub(*right))),
                _ => compared(operator, left.cmp(right)),
            },
            (Integer(left), Integer(right)) => integers(operator, *left, *right),
            (Float(left), Float(right)) => floats(operator, *left, *right),
            (Integer(left), Float(right)) => floats(operator, *left as f64, *right),
            (Float(left), Integer(right)) => floats(operator, *left, *right as f64),
            (String(left), String(right)) if operator == Add => Some(String(format!("{left}{right}").into())),
            (String(left), String(right)) => match operator {
                Operator::Equal => Some(Boolean(left == right)),
                Operator::NotEqual => Some(Boolean(left != right)),
                _ => None,
            },
            (String(text), Duration(_) | Time(_)) => self.literals(operator, &self.as_time(text)?, right),
            (Duration(_) | Time(_), String(text)) => self.literals(operator, left, &self.as_time(text)?),
            _ => None,
        }
    }

    fn as_time(self, text: &str) -> Option<Literal> {
        match time::parse(text, self.zone) {
            Read::Time(at) => Some(Literal::Time(at)),
            _ => None,
        }
    }
}

fn booleans(operator: Operator, left: bool, right: bool) -> Option<Literal> {
    Some(Literal::Boolean(match operator {
        Operator::And | Operator::BitwiseAnd => left && right,
        Operator::Or | Operator::BitwiseOr => left || right,
        Operator::BitwiseXor | Operator::NotEqual => left != right,
        Operator::Equal => left == right,
        _ => return None,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "as the original divides")]
fn integers(operator: Operator, left: i64, right: i64) -> Option<Literal> {
    Some(Literal::Integer(match operator {
        Operator::Add => left.wrapping_add(right),
        Operator::BitwiseAnd => left & right,
        Operator::BitwiseOr => left | right,
        Operator::BitwiseXor => left ^ right,
        Operator::Divide if right == 0 => return Some(Literal::Float(0.0)),
        Operator::Divide => return Some(Literal::Float(left as f64 / right as f64)),
        Operator::Modulo => left.checked_rem(right).unwrap_or(0),
        Operator::Multiply => left.wrapping_mul(right),
        Operator::Subtract => left.wrapping_sub(right),
        _ => return compared(operator, left.cmp(&right)),
    }))
}

fn floats(operator: Operator, left: f64, right: f64) -> Option<Literal> {
    Some(Literal::Float(match operator {
        Operator::Add => left + right,
        Operator::Divide if right == 0.0 => 0.0,
        Operator::Divide => left / right,
        Operator::Modulo => left % right,
        Operator::Multiply => left * right,
        Operator::Subtract => left - right,
        _ => return compared(operator, left.partial_cmp(&right)?),
    }))
}

fn compared(operator: Operator, order: std::cmp::Ordering) -> Option<Literal> {
    Some(Literal::Boolean(match operator {
        Operator::Equal => order.is_eq(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::NotEqual => order.is_ne(),
        _ => return None,
    }))
}
