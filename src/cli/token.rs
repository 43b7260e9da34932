//! `trackgate token`: API tokens.

use clap::Subcommand;
use serde::Serialize;
use trackgate_schemes::Grants;
use trackgate_schemes::bearer::TokenText;
use trackgate_schemes::store::ApiToken;

use super::account::find;
use super::{CliError, Common, output};
use crate::accounts::{ChangeError, IssuedToken, Origin};
use crate::assemble;
use crate::config::units::Time;

/// API tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Issue a token; its text is printed once and kept nowhere
    New {
        /// The account that it acts for: name or e-mail address
        #[arg(long)]
        user: String,
        /// What it may do, such as points:write; can be given several times
        #[arg(long = "grant", value_name = "GRANT", required = true)]
        grants: Vec<String>,
        /// A name to know it by
        #[arg(long, default_value = "")]
        name: String,
        /// Life-time, such as 180d [default: for ever]
        #[arg(long, value_name = "TIME")]
        expires: Option<Time>,
    },
    /// List tokens
    List {
        /// Only those of this account
        #[arg(long)]
        user: Option<String>,
    },
    /// Issue a successor with the same name and grants
    Rotate {
        /// The token's id
        id: String,
        /// How long the old one goes on working
        #[arg(long, value_name = "TIME", default_value = "0s")]
        overlap: Time,
    },
    /// Revoke a token for good
    Revoke {
        /// The token's id
        id: String,
    },
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    account: i64,
    name: String,
    grants: String,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    last_client: Option<String>,
}

impl Row {
    fn of(token: &ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            account: token.account.0,
            name: token.label.to_string(),
            grants: token.grants.to_string(),
            created_at: output::time(token.created_at),
            expires_at: token.expires_at.map(output::time),
            last_used_at: token.last_used_at.map(output::time),
            last_client: token.last_client.map(|client| client.to_string()),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.account.to_string(),
            self.name.clone(),
            self.grants.clone(),
            self.created_at.clone(),
            output::or_dash(self.expires_at.as_ref()),
            output::or_dash(self.last_used_at.as_ref()),
            output::or_dash(self.last_client.as_ref()),
        ]
    }
}

impl Token {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        let json = common.json;
        assemble::with_accounts(&common.load(None)?, async |accounts| match self {
            Self::New { user, grants, name, expires } => {
                let grants: Grants = grants.join(" ").parse().map_err(|error| CliError::refused(format!("{error}")))?;
                let account = find(&accounts, &user).await?;
                let expires_at = expires.map(|time| accounts.clock().now() + time.0);
                let issued = accounts.issue_token(&account, &name, grants, expires_at, &Origin::operator()).await?;
                told(json, &issued)
            }
            Self::List { user } => {
                let account = match user {
                    Some(user) => Some(find(&accounts, &user).await?.id),
                    None => None,
                };
                let rows: Vec<_> = accounts.store().list_tokens(account).await?.iter().map(Row::of).collect();
                let header = ["id", "account", "name", "grants", "created", "expires", "last used", "from"];
                output::list(json, &header, &rows, Row::cells, "there are no tokens")
            }
            Self::Rotate { id, overlap } => {
                let issued =
                    accounts.rotate_token(&id, overlap.0, &Origin::operator()).await.map_err(|e| none(e, &id))?;
                told(json, &issued)
            }
            Self::Revoke { id } => {
                let token = accounts.revoke_token(&id, &Origin::operator()).await.map_err(|e| none(e, &id))?;
                if json { output::value(&Row::of(&token)) } else { output::print(&format!("token {id} revoked")) }
            }
        })
    }
}

/// Prints the text alone, for scripts to catch.
fn told(json: bool, issued: &IssuedToken) -> Result<(), CliError> {
    let text = issued.text.expose_text().unwrap_or_default();
    if !json {
        return output::print(text);
    }
    let mut value = serde_json::json!(Row::of(&issued.token));
    if let Some(object) = value.as_object_mut() {
        object.insert("token".to_owned(), text.into());
    }
    output::value(&value)
}

/// Somebody who has only the token itself is told what its id is; the token is not repeated.
fn none(error: ChangeError, id: &str) -> CliError {
    if error != ChangeError::NotFound {
        return error.into();
    }
    if let Some(token) = TokenText::parse(id) {
        return CliError::refused(format!("that is a token, not its id; its id is `{}`", token.id()));
    }
    let shown =
        if id.starts_with(TokenText::PREFIX) { "that is not its id" } else { &format!("there is no token `{id}`") };
    CliError::refused(format!("{shown}; `trackgate token list` shows the ids"))
}
