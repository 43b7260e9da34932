//! The `trackgate` binary.

use std::process::ExitCode;

/// A proxied request costs a seventh fewer instructions than with the system's; see `docs/performance.md`. What is
/// free for ten seconds goes back to the system, by a thread of the allocator's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    trackgate::cli::run()
}
