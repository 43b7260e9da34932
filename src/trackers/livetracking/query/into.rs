//! `SELECT … INTO`: rows become points.

use std::collections::HashMap;
use std::sync::Arc;

use super::meter::{Meter, Outcome, Stop};
use super::schema::{check_policy, open};
use super::sink::Sink;
use super::stream::Stream;
use super::value::Value;
use super::writer::Head;
use super::{Context, Sources};
use crate::ports::{Batch, Row, SeriesKey};
use crate::trackers::livetracking::influxql::ast::{Measurement, Source};

/// Points that are stored together.
const TOGETHER: usize = 10_000;

/// Takes rows and stores them.
pub(crate) struct Into<'a> {
    sources: &'a dyn Sources,
    meter: &'a Meter<'a>,
    database: String,
    /// The measurement; none for that of the source.
    measurement: Option<Arc<str>>,
    batch: Batch,
    places: HashMap<Arc<str>, u32>,
    /// The columns of the table behind its time.
    columns: Vec<Arc<str>>,
    written: i64,
    held: usize,
}

impl std::fmt::Debug for Into<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Into").field("written", &self.written).finish_non_exhaustive()
    }
}

impl<'a> Into<'a> {
    /// Stores in that measurement.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] if the database or the retention policy is not there.
    pub(crate) fn new(
        target: &Source,
        sources: &'a dyn Sources,
        context: &Context<'_>,
        meter: &'a Meter<'a>,
    ) -> Outcome<Self> {
        let database = target.database.as_deref().unwrap_or(context.database);
        open(database, sources)?;
        check_policy(target.retention_policy.as_deref().unwrap_or_default())?;
        let measurement = match &target.measurement {
            Measurement::Name(name) if !name.is_empty() => Some(Arc::clone(name)),
            _ => None,
        };
        Ok(Self {
            sources,
            meter,
            database: database.to_owned(),
            measurement,
            batch: Batch::default(),
            places: HashMap::new(),
            columns: Vec::new(),
            written: 0,
            held: meter.held(),
        })
    }

    /// Stores the rest and shows how many points there were.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] if they cannot be stored.
    pub(crate) fn finish(mut self, stream: &mut Stream<'_>) -> Outcome<()> {
        self.flush()?;
        let head = Head {
            name: Arc::from("result"),
            columns: vec![Arc::from("time"), Arc::from("written")],
            ..Head::default()
        };
        stream.table(head)?;
        stream.row(&[Value::Time(0), Value::Integer(self.written)])
    }

    fn flush(&mut self) -> Outcome<()> {
        if self.batch.rows.is_empty() {
            return Ok(());
        }
        let series = self.batch.series.last().cloned();
        let batch = std::mem::take(&mut self.batch);
        self.places.clear();
        self.sources.write(&self.database, batch).map_err(Stop::Said)?;
        self.meter.release_to(self.held);
        self.batch.series.extend(series);
        Ok(())
    }

    fn place(&mut self, column: &Arc<str>) -> u32 {
        if let Some(place) = self.places.get(column) {
            return *place;
        }
        let place = u32::try_from(self.batch.fields.len()).unwrap_or(u32::MAX);
        self.batch.fields.push(Arc::clone(column));
        self.places.insert(Arc::clone(column), place);
        place
    }
}

impl Sink for Into<'_> {
    fn table(&mut self, head: Head) -> Outcome<()> {
        let tags: Vec<_> = head.tags.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let measurement = self.measurement.clone().unwrap_or(head.name);
        self.flush()?;
        self.batch.series = vec![SeriesKey { measurement, tags: Arc::from(tags) }];
        self.columns = head.columns.into_iter().skip(1).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[Value]) -> Outcome<()> {
        let Some((Value::Time(at), values)) = cells.split_first() else {
            return Ok(());
        };
        let mut many = 0;
        for (column, value) in self.columns.clone().iter().zip(values) {
            if let Some(field) = value.field() {
                self.meter.hold(32 + value.held())?;
                let place = self.place(column);
                self.batch.cells.push((place, field));
                many += 1;
            }
        }
        if many == 0 {
            return Ok(());
        }
        let series = u32::try_from(self.batch.series.len().saturating_sub(1)).unwrap_or(0);
        self.batch.rows.push(Row { series, at: *at, cells: many });
        self.written += 1;
        if self.batch.rows.len() >= TOGETHER { self.flush() } else { Ok(()) }
    }
}
