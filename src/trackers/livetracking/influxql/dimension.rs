//! What `GROUP BY` names.
//!
//! The original finds these errors when it runs the statement: the whole request is not refused for them.

use std::sync::Arc;

use super::ast::{Dimension, Expr, Literal};
use super::written;

/// The dimensions of a statement, or the error that its result is.
pub(super) fn all(groups: Vec<Expr>) -> Result<Vec<Dimension>, String> {
    let mut timed = false;
    let mut dimensions = Vec::with_capacity(groups.len());
    for group in groups {
        let dimension = one(group, timed)?;
        timed |= matches!(dimension, Dimension::Time { .. });
        dimensions.push(dimension);
    }
    Ok(dimensions)
}

fn one(group: Expr, timed: bool) -> Result<Dimension, String> {
    match bare(group) {
        Expr::Reference { name, .. } if name.eq_ignore_ascii_case("time") => {
            Err("time() is a function and expects at least one argument".to_owned())
        }
        Expr::Reference { name, .. } => Ok(Dimension::Tag(name)),
        Expr::Call { name, arguments } => time(&name, arguments, timed),
        Expr::Wildcard(_) => Ok(Dimension::Wildcard),
        Expr::Pattern(pattern) => Ok(Dimension::Pattern(pattern)),
        _ => Err("only time and tag dimensions allowed".to_owned()),
    }
}

fn time(name: &Arc<str>, arguments: Vec<Expr>, timed: bool) -> Result<Dimension, String> {
    if &**name != "time" {
        return Err("only time() calls allowed in dimensions".to_owned());
    }
    let mut arguments = arguments.into_iter().map(bare);
    let (Some(interval), offset, None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("time dimension expected 1 or 2 arguments".to_owned());
    };
    let Expr::Literal(Literal::Duration(interval)) = interval else {
        return Err("time dimension must have duration argument".to_owned());
    };
    if timed {
        return Err("multiple time dimensions not allowed".to_owned());
    }
    if interval <= 0 {
        return Err("time dimension must have a positive duration argument".to_owned());
    }
    let offset = match offset {
        None => 0,
        Some(Expr::Literal(Literal::Duration(offset))) => offset % interval,
        Some(Expr::Literal(Literal::String(text))) => {
            return Err(format!("invalid time dimension offset: {}", written::text(&text)));
        }
        Some(Expr::Call { name, .. }) if &*name == "now" => {
            return Err("time dimension offset now() is not supported".to_owned());
        }
        Some(Expr::Call { .. }) => return Err("time dimension offset function must be now()".to_owned()),
        Some(_) => return Err("time dimension offset must be duration or now()".to_owned()),
    };
    Ok(Dimension::Time { interval, offset })
}

/// What is in the brackets.
fn bare(mut expr: Expr) -> Expr {
    while let Expr::Parens(inner) = expr {
        expr = *inner;
    }
    expr
}
