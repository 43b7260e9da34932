//! Expressions made ready: names are places in a row.

use regex::Regex;

use super::function::Math;
use super::value::Value;
use crate::trackers::livetracking::influxql::ast::Operator;

/// An expression over the values of a row.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Binary(Operator, Box<Self>, Box<Self>),
    Constant(Value),
    Math(Math, Vec<Self>),
    Pattern(Regex),
    Slot(usize),
    /// A division in which whole numbers give a whole number.
    WholeDivision(Box<Self>, Box<Self>),
}

impl Node {
    /// What it is in a row.
    pub(crate) fn eval(&self, row: &[Value]) -> Value {
        match self {
            Self::Binary(operator, left, right) => match &**right {
                Self::Pattern(pattern) => matched(*operator, &left.eval(row), pattern),
                right => binary(*operator, left.eval(row), right.eval(row)),
            },
            Self::Constant(value) => value.clone(),
            Self::Math(math, arguments) => {
                let mut values = arguments.iter().map(|argument| argument.eval(row));
                apply(*math, &values.next().unwrap_or_default(), &values.next().unwrap_or_default())
            }
            Self::Pattern(_) => Value::Null,
            Self::Slot(place) => row.get(*place).cloned().unwrap_or_default(),
            Self::WholeDivision(left, right) => match (left.eval(row), right.eval(row)) {
                (Value::Integer(left), Value::Integer(right)) => Value::Integer(left.checked_div(right).unwrap_or(0)),
                (left, right) => binary(Operator::Divide, left, right),
            },
        }
    }

    /// Whether it is true in a row.
    pub(crate) fn holds(&self, row: &[Value]) -> bool {
        self.eval(row) == Value::Boolean(true)
    }

    /// It with the parts worked out that no row changes.
    pub(crate) fn simplified(self) -> Self {
        match self {
            Self::Binary(operator, left, right) => {
                let (left, right) = (left.simplified(), right.simplified());
                match (operator, &left, &right) {
                    (_, Self::Constant(_), Self::Constant(_) | Self::Pattern(_)) => {
                        Self::Constant(Self::Binary(operator, Box::new(left), Box::new(right)).eval(&[]))
                    }
                    (Operator::And, Self::Constant(Value::Boolean(true)), _)
                    | (Operator::Or, Self::Constant(Value::Boolean(false)), _) => right,
                    (Operator::And, _, Self::Constant(Value::Boolean(true)))
                    | (Operator::Or, _, Self::Constant(Value::Boolean(false))) => left,
                    (Operator::And, Self::Constant(_), _) | (Operator::And, _, Self::Constant(_)) => {
                        Self::Constant(Value::Boolean(false))
                    }
                    (Operator::Or, Self::Constant(Value::Boolean(true)), _)
                    | (Operator::Or, _, Self::Constant(Value::Boolean(true))) => Self::Constant(Value::Boolean(true)),
                    _ => Self::Binary(operator, Box::new(left), Box::new(right)),
                }
            }
            other => other,
        }
    }
}

fn matched(operator: Operator, value: &Value, pattern: &Regex) -> Value {
    Value::Boolean(match (operator, value) {
        (Operator::Match, Value::String(text)) => pattern.is_match(text),
        (Operator::NoMatch, Value::String(text)) => !pattern.is_match(text),
        _ => false,
    })
}

fn apply(math: Math, value: &Value, second: &Value) -> Value {
    match (math, value) {
        (Math::Abs, Value::Integer(number)) => Value::Integer(number.wrapping_abs()),
        (Math::Ceil | Math::Floor | Math::Round, Value::Integer(number)) => Value::Integer(*number),
        (Math::Pow, Value::Integer(number)) if matches!(second, Value::Integer(0..=62)) => {
            let Value::Integer(exponent) = second else { return Value::Null };
            Value::Integer(number.wrapping_pow(u32::try_from(*exponent).unwrap_or(0)))
        }
        (Math::Atan2 | Math::Log | Math::Pow, _) => match (value.number(), second.number()) {
            (Some(number), Some(second)) => Value::Float(math.apply(number, second)),
            _ => Value::Null,
        },
        _ => value.number().map_or(Value::Null, |number| Value::Float(math.apply(number, 0.0))),
    }
}

fn binary(operator: Operator, left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Boolean(left), Value::Boolean(right)) => booleans(operator, left, right),
        (Value::Integer(left), Value::Integer(right)) => integers(operator, left, right),
        (Value::String(left), Value::String(right)) => match operator {
            Operator::Equal => Value::Boolean(left == right),
            Operator::NotEqual => Value::Boolean(left != right),
            other => incomparable(other),
        },
        (left, right) => match (left.number(), right.number()) {
            (Some(left), Some(right)) => floats(operator, left, right),
            _ => incomparable(operator),
        },
    }
}

fn booleans(operator: Operator, left: bool, right: bool) -> Value {
    Value::Boolean(match operator {
        Operator::And | Operator::BitwiseAnd => left && right,
        Operator::Or | Operator::BitwiseOr => left || right,
        Operator::BitwiseXor | Operator::NotEqual => left != right,
        Operator::Equal => left == right,
        other => return incomparable(other),
    })
}

#[expect(clippy::cast_precision_loss, reason = "as the original divides")]
fn integers(operator: Operator, left: i64, right: i64) -> Value {
    match operator {
        Operator::Add => Value::Integer(left.wrapping_add(right)),
        Operator::BitwiseAnd => Value::Integer(left & right),
        Operator::BitwiseOr => Value::Integer(left | right),
        Operator::BitwiseXor => Value::Integer(left ^ right),
        Operator::Divide if right == 0 => Value::Float(0.0),
        Operator::Divide => Value::Float(left as f64 / right as f64),
        Operator::Modulo => Value::Integer(left.checked_rem(right).unwrap_or(0)),
        Operator::Multiply => Value::Integer(left.wrapping_mul(right)),
        Operator::Subtract => Value::Integer(left.wrapping_sub(right)),
        other => compared(other, Some(left.cmp(&right))),
    }
}

fn floats(operator: Operator, left: f64, right: f64) -> Value {
    match operator {
        Operator::Add => Value::Float(left + right),
        Operator::Divide if right == 0.0 => Value::Float(0.0),
        Operator::Divide => Value::Float(left / right),
        Operator::Modulo => Value::Float(left % right),
        Operator::Multiply => Value::Float(left * right),
        Operator::Subtract => Value::Float(left - right),
        other => compared(other, left.partial_cmp(&right)),
    }
}

fn compared(operator: Operator, order: Option<std::cmp::Ordering>) -> Value {
    let Some(order) = order else {
        return incomparable(operator);
    };
    Value::Boolean(match operator {
        Operator::Equal => order.is_eq(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::NotEqual => order.is_ne(),
        other => return incomparable(other),
    })
}

/// Comparisons of what cannot be compared are false, also that the two are not equal; everything else is nothing.
fn incomparable(operator: Operator) -> Value {
    match operator {
        Operator::Equal
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::NotEqual => Value::Boolean(false),
        _ => Value::Null,
    }
}
