//! `DELETE` and `DROP SERIES`: which series lose which points.

use super::condition;
use super::group::tags_hold;
use super::meter::{Meter, Outcome, Stop};
use super::schema::{Schema, Table};
use super::time::{FIRST, LAST};
use super::{Context, Sources};
use crate::trackers::livetracking::influxql::ast::{Delete, Expr, Measurement, Pattern, Source};

/// Deletes.
///
/// # Errors
///
/// [`Stop::Said`] if a condition is not of tags and time alone, or the points cannot be deleted.
pub(crate) fn delete(delete: &Delete, sources: &dyn Sources, context: &Context<'_>, meter: &Meter<'_>) -> Outcome<()> {
    let database = context.database;
    if sources.view(database).is_none() {
        return Err(Stop::Said(format!("database not found: {database}")));
    }
    let condition = condition::split(delete.filter.as_ref(), context.now, None)?;
    let mut from = delete.from.clone();
    if from.is_empty() {
        let every = regex::Regex::new("").map_err(|error| Stop::Said(error.to_string()))?;
        from.push(Source { database: None, retention_policy: None, measurement: Measurement::Pattern(Pattern(every)) });
    }
    let schema = Schema::of(&from, sources, &Context { retention_policy: "", ..*context }, meter)?;
    let mut series = Vec::new();
    for table in &schema.tables {
        if condition.rest.as_ref().is_some_and(|rest| names_field(rest, table)) {
            return Err(Stop::said("fields not supported in WHERE clause during deletion"));
        }
        let keys = table.series.iter().map(|(_, key)| key);
        let chosen = keys.filter(|key| condition.rest.as_ref().is_none_or(|rest| tags_hold(rest, table, key)));
        series.extend(chosen.cloned());
    }
    if series.is_empty() {
        return Ok(());
    }
    let range = condition.bounds.first.unwrap_or(FIRST)..=condition.bounds.last.unwrap_or(LAST);
    if range.is_empty() {
        return Ok(());
    }
    sources.delete(database, series, range).map_err(Stop::Said)
}

fn names_field(expr: &Expr, table: &Table) -> bool {
    match expr {
        Expr::Binary(binary) => names_field(&binary.left, table) || names_field(&binary.right, table),
        Expr::Parens(inner) => names_field(inner, table),
        Expr::Call { arguments, .. } => arguments.iter().any(|argument| names_field(argument, table)),
        Expr::Reference { name, .. } => table.field(name).is_some(),
        Expr::Literal(_) | Expr::Pattern(_) | Expr::Wildcard(_) => false,
    }
}
