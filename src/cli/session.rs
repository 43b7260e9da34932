//! `trackgate session`: signed-in sliding sessions.

use clap::Subcommand;
use serde::Serialize;

use super::account::find;
use super::{CliError, Common, output};
use crate::accounts::{ChangeError, Origin};
use crate::assemble;

/// Signed-in sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List sessions; the last use is known to one step of their life-time
    List {
        /// Only those of this account
        #[arg(long)]
        user: Option<String>,
    },
    /// End a session, or all of an account
    Revoke {
        /// The session's id
        #[arg(required_unless_present = "user")]
        id: Option<String>,
        /// End every session and signed token of this account
        #[arg(long, conflicts_with = "id")]
        user: Option<String>,
    },
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    account: i64,
    scheme: String,
    service: String,
    client: Option<String>,
    opened_at: String,
    last_used_at: String,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.account.to_string(),
            self.scheme.clone(),
            self.service.clone(),
            output::or_dash(self.client.as_ref()),
            self.opened_at.clone(),
            self.last_used_at.clone(),
        ]
    }
}

impl Session {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        let json = common.json;
        assemble::with_accounts(&common.load(None)?, async |accounts| match self {
            Self::List { user } => {
                let account = match user {
                    Some(user) => Some(find(&accounts, &user).await?.id),
                    None => None,
                };
                let sessions = accounts.store().list_sessions(account).await?;
                let row = |session: &trackgate_schemes::store::Session| Row {
                    id: session.id.to_string(),
                    account: session.account.0,
                    scheme: session.scheme.to_string(),
                    service: session.service.to_string(),
                    client: session.client.map(|client| client.to_string()),
                    opened_at: output::time(session.opened_at),
                    last_used_at: output::time(session.last_used_at),
                };
                let rows: Vec<_> = sessions.iter().map(row).collect();
                let header = ["id", "account", "scheme", "service", "from", "opened", "last used"];
                output::list(json, &header, &rows, Row::cells, "nobody is signed in")
            }
            Self::Revoke { id: Some(id), .. } => match accounts.end_session(&id, &Origin::operator()).await {
                Ok(()) if json => output::value(&serde_json::json!({ "ended": id })),
                Ok(()) => output::print(&format!("session {id} ended")),
                Err(ChangeError::NotFound) => {
                    let why = format!("there is no session `{id}`; `trackgate session list` shows the ids");
                    Err(CliError::refused(why))
                }
                Err(error) => Err(error.into()),
            },
            Self::Revoke { id: None, user } => {
                let account = find(&accounts, user.as_deref().unwrap_or_default()).await?;
                accounts.end_credentials(account.id, &Origin::operator()).await?;
                if json {
                    return output::value(&serde_json::json!({ "ended_all_of": &*account.name }));
                }
                output::print(&format!("all sessions and signed tokens of `{}` ended", account.name))
            }
        })
    }
}
