//! Whatever is asked, the parser of `InfluxQL` ends without a panic and makes no statement out of a text.
//!
//! A line of JSON before a NUL is the parameters.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "only the parser is tried, without the query engine")]
#[path = "../../src/trackers/livetracking/influxql/mod.rs"]
mod influxql;

use influxql::{Params, parse};

fuzz_target!(|text: &str| {
    let (params, query) = text.split_once('\0').unwrap_or(("", text));
    let Ok(params) = Params::parse(params) else { return };
    let Ok(statements) = parse(query, Some(&params)) else { return };
    let most = 1 + query.matches(';').count();
    assert!(statements.len() <= most, "{} statements of {most}", statements.len());
    for statement in statements {
        // What is printed is read again without a panic, also where the original prints what it cannot read.
        drop(parse(&statement.text, None));
    }
});
