//! `SHOW …`: what there is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::condition;
use super::group::tags_hold;
use super::keys;
use super::meter::{Meter, Outcome, Stop};
use super::schema::{Schema, Table, open};
use super::stream::{Spread, Stream};
use super::value::Value;
use super::writer::Head;
use super::{Context, POLICY, Sources};
use crate::trackers::livetracking::influxql::ast::{
    Expr, Measurement, Operator, Pattern, Show, Shown, Source, TagKeys,
};

/// Lists what is asked for.
///
/// # Errors
///
/// [`Stop`], with the original's text where it has one.
pub(crate) fn show(
    show: &Show,
    sources: &dyn Sources,
    context: &Context<'_>,
    meter: &Meter<'_>,
    stream: &mut Stream<'_>,
) -> Outcome<()> {
    let lister = Lister { show, sources, context, meter };
    match &show.what {
        Shown::Databases => databases(sources, stream),
        Shown::FieldKeys => lister.field_keys(stream),
        Shown::Measurements(which) => lister.measurements(which.as_ref(), stream),
        Shown::RetentionPolicies => lister.retention_policies(stream),
        Shown::Series => lister.series(stream),
        Shown::TagKeys => lister.tag_keys(stream),
        Shown::TagValues(keys) => lister.tag_values(keys, stream),
    }
}

struct Lister<'a> {
    show: &'a Show,
    sources: &'a dyn Sources,
    context: &'a Context<'a>,
    meter: &'a Meter<'a>,
}

impl Lister<'_> {
    fn field_keys(&self, stream: &mut Stream<'_>) -> Outcome<()> {
        for table in self.schema()?.tables {
            let keys =
                table.fields.iter().map(|(name, kind)| [Value::String(Arc::clone(name)), Value::text(kind.as_str())]);
            list(stream, &table.name, &["fieldKey", "fieldType"], self.limited(keys))?;
        }
        Ok(())
    }

    fn measurements(&self, which: Option<&Measurement>, stream: &mut Stream<'_>) -> Outcome<()> {
        stream.spread(Spread::Whole);
        let database = self.database();
        if database.is_empty() {
            return Err(Stop::said("database name required"));
        }
        if self.sources.view(database).is_none() {
            return Ok(());
        }
        let filter = self.filter()?;
        let wanted = |name: &str| match which {
            None => true,
            Some(Measurement::Name(wanted)) => **wanted == *name,
            Some(Measurement::Pattern(pattern)) => pattern.0.is_match(name),
        };
        let tables = self.schema()?.tables;
        let listed = tables.iter().filter(|table| {
            wanted(&table.name)
                && table
                    .series
                    .iter()
                    .any(|(_, key)| filter.as_ref().is_none_or(|filter| tags_hold(filter, table, key)))
        });
        let names = listed.map(|table| [Value::String(Arc::clone(&table.name))]);
        list(stream, "measurements", &["name"], self.limited(names))
    }

    fn retention_policies(&self, stream: &mut Stream<'_>) -> Outcome<()> {
        stream.spread(Spread::Whole);
        open(self.database(), self.sources)?;
        let kept = self.sources.retention().map_or(0, |kept| kept.as_secs());
        let duration = if kept == 0 { "0s".to_owned() } else { clock(kept) };
        let row = [
            Value::text(POLICY),
            Value::String(Arc::from(duration)),
            Value::text("1h0m0s"),
            Value::Integer(1),
            Value::Boolean(true),
        ];
        let columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"];
        list(stream, "", &columns, std::iter::once(row))
    }

    fn series(&self, stream: &mut Stream<'_>) -> Outcome<()> {
        let filter = self.filter()?;
        let tables = self.schema()?.tables;
        let there = tables.iter().flat_map(|table| chosen(table, filter.as_ref()));
        let keys = there.map(|key| [Value::String(Arc::from(keys::series(key)))]);
        list(stream, "", &["key"], self.limited(keys))
    }

    fn tag_keys(&self, stream: &mut Stream<'_>) -> Outcome<()> {
        stream.spread(Spread::Apart);
        let filter = self.filter()?;
        for table in self.schema()?.tables {
            let tags = chosen(&table, filter.as_ref()).flat_map(|key| key.tags.iter());
            let keys: BTreeSet<_> = tags.map(|(key, _)| Arc::clone(key)).collect();
            let keys = keys.into_iter().map(|key| [Value::String(key)]);
            list(stream, &table.name, &["tagKey"], self.limited(keys))?;
        }
        Ok(())
    }

    fn tag_values(&self, keys: &TagKeys, stream: &mut Stream<'_>) -> Outcome<()> {
        stream.spread(Spread::Apart);
        let filter = self.filter()?;
        let wanted = |key: &str| match keys {
            TagKeys::In(names) => names.iter().any(|name| **name == *key),
            TagKeys::Is(name) => **name == *key,
            TagKeys::IsNot(name) => **name != *key,
            TagKeys::Match(Pattern(pattern)) => pattern.is_match(key),
            TagKeys::NoMatch(Pattern(pattern)) => !pattern.is_match(key),
        };
        for table in self.schema()?.tables {
            let tags = chosen(&table, filter.as_ref()).flat_map(|key| key.tags.iter());
            let values: BTreeSet<_> = tags.filter(|(key, _)| wanted(key)).cloned().collect();
            let values = values.into_iter().map(|(key, value)| [Value::String(key), Value::String(value)]);
            list(stream, &table.name, &["key", "value"], self.limited(values))?;
        }
        Ok(())
    }

    fn database(&self) -> &str {
        let named = self.show.from.iter().find_map(|source| source.database.as_deref());
        named.or(self.show.database.as_deref()).unwrap_or(self.context.database)
    }

    /// The measurements that are meant, all if none is named.
    fn schema(&self) -> Outcome<Schema> {
        let database = Some(Arc::from(self.database()));
        let mut from = self.show.from.clone();
        if from.is_empty() {
            let every = regex::Regex::new("").map_err(|error| Stop::Said(error.to_string()))?;
            from.push(Source {
                database: None,
                retention_policy: None,
                measurement: Measurement::Pattern(Pattern(every)),
            });
        }
        for source in &mut from {
            source.database.clone_from(&database);
        }
        let context = Context { retention_policy: "", ..*self.context };
        let mut schema = Schema::of(&from, self.sources, &context, self.meter)?;
        schema.tables.retain(|table| !table.series.is_empty());
        Ok(schema)
    }

    /// What is asked of tags.
    fn filter(&self) -> Outcome<Option<Expr>> {
        let condition = condition::split(self.show.filter.as_ref(), self.context.now, None)?;
        condition.rest.as_ref().map_or(Ok(()), check)?;
        Ok(condition.rest)
    }

    fn limited<T>(&self, all: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        let most = if self.show.limit == 0 { u64::MAX } else { self.show.limit };
        all.skip(usize::try_from(self.show.offset).unwrap_or(usize::MAX))
            .take(usize::try_from(most).unwrap_or(usize::MAX))
    }
}

