//! Expressions as messages show them.

use std::fmt::Write as _;

use crate::trackers::livetracking::influxql::ast::{Cast, Expr, Literal};

/// An expression as text; `kind` gives what stands behind the `::` of a name without a cast.
pub(crate) fn expr(expr: &Expr, kind: &dyn Fn(&str) -> Option<&'static str>) -> String {
    let mut text = String::new();
    append(&mut text, expr, kind);
    text
}

/// As the original's types are called in its messages.
pub(crate) fn kind(expr: &Expr) -> &'static str {
    match expr {
        Expr::Binary(_) => "*influxql.BinaryExpr",
        Expr::Call { .. } => "*influxql.Call",
        Expr::Literal(literal) => match literal {
            Literal::Boolean(_) => "*influxql.BooleanLiteral",
            Literal::Duration(_) => "*influxql.DurationLiteral",
            Literal::Float(_) => "*influxql.NumberLiteral",
            Literal::Integer(_) => "*influxql.IntegerLiteral",
            Literal::String(_) => "*influxql.StringLiteral",
            Literal::Time(_) => "*influxql.TimeLiteral",
        },
        Expr::Parens(_) => "*influxql.ParenExpr",
        Expr::Pattern(_) => "*influxql.RegexLiteral",
        Expr::Reference { .. } => "*influxql.VarRef",
        Expr::Wildcard(_) => "*influxql.Wildcard",
    }
}

/// A length of time in the largest unit that holds it whole.
pub(crate) fn duration(nanoseconds: i64) -> String {
    const UNITS: [(&str, i64); 8] = [
        ("w", 604_800_000_000_000),
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("u", 1000),
        ("ns", 1),
    ];
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let (unit, size) = UNITS.into_iter().find(|(_, size)| nanoseconds % size == 0).unwrap_or(("ns", 1));
    format!("{}{unit}", nanoseconds / size)
}

fn append(text: &mut String, expr: &Expr, kind: &dyn Fn(&str) -> Option<&'static str>) {
    match expr {
        Expr::Binary(binary) => {
            append(text, &binary.left, kind);
            text.push(' ');
            text.push_str(binary.operator.as_str());
            text.push(' ');
            append(text, &binary.right, kind);
        }
        Expr::Call { name, arguments } => {
            text.push_str(name);
            text.push('(');
            for (place, argument) in arguments.iter().enumerate() {
                if place > 0 {
                    text.push_str(", ");
                }
                append(text, argument, kind);
            }
            text.push(')');
        }
        Expr::Literal(literal) => append_literal(text, literal),
        Expr::Parens(inner) => {
            text.push('(');
            append(text, inner, kind);
            text.push(')');
        }
        Expr::Pattern(pattern) => {
            text.push('/');
            text.push_str(&pattern.0.as_str().replace('/', "\\/"));
            text.push('/');
        }
        Expr::Reference { name, cast } => {
            append_name(text, name);
            if let Some(behind) = cast.map(Cast::as_str).or_else(|| kind(name)) {
                text.push_str("::");
                text.push_str(behind);
            }
        }
        Expr::Wildcard(cast) => {
            text.push('*');
            if let Some(cast) = cast {
                text.push_str("::");
                text.push_str(cast.as_str());
            }
        }
    }
}

fn append_literal(text: &mut String, literal: &Literal) {
    match literal {
        Literal::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        Literal::Duration(length) => text.push_str(&duration(*length)),
        Literal::Float(number) => write!(text, "{number:.3}").expect("a string takes everything"),
        Literal::Integer(number) => write!(text, "{number}").expect("a string takes everything"),
        Literal::String(value) => {
            text.push('\'');
            text.push_str(&value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"));
            text.push('\'');
        }
        Literal::Time(at) => {
            let mut time = vec![b'\''];
            super::time::rfc3339(&mut time, *at, None);
            time.push(b'\'');
            text.push_str(&String::from_utf8_lossy(&time));
        }
    }
}

fn append_name(text: &mut String, name: &str) {
    let bare = !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
        && !name.is_empty();
    if bare {
        text.push_str(name);
    } else {
        text.push('"');
        text.push_str(&name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
        text.push('"');
    }
}
