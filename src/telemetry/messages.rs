//! The program's own messages, to standard error.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

use super::Form;

/// Sends messages of level `info` and above to standard error; does nothing if that was done before.
pub fn start_messages(form: Form) {
    let messages = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(LevelFilter::INFO)
        .with_target(false)
        // It would tell of a lost standard error there, and panic when that fails.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match form {
        Form::Json => messages.json().flatten_event(true).try_init(),
        Form::Text => messages.compact().try_init(),
    };
    // A second start finds the first one's: both write to the same place.
    drop(started);
}
