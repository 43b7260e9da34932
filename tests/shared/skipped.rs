//! Saying aloud that a test found no tool or server, or failing where one must be there.

use std::io::Write;

/// Tells that a test did nothing for lack of `tool`.
///
/// # Panics
///
/// If the blank-parted list in `TRACKGATE_TEST_REQUIRE` names the tool, as `.ci/run` does.
pub(crate) fn skipped(tool: &str) {
    let required = std::env::var("TRACKGATE_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.split_whitespace().any(|word| word == tool), "there is no {tool}, and it is required");
    // Not by `eprintln!`: a test's own words are kept back when it passes.
    drop(writeln!(std::io::stderr(), "skipped: there is no {tool} on this machine"));
}
