//! `SELECT`.

use super::group::groups;
use super::into::Into;
use super::meter::{Meter, Outcome};
use super::plan::{self, Plan};
use super::rows::rows;
use super::schema::Schema;
use super::sink::Sink;
use super::stream::Stream;
use super::table::table;
use super::{Context, Sources};
use crate::trackers::livetracking::influxql::ast::Select;

/// Runs a `SELECT`; gives warnings. `text` is the statement as warnings show it.
///
/// # Errors
///
/// [`Stop`](super::meter::Stop), with the original's text where it has one.
pub(crate) fn select(
    select: &Select,
    text: &str,
    sources: &dyn Sources,
    context: &Context<'_>,
    meter: &Meter<'_>,
    stream: &mut Stream<'_>,
) -> Outcome<Vec<String>> {
    let draft = plan::draft(select, context.now)?;
    let schema = Schema::of(&select.from, sources, context, meter)?;
    let plan = draft.plan(select, &schema, context.now)?;
    let series = (select.series_limit, select.series_offset);
    let Some(target) = &select.into else {
        run(&plan, &schema, series, meter, stream)?;
        return Ok(Vec::new());
    };
    let mut into = Into::new(target, sources, context, meter)?;
    run(&plan, &schema, series, meter, &mut into)?;
    into.finish(stream)?;
    if !context.read_only {
        return Ok(Vec::new());
    }
    Ok(vec![format!("deprecated use of '{text}' in a read only context, please use a POST request instead")])
}

fn run(plan: &Plan, schema: &Schema, series: (u64, u64), meter: &Meter<'_>, sink: &mut dyn Sink) -> Outcome<()> {
    if plan.is_void() || plan.buckets.first > plan.buckets.last {
        return Ok(());
    }
    if !schema.tables.iter().all(|table| table.series.is_empty()) {
        plan.calls.iter().try_for_each(plan::Call::check)?;
    }
    let held = meter.held();
    for group in groups(plan, schema, series, meter)? {
        if plan.raw {
            rows(plan, &group, meter, sink)?;
        } else {
            table(plan, &group, meter, sink)?;
        }
        meter.release_to(held);
    }
    Ok(())
}
