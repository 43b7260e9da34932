//! The `trackgate` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    trackgate::cli::run()
}