/// Conditions of tags compare for equality, or with patterns.
fn check(expr: &Expr) -> Outcome<()> {
    match expr {
        Expr::Binary(binary) => match binary.operator {
            Operator::And | Operator::Or => {
                check(&binary.left)?;
                check(&binary.right)
            }
            Operator::Equal | Operator::NotEqual | Operator::Match | Operator::NoMatch => Ok(()),
            _ => Err(Stop::said("invalid tag comparison operator")),
        },
        Expr::Parens(inner) => check(inner),
        _ => Ok(()),
    }
}

fn databases(sources: &dyn Sources, stream: &mut Stream<'_>) -> Outcome<()> {
    stream.spread(Spread::Whole);
    stream.table(head("databases", &["name"]))?;
    sources.databases().into_iter().try_for_each(|name| stream.row(&[Value::String(name)]))
}

/// The series of a measurement whose tags are as asked.
fn chosen<'t>(table: &'t Table, filter: Option<&'t Expr>) -> impl Iterator<Item = &'t crate::ports::SeriesKey> {
    let keys = table.series.iter().map(|(_, key)| key);
    keys.filter(move |key| filter.is_none_or(|filter| tags_hold(filter, table, key)))
}

/// Writes a table, unless it would be empty.
fn list<const N: usize>(
    stream: &mut Stream<'_>,
    name: &str,
    columns: &[&str; N],
    rows: impl Iterator<Item = [Value; N]>,
) -> Outcome<()> {
    let mut head = Some(head(name, columns));
    for row in rows {
        if let Some(head) = head.take() {
            stream.table(head)?;
        }
        stream.row(&row)?;
    }
    Ok(())
}

fn head(name: &str, columns: &[&str]) -> Head {
    Head {
        name: Arc::from(name),
        columns: columns.iter().map(|column| Arc::from(*column)).collect(),
        ..Head::default()
    }
}

/// Seconds as `8h0m0s`.
fn clock(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}
