//! Counts heap allocations on the path of a request: `cargo bench --bench allocations`.
//!
//! Exits with 1 when something allocates that must not: a known credential up to the permit, and every
//! refusal of the gate. The other rows tell what the parts around it cost.

use std::process::ExitCode;

mod counts;
mod rows;
#[expect(dead_code, reason = "other benches measure more of it")]
#[path = "../world/mod.rs"]
mod world;

fn main() -> ExitCode {
    let counts = rows::counts();
    println!("count at most  allocations on this thread");
    for count in &counts {
        println!("{count}");
    }
    if counts.iter().all(counts::Count::fits) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
