//! The columns of a statement: what `*` and patterns stand for, and how each is called.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::function::Math;
use super::meter::{Outcome, Stop};
use super::schema::Schema;
use crate::ports::FieldType;
use crate::trackers::livetracking::influxql::ast::{Cast, Expr, Pattern};

/// A column to be: what it shows, and how the statement calls it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) expr: Expr,
    pub(crate) alias: Option<Arc<str>>,
}

/// Puts columns for `*` and patterns; tags that tables are made of are not among them.
pub(crate) fn expanded(columns: Vec<Column>, schema: &Schema, grouped: &BTreeSet<Arc<str>>) -> Vec<Column> {
    let mut all = Vec::with_capacity(columns.len());
    for column in columns {
        match &column.expr {
            Expr::Wildcard(cast) => all.extend(names(schema, grouped, *cast, None)),
            Expr::Pattern(pattern) => all.extend(names(schema, grouped, None, Some(pattern))),
            Expr::Call { name, .. } => match innermost(&column.expr) {
                Some(Expr::Wildcard(_)) => all.extend(calls(&column, name, schema, None)),
                Some(Expr::Pattern(pattern)) => all.extend(calls(&column, name, schema, Some(pattern))),
                _ => all.push(column),
            },
            _ => all.push(column),
        }
    }
    all
}

/// Fields and tags by name; a field before a tag of the same name.
fn names(schema: &Schema, grouped: &BTreeSet<Arc<str>>, only: Option<Cast>, pattern: Option<&Pattern>) -> Vec<Column> {
    let matches = |name: &str| pattern.is_none_or(|pattern| pattern.0.is_match(name));
    let fields = schema.fields.keys().map(|name| (name, Cast::Field)).filter(|_| only != Some(Cast::Tag));
    let tags = schema.tags.iter().filter(|tag| !grouped.contains(*tag)).map(|name| (name, Cast::Tag));
    let mut all: Vec<_> = fields.chain(tags.filter(|_| only != Some(Cast::Field))).collect();
    all.sort_by_key(|(name, cast)| (Arc::clone(name), *cast == Cast::Tag));
    let named = all.into_iter().filter(|(name, _)| matches(name));
    named
        .map(|(name, cast)| Column { expr: Expr::Reference { name: Arc::clone(name), cast: Some(cast) }, alias: None })
        .collect()
}

/// The call once for each field that it takes: `mean_hr_bpm`, `mean_lat`, ….
fn calls(column: &Column, name: &str, schema: &Schema, pattern: Option<&Pattern>) -> Vec<Column> {
    let called = column.alias.as_deref().unwrap_or(name);
    let of = innermost_name(&column.expr).unwrap_or(name);
    let taken = |kind: FieldType| match kind {
        FieldType::Float | FieldType::Integer => true,
        FieldType::String => matches!(of, "count" | "first" | "last" | "distinct" | "elapsed" | "mode"),
        FieldType::Boolean => {
            matches!(of, "count" | "first" | "last" | "distinct" | "elapsed" | "mode" | "min" | "max")
        }
    };
    let fields = schema.fields.iter().filter(|(_, kind)| taken(**kind)).map(|(field, _)| field);
    let matching = fields.filter(|field| pattern.is_none_or(|pattern| pattern.0.is_match(field)));
    matching
        .map(|field| Column {
            expr: with_innermost(&column.expr, field),
            alias: Some(Arc::from(format!("{called}_{field}"))),
        })
        .collect()
}

/// The first argument of the innermost of calls within calls.
fn innermost(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Call { arguments, .. } => match arguments.first()? {
            inner @ Expr::Call { .. } => innermost(inner),
            argument => Some(argument),
        },
        _ => None,
    }
}

fn innermost_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Call { name, arguments } => match arguments.first() {
            Some(inner @ Expr::Call { .. }) => innermost_name(inner),
            _ => Some(name),
        },
        _ => None,
    }
}

fn with_innermost(expr: &Expr, field: &Arc<str>) -> Expr {
    match expr {
        Expr::Call { name, arguments } => {
            let mut arguments = arguments.clone();
            if let Some(first) = arguments.first_mut() {
                *first = with_innermost(first, field);
            }
            Expr::Call { name: Arc::clone(name), arguments }
        }
        _ => Expr::Reference { name: Arc::clone(field), cast: Some(Cast::Field) },
    }
}

