//! `trackgate link`: accounts of servers behind the gateway, for routes that send `credentials` by `links`.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use trackgate_schemes::{AccountId, Secret};

use super::account::find;
use super::{CliError, Common, output};
use crate::accounts::{LinkError, Links, ListedLink, NewLink, Origin};
use crate::catalogue::{self, LinkedSet};
use crate::config::Config;
use crate::{assemble, catalogue::CatalogueError};

mod csv;

/// Accounts of servers behind the gateway.
#[derive(Debug, Subcommand)]
pub(super) enum Link {
    /// Link an account to one of a server; the secret is asked for, or read from standard input
    Set {
        /// The account's name or e-mail address
        account: String,
        /// The set of links, as routes name it in `send.links`
        set: String,
        /// The account's name there
        #[arg(long, default_value = "")]
        user: String,
        /// The account's number there, for routes that send `credentials = "jwt"`
        #[arg(long)]
        number: Option<i64>,
        /// Read its password or token there from this file instead of asking
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Keep no secret: the number is enough
        #[arg(long, requires = "number", conflicts_with = "secret_file")]
        no_secret: bool,
    },
    /// List links, without their secrets
    List {
        /// Only those of this account
        #[arg(long)]
        user: Option<String>,
    },
    /// Remove a link
    Remove {
        /// The account's name or e-mail address
        account: String,
        /// The set of links
        set: String,
    },
    /// Make links from a CSV file with the columns account, tracker, user, secret, and number if there is one
    Import {
        /// The file; `-` for standard input
        file: PathBuf,
        /// Tell what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Seal anew by the present key what `links.previous_keys` sealed
    Reseal,
}

#[derive(Debug, Serialize)]
struct Row {
    account: String,
    set: String,
    user: Option<String>,
    number: Option<i64>,
    changed_at: String,
    state: &'static str,
    key: String,
}

impl Row {
    fn of(account: &str, listed: &ListedLink) -> Self {
        let link = listed.link.as_ref();
        Self {
            account: account.to_owned(),
            set: listed.set.clone(),
            user: link.map(|link| link.user.to_string()),
            number: link.and_then(|link| link.number),
            changed_at: output::time(listed.changed_at),
            state: match link {
                None => "cannot be opened",
                Some(link) if link.is_refused => "refused by the server",
                Some(_) => "good",
            },
            key: listed.key.clone(),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.account.clone(),
            self.set.clone(),
            output::or_dash(self.user.as_ref()),
            output::or_dash(self.number),
            self.changed_at.clone(),
            self.state.to_owned(),
            self.key.clone(),
        ]
    }
}

impl From<CatalogueError> for CliError {
    fn from(error: CatalogueError) -> Self {
        Self::Assemble(error.into())
    }
}

impl From<LinkError> for CliError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Change(error) => error.into(),
            error => Self::refused(error.to_string()),
        }
    }
}

impl Link {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        let (config, json) = (common.load(None)?, common.json);
        // Before the store is opened: whoever is asked may take their time.
        let task = self.prepared(&config)?;
        assemble::with_accounts(&config, async |accounts| {
            let links = catalogue::open_links(&config, &accounts)?;
            task.run(&links, json).await
        })
    }

    fn prepared(self, config: &Config) -> Result<Task, CliError> {
        Ok(match self {
            Self::Set { account, set, user, number, secret_file, no_secret } => {
                check_set(config, &set)?;
                let secret = if no_secret { None } else { Some(read_secret(secret_file.as_deref())?) };
                Task::Set { account, set, new: NewLink { user, secret, number } }
            }
            Self::List { user } => Task::List { user },
            Self::Remove { account, set } => Task::Remove { account, set },
            Self::Import { file, dry_run } => {
                let lines = csv::read(&read_file(&file)?)?;
                for line in &lines {
                    check_set(config, &line.set).map_err(|error| line.fault(&error))?;
                }
                Task::Import { lines, dry_run }
            }
            Self::Reseal => Task::Reseal,
        })
    }
}

/// What is done once everything was read.
enum Task {
    Set { account: String, set: String, new: NewLink },
    List { user: Option<String> },
    Remove { account: String, set: String },
    Import { lines: Vec<csv::Line>, dry_run: bool },
    Reseal,
}

