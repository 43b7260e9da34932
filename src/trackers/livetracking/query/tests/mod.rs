//! Answers of the original, byte for byte, and what is our own.
//!
//! `points.txt` was given to an `InfluxDB` 1.6.7 as line protocol, with a retention policy `livetracking` that keeps
//! points for ever in shards of one hour. `measured.jsonl` holds what was asked, when, and what came back.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;
use crate::ports::Row;
use crate::trackers::livetracking::influxql::parse;

mod bounds;
mod changes;
mod fake;

use fake::{Databases, Fake};

const POINTS: &str = include_str!("points.txt");
const MEASURED: &str = include_str!("measured.jsonl");

fn databases(slice: usize) -> Databases {
    Databases { t: Arc::new(Fake::read(POINTS, slice)), ..Databases::default() }
}

fn context(now: i64, cancelled: &AtomicBool) -> Context<'_> {
    let budget = Budget { time: Duration::from_mins(1), bytes: 64 << 20 };
    Context { now, database: "t", retention_policy: "", budget, cancelled, read_only: true }
}

fn ask(query: &str, databases: &Databases, context: &Context<'_>, output: Output) -> Vec<u8> {
    let mut body = Vec::new();
    let statements = parse(query, None).unwrap();
    answer(&statements, databases, context, output, &mut |piece| {
        body.extend_from_slice(&piece);
        ControlFlow::Continue(())
    });
    body
}

fn asked(query: &str) -> String {
    let cancelled = AtomicBool::new(false);
    let output = Output { epoch: Epoch::Seconds, ..Output::default() };
    String::from_utf8(ask(query, &databases(3), &context(1_795_330_000_000_000_000, &cancelled), output)).unwrap()
}

#[test]
fn answers_are_those_of_the_original() {
    let mut wrong = Vec::new();
    for slice in [1, 5, 1000] {
        let databases = databases(slice);
        for line in MEASURED.lines() {
            let measured: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| measured.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
            let (database, policy) = (text("db"), text("rp"));
            let cancelled = AtomicBool::new(false);
            let context = Context {
                database: if measured.get("db").is_some() { &database } else { "t" },
                retention_policy: &policy,
                ..context(measured["now"].as_i64().unwrap(), &cancelled)
            };
            let format = match text("accept").as_str() {
                "application/csv" | "text/csv" => Format::Csv,
                "application/x-msgpack" => Format::Msgpack,
                _ if text("pretty") == "true" => Format::JsonPretty,
                _ => Format::Json,
            };
            let chunk = text("chunk_size").parse().ok().filter(|_| text("chunked") == "true");
            let output = Output { format, epoch: Epoch::from_parameter(&text("epoch")), chunk };
            let body = ask(&text("q"), &databases, &context, output);
            let (got, expected) = if format == Format::Msgpack {
                (hex(&body), text("hex"))
            } else {
                (String::from_utf8(body).unwrap(), text("body"))
            };
            if got != expected {
                wrong.push(format!("{line}\n  slices of {slice}, got: {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