/// How the columns are called, the time first: aliases as they are, else the name of the function or field, with a
/// number where that is taken.
pub(crate) fn titles(time: &Arc<str>, columns: &[Column]) -> Vec<Arc<str>> {
    let mut taken: HashMap<Arc<str>, usize> =
        columns.iter().filter_map(|column| column.alias.clone()).map(|alias| (alias, 1)).collect();
    let mut titles = vec![Arc::clone(time)];
    titles.extend(columns.iter().map(|column| match &column.alias {
        Some(alias) => Arc::clone(alias),
        None => free(&mut taken, name_of(&column.expr)),
    }));
    titles
}

fn free(taken: &mut HashMap<Arc<str>, usize>, name: String) -> Arc<str> {
    let name: Arc<str> = Arc::from(name);
    let Some(mut count) = taken.get(&name).copied() else {
        taken.insert(Arc::clone(&name), 1);
        return name;
    };
    loop {
        let numbered: Arc<str> = Arc::from(format!("{name}_{count}"));
        if !taken.contains_key(&numbered) {
            taken.insert(name, count + 1);
            taken.insert(Arc::clone(&numbered), 1);
            return numbered;
        }
        count += 1;
    }
}

/// What a column without alias is called: functions and fields of an expression joined by `_`.
fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Call { name, .. } | Expr::Reference { name, .. } => name.to_string(),
        Expr::Parens(inner) => name_of(inner),
        Expr::Binary(_) => {
            let mut names = Vec::new();
            gather(expr, &mut names);
            names.join("_")
        }
        _ => String::new(),
    }
}

fn gather(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::Binary(binary) => {
            gather(&binary.left, names);
            gather(&binary.right, names);
        }
        Expr::Parens(inner) => gather(inner, names),
        Expr::Call { name, .. } | Expr::Reference { name, .. } => names.push(name.to_string()),
        _ => {}
    }
}

/// Looks that no text or truth value is counted with.
///
/// # Errors
///
/// [`Stop::Said`] with the two types.
pub(crate) fn check_types(expr: &Expr, schema: &Schema) -> Outcome<Option<FieldType>> {
    use super::schema::Meaning;
    match expr {
        Expr::Reference { name, cast } => Ok(match schema.meaning(name, *cast) {
            Meaning::Field(kind) => Some(kind),
            Meaning::Tag | Meaning::Unknown => None,
        }),
        Expr::Parens(inner) => check_types(inner, schema),
        Expr::Call { name, arguments } => {
            let argument = arguments.first().map_or(Ok(None), |argument| check_types(argument, schema))?;
            Ok(match Math::named(name) {
                Some(_) => argument.filter(|kind| matches!(kind, FieldType::Float | FieldType::Integer)),
                None => {
                    argument.and_then(|kind| Some(super::function::Function::of(name, arguments).ok()?.gives(kind)))
                }
            })
        }
        Expr::Binary(binary) => {
            let (left, right) = (check_types(&binary.left, schema)?, check_types(&binary.right, schema)?);
            let (Some(left), Some(right)) = (left, right) else {
                return Ok(None);
            };
            let number = |kind| matches!(kind, FieldType::Float | FieldType::Integer);
            if number(left) && number(right) {
                let whole = left == FieldType::Integer && right == FieldType::Integer;
                return Ok(Some(if whole { FieldType::Integer } else { FieldType::Float }));
            }
            if left == FieldType::Boolean && right == FieldType::Boolean {
                return Ok(Some(FieldType::Boolean));
            }
            let kind = |name: &str| schema.fields.get(name).map(|kind| kind.as_str());
            let text = super::spell::expr(expr, &kind);
            Err(Stop::Said(format!("type error: {text}: incompatible types: {left} and {right}")))
        }
        Expr::Literal(literal) => Ok(super::plan::constant(literal).field().map(|value| value.kind())),
        Expr::Pattern(_) | Expr::Wildcard(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, alias: Option<&str>) -> Column {
        Column { expr: Expr::Reference { name: Arc::from(name), cast: None }, alias: alias.map(Arc::from) }
    }

    #[test]
    fn names_that_are_taken_get_a_number() {
        let columns = [
            column("hr", None),
            column("hr", None),
            column("hr", Some("hr_1")),
            column("a", Some("x")),
            column("b", Some("x")),
        ];
        let titles = titles(&Arc::from("time"), &columns);
        let titles: Vec<_> = titles.iter().map(|title| &**title).collect();
        assert_eq!(titles, ["time", "hr", "hr_2", "hr_1", "x", "x"]);
    }
}
