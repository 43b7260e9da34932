//! The outbox, the carrier and the postman against a server of our own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trackgate_schemes::ManualClock;

use super::*;
use crate::config::checked::Mail;
use crate::config::{Overrides, parse};
use crate::ports::{Job, Jobs, Store};

mod carrying;
mod composing;
mod retrying;
mod sink;

use sink::{Does, Sink};

/// What the section `[mail]` with these lines amounts to.
fn settings(lines: &str) -> Mail {
    let ui_url = "[trackers.fittrackee]\nui_url = \"https://fit.example.org\"";
    let text = format!("[mail]\nfrom = \"Riders <riders@example.org>\"\n{lines}\n{ui_url}");
    parse(&text, Path::new("."), &Overrides::default(), "t.toml").unwrap().mail.unwrap()
}

fn letter() -> Letter {
    Letter {
        to: "anna@example.org".to_owned(),
        subject: "Hello".to_owned(),
        text: "Read this.\n".to_owned(),
        html: "<p>Read this.</p>\n".to_owned(),
    }
}

/// A store, a clock that stands still, and a postman with his server.
struct World {
    sink: Sink,
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    outbox: Outbox,
    postman: Postman,
}

impl World {
    async fn new(script: &[Does]) -> Self {
        Self::on(crate::stores::open("memory:").await.unwrap(), script).await
    }

    async fn on(store: Arc<dyn Store>, script: &[Does]) -> Self {
        let sink = Sink::start(script, None).await;
        let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_311_849)));
        let outbox = Outbox::new(Arc::clone(&store) as Arc<dyn Jobs>, Arc::clone(&clock) as _);
        let carrier = Carrier::new(&settings(&format!("url = \"smtp://{}\"\ntimeout = \"2s\"", sink.address))).unwrap();
        let postman = Postman::new(outbox.clone(), carrier);
        Self { sink, store, clock, outbox, postman }
    }

    async fn jobs(&self) -> Vec<Job> {
        self.store.list_jobs(Some(KIND)).await.unwrap()
    }

    /// The one letter that is stored.
    async fn job(&self) -> Job {
        let mut jobs = self.jobs().await;
        assert_eq!(jobs.len(), 1);
        jobs.pop().unwrap()
    }

    async fn deliver(&self) -> bool {
        self.postman.deliver_next().await.unwrap()
    }
}

/// The `Message-ID` of a letter.
fn message_id(data: &str) -> &str {
    data.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap()
}
