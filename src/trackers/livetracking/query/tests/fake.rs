//! Points in plain lists, for tests of queries.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trackgate_schemes::store::StoreError;

use super::super::Sources;
use crate::ports::{Batch, FieldType, FieldValue, PointsView, ScanOrder, SeriesId, SeriesKey, Slice, Values};

/// Values of a field of a series by their instants.
type Cells = BTreeMap<i64, FieldValue>;

/// A database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    pub(crate) series: BTreeMap<SeriesKey, BTreeMap<Arc<str>, Cells>>,
    /// How many values a slice has at most.
    pub(crate) slice: usize,
}

impl Fake {
    /// Reads lines of the protocol; of its escapes only those that the tests use.
    pub(crate) fn read(lines: &str, slice: usize) -> Self {
        let mut fake = Self { slice, ..Self::default() };
        for line in lines.lines() {
            let (key, rest) = split(line, ' ');
            let (fields, at) = rest.trim_start().rsplit_once(' ').unwrap();
            let mut parts = parts(key, ',').into_iter();
            let measurement = Arc::from(parts.next().unwrap().as_str());
            let tags: Vec<(Arc<str>, Arc<str>)> = parts
                .map(|part| {
                    let (name, value) = part.split_once('=').unwrap();
                    (Arc::from(name), Arc::from(value.replace('\\', "")))
                })
                .collect();
            let series = fake.series.entry(SeriesKey { measurement, tags: Arc::from(tags) }).or_default();
            for field in self::parts(fields, ',') {
                let (name, value) = field.split_once('=').unwrap();
                series.entry(Arc::from(name)).or_default().insert(at.parse().unwrap(), value_of(value));
            }
        }
        fake
    }

    fn cells(&self, series: SeriesId, field: &str) -> Option<&Cells> {
        self.series.values().nth(usize::try_from(series.0).unwrap())?.get(field)
    }
}

fn split(text: &str, separator: char) -> (&str, &str) {
    let mut escaped = false;
    let mut quoted = false;
    for (place, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            other if other == separator && !quoted => return text.split_at(place),
            _ => {}
        }
    }
    (text, "")
}

fn parts(text: &str, separator: char) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, behind) = split(rest, separator);
        parts.push(part.to_owned());
        rest = behind.strip_prefix(separator).unwrap_or_default();
    }
    parts
}

fn value_of(text: &str) -> FieldValue {
    if let Some(text) = text.strip_prefix('"') {
        return FieldValue::String(Arc::from(text.strip_suffix('"').unwrap().replace("\\\"", "\"")));
    }
    match text {
        "true" => FieldValue::Boolean(true),
        "false" => FieldValue::Boolean(false),
        text => match text.strip_suffix('i') {
            Some(digits) => FieldValue::Integer(digits.parse().unwrap()),
            None => FieldValue::Float(text.parse().unwrap()),
        },
    }
}

impl PointsView for Fake {
    fn measurements(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.series.keys().map(|key| Arc::clone(&key.measurement)).collect();
        names.dedup();
        names
    }

    fn fields(&self, measurement: &str) -> Vec<(Arc<str>, FieldType)> {
        let of = self.series.iter().filter(|(key, _)| *key.measurement == *measurement);
        let fields = of
            .flat_map(|(_, fields)| fields)
            .filter_map(|(name, cells)| Some((Arc::clone(name), cells.values().next()?.kind())));
        let by_name: BTreeMap<_, _> = fields.collect();
        by_name.into_iter().collect()
    }

    fn series(&self, measurement: &str) -> Vec<(SeriesId, SeriesKey)> {
        let numbered = (0..).map(SeriesId).zip(self.series.keys().cloned());
        numbered.filter(|(_, key)| *key.measurement == *measurement).collect()
    }

    fn scan(
        &self,
        series: SeriesId,
        field: &str,
        range: RangeInclusive<i64>,
        order: ScanOrder,
        visit: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let cells = self.cells(series, field);
        let cells: Vec<_> = cells.map(|cells| cells.range(range).collect()).unwrap_or_default();
        let mut slices: Vec<_> = cells.chunks(self.slice.max(1)).collect();
        if order == ScanOrder::Descending {
            slices.reverse();
        }
        for slice in slices {
            let times: Vec<_> = slice.iter().map(|(at, _)| **at).collect();
            if show(&times, slice, visit).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn show(
    times: &[i64],
    cells: &[(&i64, &FieldValue)],
    visit: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let values = || cells.iter().map(|(_, value)| *value);
    match values().next().unwrap().kind() {
        FieldType::Boolean => {
            let all: Vec<_> = values().map(|value| *value == FieldValue::Boolean(true)).collect();
            visit(Slice { times, values: Values::Boolean(&all) })
        }
        FieldType::Float => {
            let all: Vec<_> = values()
                .filter_map(|value| if let FieldValue::Float(value) = value { Some(*value) } else { None })
                .collect();
            visit(Slice { times, values: Values::Float(&all) })
        }
        FieldType::Integer => {
            let all: Vec<_> = values()
                .filter_map(|value| if let FieldValue::Integer(value) = value { Some(*value) } else { None })
                .collect();
            visit(Slice { times, values: Values::Integer(&all) })
        }
        FieldType::String => {
            let all: Vec<_> = values()
                .filter_map(|value| if let FieldValue::String(value) = value { Some(Arc::clone(value)) } else { None })
                .collect();
            visit(Slice { times, values: Values::String(&all) })
        }
    }
}

/// One database, `t`, and what was done to it.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    pub(crate) t: Arc<Fake>,
    pub(crate) written: Mutex<Vec<Batch>>,
    pub(crate) deleted: Mutex<Vec<(Vec<SeriesKey>, RangeInclusive<i64>)>>,
}

impl Sources for Databases {
    fn view(&self, database: &str) -> Option<Arc<dyn PointsView>> {
        (database == "t").then(|| Arc::clone(&self.t) as Arc<dyn PointsView>)
    }

    fn databases(&self) -> Vec<Arc<str>> {
        vec![Arc::from("t")]
    }

    fn retention(&self) -> Option<Duration> {
        None
    }

    fn write(&self, _: &str, batch: Batch) -> Result<(), String> {
        self.written.lock().unwrap().push(batch);
        Ok(())
    }

    fn delete(&self, _: &str, series: Vec<SeriesKey>, range: RangeInclusive<i64>) -> Result<(), String> {
        self.deleted.lock().unwrap().push((series, range));
        Ok(())
    }
}
