//! What there is to be read: the measurements of a statement, their fields and tags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::meter::{Meter, Outcome, Stop};
use super::{Context, POLICY, Sources};
use crate::ports::{FieldType, PointsView, SeriesId, SeriesKey};
use crate::trackers::livetracking::influxql::ast::{Cast, Measurement, Source};

/// A measurement of a database.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: Arc<str>,
    pub(crate) view: Arc<dyn PointsView>,
    pub(crate) fields: Vec<(Arc<str>, FieldType)>,
    pub(crate) series: Vec<(SeriesId, SeriesKey)>,
}

impl Table {
    /// The type of a field here.
    pub(crate) fn field(&self, name: &str) -> Option<FieldType> {
        let place = self.fields.binary_search_by(|(field, _)| (**field).cmp(name)).ok()?;
        self.fields.get(place).map(|(_, kind)| *kind)
    }
}

/// All that a statement reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    /// By name; one name can be there of several databases.
    pub(crate) tables: Vec<Table>,
    /// Every field, with the type that all tables together make of it.
    pub(crate) fields: BTreeMap<Arc<str>, FieldType>,
    pub(crate) tags: BTreeSet<Arc<str>>,
}

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A field, as a value of that type.
    Field(FieldType),
    Tag,
    Unknown,
}

impl Schema {
    /// Looks up the sources of a statement.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] if a database or retention policy is not there.
    pub(crate) fn of(
        from: &[Source],
        sources: &dyn Sources,
        context: &Context<'_>,
        meter: &Meter<'_>,
    ) -> Outcome<Self> {
        let mut schema = Self::default();
        let mut seen = BTreeSet::new();
        for source in from {
            let database = source.database.as_deref().unwrap_or(context.database);
            let view = open(database, sources)?;
            check_policy(source.retention_policy.as_deref().unwrap_or(context.retention_policy))?;
            let measurements = match &source.measurement {
                Measurement::Name(name) => vec![Arc::clone(name)],
                Measurement::Pattern(pattern) => {
                    view.measurements().into_iter().filter(|name| pattern.0.is_match(name)).collect()
                }
            };
            for name in measurements {
                if seen.insert((database.to_owned(), Arc::clone(&name))) {
                    schema.add(name, &view, meter)?;
                }
            }
        }
        schema.tables.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(schema)
    }

    /// What a name means, with its cast.
    pub(crate) fn meaning(&self, name: &str, cast: Option<Cast>) -> Meaning {
        let field = self.fields.get(name).map_or(Meaning::Unknown, |kind| Meaning::Field(*kind));
        let tag = if self.tags.contains(name) { Meaning::Tag } else { Meaning::Unknown };
        let typed = |kind| if field == Meaning::Unknown { Meaning::Unknown } else { Meaning::Field(kind) };
        match cast {
            None if field == Meaning::Unknown => tag,
            None | Some(Cast::Field) => field,
            Some(Cast::Tag) => tag,
            Some(Cast::Boolean) => typed(FieldType::Boolean),
            Some(Cast::Float) => typed(FieldType::Float),
            Some(Cast::Integer) => typed(FieldType::Integer),
            Some(Cast::String) => typed(FieldType::String),
        }
    }

    fn add(&mut self, name: Arc<str>, view: &Arc<dyn PointsView>, meter: &Meter<'_>) -> Outcome<()> {
        let table = Table { fields: view.fields(&name), series: view.series(&name), view: Arc::clone(view), name };
        meter.hold(table.series.iter().map(|(_, key)| held(key)).sum())?;
        for (field, kind) in &table.fields {
            let known = self.fields.entry(Arc::clone(field)).or_insert(*kind);
            if precedence(*kind) < precedence(*known) {
                *known = *kind;
            }
        }
        self.tags.extend(table.series.iter().flat_map(|(_, key)| key.tags.iter()).map(|(tag, _)| Arc::clone(tag)));
        self.tables.push(table);
        Ok(())
    }
}

/// The points of a database.
///
/// # Errors
///
/// [`Stop::Said`] if none is named, or it is not there.
pub(crate) fn open(database: &str, sources: &dyn Sources) -> Outcome<Arc<dyn PointsView>> {
    if database.is_empty() {
        return Err(Stop::said("database name required"));
    }
    sources.view(database).ok_or_else(|| Stop::Said(format!("database not found: {database}")))
}

/// Looks whether there is that retention policy.
///
/// # Errors
///
/// [`Stop::Said`] if not.
pub(crate) fn check_policy(policy: &str) -> Outcome<()> {
    if policy.is_empty() || policy == POLICY {
        return Ok(());
    }
    Err(Stop::Said(format!("retention policy not found: {policy}")))
}

/// Bytes of a key, about.
fn held(key: &SeriesKey) -> usize {
    64 + key.tags.iter().map(|(tag, value)| 32 + tag.len() + value.len()).sum::<usize>()
}

/// Which type wins where measurements differ: the first.
fn precedence(kind: FieldType) -> u8 {
    match kind {
        FieldType::Float => 0,
        FieldType::Integer => 1,
        FieldType::String => 2,
        FieldType::Boolean => 3,
    }
}
