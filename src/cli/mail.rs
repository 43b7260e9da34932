//! `trackgate mail`: letters that wait or were given up, and a test of the mail server.

use std::time::SystemTime;

use clap::Subcommand;
use serde::Serialize;

use super::{CliError, Common, output};
use crate::assemble::{self, AssembleError};
use crate::mail::{Carrier, KIND, Letter, Undelivered};
use crate::ports::{Job, JobState};

/// Letters.
#[derive(Debug, Subcommand)]
pub(super) enum Mail {
    /// List the letters that are not sent yet; what was sent is gone
    List {
        /// Only those that were given up
        #[arg(long)]
        dead: bool,
    },
    /// Send letters that were given up again
    Retry {
        /// The letters' ids
        #[arg(required_unless_present = "all_dead")]
        ids: Vec<i64>,
        /// All that were given up
        #[arg(long, conflicts_with = "ids")]
        all_dead: bool,
    },
    /// Delete letters
    Delete {
        /// The letters' ids
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Send a test letter right away and print what the mail server says
    Test {
        /// Where to send it
        address: String,
    },
}

/// A letter as it is listed: never what it says, for that may let its reader in.
#[derive(Debug, Serialize)]
struct Row {
    id: i64,
    to: Option<String>,
    subject: Option<String>,
    attempts: u32,
    state: &'static str,
    next_try_at: Option<String>,
    error: Option<String>,
}

impl Row {
    fn of(job: &Job) -> Self {
        let letter = Letter::from_payload(&job.work.payload);
        let (state, next) = match job.state {
            JobState::Dead => ("dead", None),
            JobState::Running { until } => ("sending", Some(until)),
            JobState::Waiting => ("waiting", Some(job.work.due_at)),
        };
        Self {
            id: job.id,
            to: letter.as_ref().map(|letter| letter.to.clone()),
            subject: letter.map(|letter| letter.subject),
            attempts: job.attempts,
            state,
            next_try_at: next.map(output::time),
            error: job.error.as_ref().map(ToString::to_string),
        }
    }

    fn cells(&self) -> Vec<String> {
        // What the terminal sees must be what is stored, not what it makes of it.
        let shown = |text: &Option<String>| output::or_dash(text.as_ref().map(|text| text.escape_debug()));
        vec![
            self.id.to_string(),
            shown(&self.to),
            shown(&self.subject),
            self.attempts.to_string(),
            self.state.to_owned(),
            output::or_dash(self.next_try_at.as_ref()),
            output::or_dash(self.error.as_ref()),
        ]
    }
}

impl Mail {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        let json = common.json;
        let config = common.load(None)?;
        if let Self::Test { address } = &self {
            let Some(settings) = &config.mail else {
                return Err(CliError::refused("mail is off: the configuration has no `[mail]`"));
            };
            let carrier = Carrier::new(settings).map_err(AssembleError::Mail)?;
            return test(json, &carrier, address);
        }
        assemble::with_accounts(&config, async |accounts| {
            let store = accounts.store();
            let letters = store.list_jobs(Some(KIND)).await?;
            match self {
                Self::List { dead } => {
                    let wanted = |job: &&Job| !dead || job.state == JobState::Dead;
                    let rows: Vec<_> = letters.iter().filter(wanted).map(Row::of).collect();
                    let header = ["id", "to", "subject", "attempts", "state", "next try", "last error"];
                    let nothing = if dead { "no letter was given up" } else { "there are no letters" };
                    output::list(json, &header, &rows, Row::cells, nothing)
                }
                Self::Retry { ids, all_dead } => {
                    let dead = letters.iter().filter(|job| job.state == JobState::Dead).map(|job| job.id);
                    let ids = if all_dead { dead.collect() } else { known(&letters, ids)? };
                    let (mut done, now) = (Vec::new(), accounts.clock().now());
                    for id in &ids {
                        if store.revive_job(*id, now).await? {
                            done.push(*id);
                        }
                    }
                    if let (Some(id), false) = (ids.iter().find(|id| !done.contains(id)), all_dead) {
                        let why = format!("the letter {id} was not given up; `trackgate mail list` shows its next try");
                        return Err(CliError::refused(why));
                    }
                    told(json, "retried", &done)
                }
                Self::Delete { ids } => {
                    let ids = known(&letters, ids)?;
                    for id in &ids {
                        store.delete_job(*id).await?;
                    }
                    told(json, "deleted", &ids)
                }
                Self::Test { .. } => Ok(()),
            }
        })
    }
}

/// The same numbers, if each is that of a letter.
fn known(letters: &[Job], ids: Vec<i64>) -> Result<Vec<i64>, CliError> {
    match ids.iter().find(|id| !letters.iter().any(|job| job.id == **id)) {
        Some(id) => Err(CliError::refused(format!("there is no letter `{id}`; `trackgate mail list` shows the ids"))),
        None => Ok(ids),
    }
}

fn told(json: bool, what: &str, ids: &[i64]) -> Result<(), CliError> {
    if json {
        return output::value(&serde_json::json!({ what: ids }));
    }
    let noun = if ids.len() == 1 { "letter" } else { "letters" };
    output::print(&format!("{} {noun} {what}", ids.len()))
}

/// Sends a letter past the outbox.
fn test(json: bool, carrier: &Carrier, address: &str) -> Result<(), CliError> {
    let text = "This letter shows that trackgate can send mail.\n";
    let letter = Letter {
        to: address.to_owned(),
        subject: "trackgate: a test letter".to_owned(),
        text: text.to_owned(),
        html: format!("<!DOCTYPE html>\n<html lang=\"en\">\n<body><p>{}</p></body>\n</html>\n", text.trim_end()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(AssembleError::Runtime)?;
    let sent = runtime.block_on(carrier.carry(&letter, 0, SystemTime::now()));
    match sent {
        Ok(said) if json => output::value(&serde_json::json!({ "sent_to": address, "server_said": said })),
        Ok(said) => output::print(&format!("the mail server took it: {said}")),
        Err(Undelivered::Later(why)) => Err(CliError::refused(format!("not sent: {why}"))),
        Err(Undelivered::Never(why)) => Err(CliError::refused(format!("refused: {why}"))),
    }
}
