//! The program's own messages, to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::Form;

/// Sends messages of level `info` and above to standard error; does nothing if that was done before.
///
/// They are written by a thread of its own: whoever says something never waits for who reads it, and goes
/// on when nobody reads it any more.
///
/// # Panics
///
/// When the system cannot start a thread.
pub fn start_messages(form: Form) -> Messages {
    let (lines, inbox) = sync_channel(QUEUE);
    thread::Builder::new()
        .name("messages".to_owned())
        .spawn(move || write_all(&inbox, io::stderr()))
        .expect("the system starts a thread");
    let writer = Lines(lines.clone());
    let messages = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_max_level(LevelFilter::INFO)
        .with_target(false)
        // It would tell of a lost standard error there, and panic when that fails.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    let started = match form {
        Form::Json => messages.json().flatten_event(true).try_init(),
        Form::Text => messages.compact().try_init(),
    };
    // A second start finds the first one's: both write to the same place.
    drop(started);
    Messages(lines)
}

/// Messages on their way.
#[derive(Clone, Debug)]
pub struct Messages(SyncSender<Line>);

impl Messages {
    /// Waits until what was said before is written, but no longer than this.
    pub fn flush(&self, within: Duration) {
        let (written, all) = sync_channel(1);
        if self.0.try_send(Line::Mark(written)).is_ok() {
            // Too slow or gone: either way there is nothing more to wait for.
            let _written = all.recv_timeout(within);
        }
    }
}

#[derive(Debug)]
enum Line {
    /// Answered when everything before it is written.
    Mark(SyncSender<()>),
    Text(Vec<u8>),
}

/// Takes whole messages; drops those for which there is no place.
#[derive(Clone, Debug)]
struct Lines(SyncSender<Line>);

impl Write for Lines {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        drop(self.0.try_send(Line::Text(message.to_vec())));
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(inbox: &Receiver<Line>, mut sink: impl Write) {
    while let Ok(line) = inbox.recv() {
        match line {
            Line::Mark(written) => drop(written.try_send(())),
            // The sink may be gone; what says something goes on without it.
            Line::Text(text) => drop(sink.write_all(&text).and_then(|()| sink.flush())),
        }
    }
}

const QUEUE: usize = 1024;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes nothing while it is locked.
    #[derive(Clone, Debug, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_says_something_never_waits_for_a_slow_reader() {
        let (lines, inbox) = sync_channel(8);
        let slow = Slow::default();
        let sink = slow.clone();
        let writing = thread::spawn(move || write_all(&inbox, sink));
        let messages = Messages(lines.clone());
        let held = slow.0.lock().unwrap();
        let mut writer = Lines(lines);
        for count in 0..100 {
            writer.write_all(format!("message {count}\n").as_bytes()).unwrap();
        }
        messages.flush(Duration::from_millis(10));
        assert!(held.is_empty());
        drop(held);
        messages.flush(Duration::from_secs(20));
        drop((writer, messages));
        writing.join().unwrap();
        let text = String::from_utf8(slow.0.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("message 0\nmessage 1\n") && text.lines().count() < 20, "{text}");
    }
}
