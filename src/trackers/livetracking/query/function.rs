//! The functions of columns.

use std::sync::Arc;

use super::meter::{Outcome, Stop};
use crate::ports::FieldType;
use crate::trackers::livetracking::influxql::ast::{Expr, Literal};

/// What takes many points to one, or a row of points to another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Function {
    Bottom(Ranking),
    Count,
    CumulativeSum,
    Derivative { unit: i64, sign: Sign },
    Difference { sign: Sign },
    Distinct,
    Elapsed { unit: i64 },
    First,
    Integral { unit: i64 },
    Last,
    Max,
    Mean,
    Median,
    Min,
    Mode,
    MovingAverage { points: usize },
    Percentile { of_hundred: f64 },
    Spread,
    Stddev,
    Sum,
    Top(Ranking),
}

/// How many of the greatest or least are wanted, and of which fields or tags each value counts once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ranking {
    pub(crate) points: usize,
    pub(crate) by: Vec<Arc<str>>,
}

/// Whether what falls is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Any,
    NotNegative,
}

const SECOND: i64 = 1_000_000_000;

impl Function {
    /// The function of a call that was checked.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] if there is none of that name.
    pub(crate) fn of(name: &str, arguments: &[Expr]) -> Outcome<Self> {
        let sign = if name.starts_with("non_negative") { Sign::NotNegative } else { Sign::Any };
        Ok(match name {
            "bottom" => Self::Bottom(ranking(arguments)),
            "count" => Self::Count,
            "cumulative_sum" => Self::CumulativeSum,
            "derivative" | "non_negative_derivative" => Self::Derivative { unit: unit(arguments, 0), sign },
            "difference" | "non_negative_difference" => Self::Difference { sign },
            "distinct" => Self::Distinct,
            "elapsed" => Self::Elapsed { unit: unit(arguments, 1) },
            "first" => Self::First,
            "integral" => Self::Integral { unit: unit(arguments, SECOND) },
            "last" => Self::Last,
            "max" => Self::Max,
            "mean" => Self::Mean,
            "median" => Self::Median,
            "min" => Self::Min,
            "mode" => Self::Mode,
            "moving_average" => Self::MovingAverage { points: points(arguments.get(1)) },
            "percentile" => Self::Percentile { of_hundred: number(arguments.get(1)) },
            "spread" => Self::Spread,
            "stddev" => Self::Stddev,
            "sum" => Self::Sum,
            "top" => Self::Top(ranking(arguments)),
            _ => return Err(Stop::Said(format!("undefined function {name}()"))),
        })
    }

    /// Whether its value is one of the points', with their instant and their other fields.
    pub(crate) fn is_selector(&self) -> bool {
        matches!(
            self,
            Self::Bottom(_) | Self::First | Self::Last | Self::Max | Self::Min | Self::Percentile { .. } | Self::Top(_)
        )
    }

    /// Whether it takes a row of points to another row, and not to one value.
    pub(crate) fn is_transformation(&self) -> bool {
        matches!(
            self,
            Self::CumulativeSum
                | Self::Derivative { .. }
                | Self::Difference { .. }
                | Self::Elapsed { .. }
                | Self::MovingAverage { .. }
        )
    }

    /// Whether it takes values of that type, and else how the original calls it then.
    pub(crate) fn takes(&self, kind: FieldType) -> Result<(), &'static str> {
        let numbers = matches!(kind, FieldType::Float | FieldType::Integer);
        let (taken, name) = match self {
            Self::Count | Self::Distinct | Self::Elapsed { .. } | Self::First | Self::Last | Self::Mode => (true, ""),
            Self::Max => (kind != FieldType::String, "max"),
            Self::Min => (kind != FieldType::String, "min"),
            Self::Bottom(_) => (numbers, "bottom"),
            Self::CumulativeSum => (numbers, "cumulative sum"),
            Self::Derivative { .. } => (numbers, "derivative"),
            Self::Difference { .. } => (numbers, "difference"),
            Self::Integral { .. } => (numbers, "integral"),
            Self::Mean => (numbers, "mean"),
            Self::Median => (numbers, "median"),
            Self::MovingAverage { .. } => (numbers, "moving average"),
            Self::Percentile { .. } => (numbers, "percentile"),
            Self::Spread => (numbers, "spread"),
            Self::Stddev => (numbers, "stddev"),
            Self::Sum => (numbers, "sum"),
            Self::Top(_) => (numbers, "top"),
        };
        if taken { Ok(()) } else { Err(name) }
    }

    /// The type of what it gives.
    pub(crate) fn gives(&self, kind: FieldType) -> FieldType {
        match self {
            Self::Count | Self::Elapsed { .. } => FieldType::Integer,
            Self::Derivative { .. }
            | Self::Integral { .. }
            | Self::Mean
            | Self::Median
            | Self::MovingAverage { .. }
            | Self::Stddev => FieldType::Float,
            _ => kind,
        }
    }
}

