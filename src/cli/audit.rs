//! `trackgate audit`: who did what, newest first.

use serde::Serialize;

use super::account::find;
use super::{CliError, Common, output};
use crate::assemble;
use crate::ports::AuditFilter;

/// The audit trail.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// Only about this account
    #[arg(long)]
    user: Option<String>,
    /// At most so many entries
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

#[derive(Debug, Serialize)]
struct Row {
    at: String,
    action: &'static str,
    name: String,
    actor: String,
    service: String,
    client: Option<String>,
    outcome: String,
    target: String,
}

impl Audit {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        let json = common.json;
        assemble::with_accounts(&common.load(None)?, async |accounts| {
            let account = match &self.user {
                Some(user) => Some(find(&accounts, user).await?.id),
                None => None,
            };
            let entries =
                accounts.store().audit(AuditFilter { account, limit: self.limit, ..AuditFilter::default() }).await?;
            let rows: Vec<Row> = entries
                .iter()
                .map(|entry| Row {
                    at: output::time(entry.at),
                    action: entry.action.code(),
                    name: entry.name.to_string(),
                    actor: entry.actor.to_string(),
                    service: entry.service.to_string(),
                    client: entry.client.map(|client| client.to_string()),
                    outcome: entry.outcome.to_string(),
                    target: entry.target.to_string(),
                })
                .collect();
            let cells = |row: &Row| {
                let (client, action) = (output::or_dash(row.client.as_ref()), row.action.to_owned());
                let (actor, service) = (row.actor.clone(), row.service.clone());
                vec![
                    row.at.clone(),
                    action,
                    row.name.clone(),
                    actor,
                    service,
                    client,
                    row.outcome.clone(),
                    row.target.clone(),
                ]
            };
            let header = ["at", "action", "account", "by", "service", "from", "outcome", "target"];
            output::list(json, &header, &rows, cells, "the audit trail is empty")
        })
    }
}
