//! Queries: statements in, tables out (contract section 7).
//!
//! [`answer`] runs the statements of a request one after the other over the points of an account and gives the
//! body in pieces, as JSON, CSV or msgpack. It blocks; whoever calls it gives it a thread of its own. What it takes
//! is bounded by a [`Budget`], and it ends when the client has gone.
//!
//! What differs from the original on purpose:
//!
//! - What a request holds and how long it runs is bounded, and so is the number of buckets that `fill` makes up.
//! - Numbers that JSON has no word for (`-Inf`) are `null`; there, the original breaks off.
//! - Without a lower bound, buckets begin with the first point also if they have an offset.
//! - Which columns `*` means depends on the whole measurement, not on the hours that are asked for.

use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;

use crate::ports::{Batch, PointsView, SeriesKey};
use crate::trackers::livetracking::influxql::Parsed;
use crate::trackers::livetracking::influxql::ast::{Budget, Statement};

mod bucket;
mod check;
mod column;
mod columns;
mod condition;
mod csv;
mod delete;
mod fill;
mod fold;
mod function;
mod gather;
mod group;
mod heap;
mod into;
mod json;
mod keys;
mod merge;
mod meter;
mod msgpack;
mod node;
mod number;
mod output;
mod part;
mod plan;
mod point;
mod reduce;
mod rows;
mod schema;
mod select;
mod show;
mod sink;
mod spell;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod transform;
mod value;
mod writer;

pub(crate) use output::{Epoch, Format, Output};

use meter::{Meter, Outcome, Stop};
use stream::Stream;
use writer::Ending;

/// The one retention policy.
const POLICY: &str = "livetracking";

/// What queries ask of whoever holds the data.
pub(crate) trait Sources {
    /// The points of a database now; `None` if there is no such database.
    fn view(&self, database: &str) -> Option<Arc<dyn PointsView>>;

    /// The databases that the caller may read, in the order in which they are listed.
    fn databases(&self) -> Vec<Arc<str>>;

    /// How long points are kept; `None` for ever.
    fn retention(&self) -> Option<Duration>;

    /// Stores what `SELECT … INTO` gives. Blocks.
    ///
    /// # Errors
    ///
    /// What the client is told.
    fn write(&self, database: &str, batch: Batch) -> Result<(), String>;

    /// Deletes the points that these series have within a range of time. Blocks.
    ///
    /// # Errors
    ///
    /// What the client is told.
    fn delete(&self, database: &str, series: Vec<SeriesKey>, range: RangeInclusive<i64>) -> Result<(), String>;
}

/// What a request brings besides its statements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// Nanoseconds since 1970 (UTC).
    pub(crate) now: i64,
    /// The database that is meant where none is named; empty for none.
    pub(crate) database: &'a str,
    /// The retention policy that is meant where none is named; empty for the default one.
    pub(crate) retention_policy: &'a str,
    /// What the request may take.
    pub(crate) budget: Budget,
    /// Set when the client has gone.
    pub(crate) cancelled: &'a AtomicBool,
    /// Whether the request should change nothing; one that does is warned of.
    pub(crate) read_only: bool,
}

/// Runs statements, and gives the body of the answer in pieces as long as `emit` goes on. What goes wrong stands in
/// the body. Blocks.
pub(crate) fn answer(
    statements: &[Parsed],
    sources: &dyn Sources,
    context: &Context<'_>,
    output: Output,
    emit: &mut dyn FnMut(Bytes) -> ControlFlow<()>,
) {
    let meter = Meter::new(context.budget, context.cancelled);
    let stream = Stream::new(output, &meter, emit);
    // Whoever has gone is told nothing.
    let (Ok(()) | Err(_)) = run(statements, sources, context, &meter, stream);
}

/// The body of an answer that is an error as a whole.
pub(crate) fn error_body(format: Format, message: &str) -> Bytes {
    Bytes::from(match format {
        Format::Csv => csv::error(message),
        Format::Json => json::error(json::Layout::Compact, message),
        Format::JsonPretty => json::error(json::Layout::Pretty, message),
        Format::Msgpack => msgpack::error(message),
    })
}

fn run(
    statements: &[Parsed],
    sources: &dyn Sources,
    context: &Context<'_>,
    meter: &Meter<'_>,
    mut stream: Stream<'_>,
) -> Outcome<()> {
    for (id, parsed) in statements.iter().enumerate() {
        stream.statement(id);
        let error = match statement(parsed, sources, context, meter, &mut stream) {
            Ok(messages) => {
                stream.end_statement(&Ending { messages, ..Ending::default() })?;
                continue;
            }
            Err(Stop::Gone) => return Err(Stop::Gone),
            Err(Stop::Said(error)) => error,
        };
        let behind = statements.len() - id - 1;
        stream.fail(error, id, behind)?;
        break;
    }
    stream.end()
}

/// Runs a statement; gives warnings.
fn statement(
    parsed: &Parsed,
    sources: &dyn Sources,
    context: &Context<'_>,
    meter: &Meter<'_>,
    stream: &mut Stream<'_>,
) -> Outcome<Vec<String>> {
    meter.look()?;
    match &parsed.statement {
        Statement::Admin(what) => Err(Stop::Said(format!("{what} is not supported"))),
        Statement::Delete(delete) => delete::delete(delete, sources, context, meter).map(|()| Vec::new()),
        Statement::Invalid(error) => Err(Stop::said(error)),
        Statement::Select(select) => select::select(select, &parsed.text, sources, context, meter, stream),
        Statement::Show(show) => show::show(show, sources, context, meter, stream).map(|()| Vec::new()),
    }
}