/// The length of time that stands second.
fn unit(arguments: &[Expr], default: i64) -> i64 {
    match arguments.get(1) {
        Some(Expr::Literal(Literal::Duration(length))) => *length,
        _ => default,
    }
}

fn points(argument: Option<&Expr>) -> usize {
    match argument {
        Some(Expr::Literal(Literal::Integer(points))) => usize::try_from(*points).unwrap_or(usize::MAX),
        _ => 1,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage is small")]
fn number(argument: Option<&Expr>) -> f64 {
    match argument {
        Some(Expr::Literal(Literal::Float(number))) => *number,
        Some(Expr::Literal(Literal::Integer(number))) => *number as f64,
        _ => 0.0,
    }
}

fn ranking(arguments: &[Expr]) -> Ranking {
    let between = arguments.get(1..arguments.len().saturating_sub(1)).unwrap_or_default();
    let by = between.iter().filter_map(|argument| match argument {
        Expr::Reference { name, .. } => Some(Arc::clone(name)),
        _ => None,
    });
    Ranking { points: points(arguments.last()), by: by.collect() }
}

/// What takes one value, or two, to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Math {
    Abs,
    Acos,
    Asin,
    Atan,
    Atan2,
    Ceil,
    Cos,
    Exp,
    Floor,
    Ln,
    Log,
    Log10,
    Log2,
    Pow,
    Round,
    Sin,
    Sqrt,
    Tan,
}

impl Math {
    /// The one of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "abs" => Self::Abs,
            "acos" => Self::Acos,
            "asin" => Self::Asin,
            "atan" => Self::Atan,
            "atan2" => Self::Atan2,
            "ceil" => Self::Ceil,
            "cos" => Self::Cos,
            "exp" => Self::Exp,
            "floor" => Self::Floor,
            "ln" => Self::Ln,
            "log" => Self::Log,
            "log10" => Self::Log10,
            "log2" => Self::Log2,
            "pow" => Self::Pow,
            "round" => Self::Round,
            "sin" => Self::Sin,
            "sqrt" => Self::Sqrt,
            "tan" => Self::Tan,
            _ => return None,
        })
    }

    /// Looks at how many arguments it has.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] if those are too few or too many.
    pub(crate) fn check(self, name: &str, got: usize) -> Outcome<()> {
        let expected = if matches!(self, Self::Atan2 | Self::Log | Self::Pow) { 2 } else { 1 };
        arguments(name, expected, got)
    }

    /// What it takes the numbers to.
    pub(crate) fn apply(self, number: f64, second: f64) -> f64 {
        match self {
            Self::Abs => number.abs(),
            Self::Acos => number.acos(),
            Self::Asin => number.asin(),
            Self::Atan => number.atan(),
            Self::Atan2 => number.atan2(second),
            Self::Ceil => number.ceil(),
            Self::Cos => number.cos(),
            Self::Exp => number.exp(),
            Self::Floor => number.floor(),
            Self::Ln => number.ln(),
            Self::Log => number.ln() / second.ln(),
            Self::Log10 => number.log10(),
            Self::Log2 => number.log2(),
            Self::Pow => number.powf(second),
            Self::Round => number.round(),
            Self::Sin => number.sin(),
            Self::Sqrt => number.sqrt(),
            Self::Tan => number.tan(),
        }
    }
}

/// Compares how many arguments a function has with how many it should have.
pub(crate) fn arguments(name: &str, expected: usize, got: usize) -> Outcome<()> {
    if expected == got {
        return Ok(());
    }
    Err(Stop::Said(format!("invalid number of arguments for {name}, expected {expected}, got {got}")))
}