impl Task {
    async fn run(self, links: &Links, json: bool) -> Result<(), CliError> {
        let accounts = links.accounts();
        match self {
            Self::Set { account, set, new } => {
                let account = find(accounts, &account).await?;
                links.set(&account, &set, new, &Origin::operator()).await?;
                told(json, links, account.id, &account.name, &set).await
            }
            Self::List { user } => {
                let mut rows = Vec::new();
                for (id, name) in those(links, user.as_deref()).await? {
                    rows.extend(links.list(id).await?.iter().map(|listed| Row::of(&name, listed)));
                }
                let header = ["account", "set", "user", "number", "changed", "state", "key"];
                output::list(json, &header, &rows, Row::cells, "there are no links")
            }
            Self::Remove { account, set } => {
                let account = find(accounts, &account).await?;
                links.remove(&account, &set, &Origin::operator()).await.map_err(|error| match error {
                    crate::accounts::ChangeError::NotFound => {
                        CliError::refused(format!("`{}` has no link in `{set}`", account.name))
                    }
                    error => error.into(),
                })?;
                output::print(&format!("the link of `{}` in `{set}` is removed", account.name))
            }
            Self::Import { lines, dry_run } => {
                // All names first, so that a file with a mistake changes nothing.
                let mut found = Vec::new();
                for line in lines {
                    let account = find(accounts, &line.account).await.map_err(|error| line.fault(&error))?;
                    found.push((account, line));
                }
                let count = found.len();
                if dry_run {
                    return output::print(&format!("{count} links would be made or changed"));
                }
                for (account, line) in found {
                    let made = links.set(&account, &line.set, line.new.clone(), &Origin::operator()).await;
                    made.map_err(|error| line.fault(&error.into()))?;
                }
                output::print(&format!("{count} links are made or changed"))
            }
            Self::Reseal => {
                let mut count = 0;
                for (id, name) in those(links, None).await? {
                    let resealed = links.reseal(id).await;
                    count += resealed.map_err(|error| CliError::refused(format!("the links of `{name}`: {error}")))?;
                }
                output::print(&format!("{count} links are sealed anew by the key {}", links.keys().current()))
            }
        }
    }
}

async fn told(json: bool, links: &Links, id: AccountId, name: &str, set: &str) -> Result<(), CliError> {
    if !json {
        return output::print(&format!("`{name}` is linked in `{set}`"));
    }
    let listed = links.list(id).await?;
    let row = listed.iter().find(|listed| listed.set == set).map(|listed| Row::of(name, listed));
    output::value(&row)
}

/// One account, or all.
async fn those(links: &Links, user: Option<&str>) -> Result<Vec<(AccountId, String)>, CliError> {
    let accounts = links.accounts();
    if let Some(user) = user {
        let account = find(accounts, user).await?;
        return Ok(vec![(account.id, account.name.to_string())]);
    }
    let (mut all, mut after) = (Vec::new(), AccountId(0));
    loop {
        let page = accounts.store().list_accounts(after, 500).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.id;
        all.extend(page.iter().map(|account| (account.id, account.name.to_string())));
    }
}

/// A set that no route names is a mistake.
fn check_set(config: &Config, set: &str) -> Result<(), CliError> {
    let sets = LinkedSet::all(config);
    if sets.iter().any(|there| there.name == set) {
        return Ok(());
    }
    let names = sets.iter().map(|set| format!("`{}`", set.name)).collect::<Vec<_>>().join(", ");
    let there = if names.is_empty() { "no route has any".to_owned() } else { format!("there are {names}") };
    Err(CliError::refused(format!("no route sends `credentials` by `links = \"{set}\"` ({there})")))
}

/// A secret from a file, from standard input, or asked for on the terminal; never an argument.
fn read_secret(file: Option<&Path>) -> Result<Secret, CliError> {
    let text = match file {
        Some(file) => {
            let what = format!("reading {}", file.display());
            std::fs::read_to_string(file).map_err(CliError::io(what))?
        }
        None if std::io::stdin().is_terminal() => {
            rpassword::prompt_password("Password or token there: ").map_err(CliError::io("asking for the secret"))?
        }
        None => {
            let mut text = String::new();
            std::io::stdin().take(8192).read_to_string(&mut text).map_err(CliError::io("reading the secret"))?;
            text
        }
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(CliError::refused("the secret is empty; nothing was changed"));
    }
    Ok(Secret::from(line))
}

fn read_file(file: &Path) -> Result<String, CliError> {
    let what = format!("reading {}", file.display());
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().take(MOST).read_to_string(&mut text).map_err(CliError::io(what))?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(CliError::io(what))
}

/// Bytes of a file at most.
const MOST: u64 = 64 << 20;
