//! What the parts of a request's path take by the clock: `cargo bench --bench parts`, with a filter behind `--`.
//!
//! `README.md` beside this file tells what each row is. Of a row the fastest run counts, for whatever else the
//! machine does only adds to it.
#![expect(clippy::unwrap_used, reason = "what is measured is made by hand: it cannot fail, or the figure is void")]

mod gate;
mod headers;
mod parsing;
mod policies;
mod routes;
mod schemes;
#[path = "../world/mod.rs"]
mod world;

fn main() {
    divan::main();
}

/// Calls between two looks at the clock, which takes 30 ns itself.
const CALLS: u32 = 200;

const SAMPLES: u32 = 1_000;
