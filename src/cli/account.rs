//! `trackgate user`: accounts.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use serde::Serialize;
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{AccountId, EmailAddress, Grants, Login, Secret};

use super::{CliError, Common, output};
use crate::accounts::{AccountService, ChangeError, Origin, Registration};
use crate::ports::{AccountChange, Ends};
use crate::{assemble, catalogue};

/// Accounts.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make an account
    Add {
        /// Its name
        name: String,
        /// Its e-mail address
        #[arg(long)]
        email: Option<String>,
        /// Let it manage other accounts (the grant `account:admin`)
        #[arg(long)]
        admin: bool,
        /// Read the password from standard input instead of asking
        #[arg(long)]
        password_stdin: bool,
        /// Make it without a password: it can sign in by API tokens alone
        #[arg(long, conflicts_with = "password_stdin")]
        no_password: bool,
    },
    /// List all accounts
    List,
    /// Show an account with its tokens and sessions
    Show {
        /// Its name or e-mail address
        name: String,
    },
    /// Set a new password; ends all sessions and signed tokens, API tokens stay
    Passwd {
        /// The account's name or e-mail address
        name: String,
        /// Read the password from standard input instead of asking
        #[arg(long)]
        password_stdin: bool,
        /// End its API tokens too
        #[arg(long)]
        end_tokens: bool,
    },
    /// Change the e-mail address
    Email {
        /// The account's name or e-mail address
        name: String,
        /// The new address
        email: String,
    },
    /// Set what an account may do; sessions and tokens follow at once
    Grants {
        /// The account's name or e-mail address
        name: String,
        /// Such as `points:read profile:write`; `*` is everything of one's own, `account:admin` manages others
        grants: Grants,
    },
    /// Take an account out of use; nothing of it is deleted
    Disable {
        /// Its name or e-mail address
        name: String,
    },
    /// Let an account sign in that was disabled or is not confirmed yet
    Enable {
        /// Its name or e-mail address
        name: String,
    },
    /// Delete an account with everything that is its own
    Delete {
        /// Its name or e-mail address
        name: String,
    },
}

#[derive(Debug, Serialize)]
struct Row {
    id: i64,
    name: String,
    email: Option<String>,
    state: &'static str,
    grants: String,
    created_at: String,
}

impl Row {
    fn of(account: &Account) -> Self {
        Self {
            id: account.id.0,
            name: account.name.to_string(),
            email: account.email.as_deref().map(ToOwned::to_owned),
            state: state(account.state),
            grants: account.grants.to_string(),
            created_at: output::time(account.created_at),
        }
    }

    fn cells(&self) -> Vec<String> {
        let id = self.id.to_string();
        let email = output::or_dash(self.email.as_ref());
        vec![id, self.name.clone(), email, self.state.to_owned(), self.grants.clone(), self.created_at.clone()]
    }
}

impl User {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        let password = self.password()?;
        let json = common.json;
        assemble::with_ground(&common.load(None)?, async |ground| {
            let accounts = ground.accounts.clone();
            match self {
                Self::Add { name, email, admin, .. } => {
                    let grants =
                        if admin { "* account:admin".parse().expect("both are grants") } else { Grants::EVERYDAY };
                    let taken = Taken { name: name.clone(), email: email.clone() };
                    let new = Registration { name, email, password, state: AccountState::Active, grants };
                    let made = accounts.register(new, &Origin::operator()).await;
                    let account = made.map_err(|why| taken.told(why))?;
                    done(json, &account, "made")
                }
                Self::List => {
                    let mut rows = Vec::new();
                    let mut after = AccountId(0);
                    loop {
                        let page = accounts.store().list_accounts(after, 500).await?;
                        let Some(last) = page.last() else { break };
                        after = last.id;
                        rows.extend(page.iter().map(Row::of));
                    }
                    let header = ["id", "name", "e-mail", "state", "grants", "created"];
                    output::list(
                        json,
                        &header,
                        &rows,
                        Row::cells,
                        "there are no accounts yet: `trackgate user add NAME`",
                    )
                }
                Self::Show { name } => show(&accounts, &name, json).await,
                Self::Passwd { name, end_tokens, .. } => {
                    let account = find(&accounts, &name).await?;
                    let ends = if end_tokens { Ends::CredentialsAndTokens } else { Ends::Credentials };
                    let password = password.ok_or_else(|| CliError::refused("there is no password"))?;
                    let account = accounts.change_password(account.id, password, ends, &Origin::operator()).await?;
                    done(json, &account, "has a new password")
                }
                Self::Email { name, email } => {
                    let account = find(&accounts, &name).await?;
                    let compared = EmailAddress::parse(&email).map_err(ChangeError::BadEmail)?;
                    let taken = Taken { name: String::new(), email: Some(email.clone()) };
                    let change = AccountChange { email: Some((email.into(), compared)), ..AccountChange::default() };
                    let changed = accounts.change(account.id, change, Ends::Nothing, &Origin::operator()).await;
                    let account = changed.map_err(|why| taken.told(why))?;
                    done(json, &account, "has a new address")
                }
                Self::Grants { name, grants } => {
                    let account = find(&accounts, &name).await?;
                    let change = AccountChange { grants: Some(grants), ..AccountChange::default() };
                    let account = accounts.change(account.id, change, Ends::Nothing, &Origin::operator()).await?;
                    done(json, &account, "has new grants")
                }
                Self::Disable { name } => set_state(&accounts, &name, AccountState::Disabled, json).await,
                Self::Enable { name } => set_state(&accounts, &name, AccountState::Active, json).await,
                Self::Delete { name } => {
                    let account = find(&accounts, &name).await?;
                    let account =
                        catalogue::delete_account(&ground.services(), account.id, &Origin::operator()).await?;
                    done(json, &account, "deleted")
                }
            }
        })
    }

    /// Reads the password before anything is opened, where the command takes one.
    fn password(&self) -> Result<Option<Secret>, CliError> {
        match self {
            Self::Add { no_password: true, .. } => Ok(None),
            Self::Add { password_stdin, .. } | Self::Passwd { password_stdin, .. } => {
                read_password(PasswordSource::flag(*password_stdin)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// What was asked for, to say whose it is already.
struct Taken {
    name: String,
    email: Option<String>,
}

impl Taken {
    fn told(self, why: ChangeError) -> CliError {
        match why {
            ChangeError::EmailTaken => {
                let email = self.email.unwrap_or_default();
                CliError::refused(format!("another account has the address `{email}`; nothing was changed"))
            }
            ChangeError::NameTaken => {
                CliError::refused(format!("there is already an account `{}`; nothing was changed", self.name))
            }
            why => why.into(),
        }
    }
}

/// Where a password is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasswordSource {
    /// Standard input, one line.
    Stdin,
    /// The terminal, asked twice; standard input when that is none.
    Terminal,
}

impl PasswordSource {
    /// As the flag `--password-stdin` says.
    pub(super) fn flag(stdin: bool) -> Self {
        if stdin { Self::Stdin } else { Self::Terminal }
    }
}

/// A password from standard input, or asked for on the terminal; never an argument.
pub(super) fn read_password(source: PasswordSource) -> Result<Secret, CliError> {
    let text = if source == PasswordSource::Stdin || !std::io::stdin().is_terminal() {
        let mut text = String::new();
        std::io::stdin().take(8192).read_to_string(&mut text).map_err(CliError::io("reading the password"))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        line.strip_suffix('\r').unwrap_or(line).to_owned()
    } else {
        let first = rpassword::prompt_password("New password: ").map_err(CliError::io("asking for the password"))?;
        let second = rpassword::prompt_password("Once more: ").map_err(CliError::io("asking for the password"))?;
        if first != second {
            return Err(CliError::refused("the two passwords differ; nothing was changed"));
        }
        first
    };
    match text.chars().count() {
        0 => Err(CliError::refused("the password is empty; nothing was changed")),
        1..8 => Err(CliError::refused("a password has at least 8 characters; nothing was changed")),
        _ => Ok(text.into()),
    }
}

/// The account of this name or address.
pub(super) async fn find(accounts: &AccountService, name: &str) -> Result<Account, CliError> {
    let nobody = || CliError::refused(format!("there is no account `{name}`"));
    let login = Login::parse(name).map_err(|_unfit| nobody())?;
    accounts.store().account_by_login(&login).await?.ok_or_else(nobody)
}

async fn set_state(accounts: &AccountService, name: &str, state: AccountState, json: bool) -> Result<(), CliError> {
    let account = find(accounts, name).await?;
    let change = AccountChange { state: Some(state), ..AccountChange::default() };
    let account = accounts.change(account.id, change, Ends::Nothing, &Origin::operator()).await?;
    done(json, &account, if state == AccountState::Active { "enabled" } else { "disabled" })
}

async fn show(accounts: &AccountService, name: &str, json: bool) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Whole {
        #[serde(flatten)]
        account: Row,
        has_password: bool,
        tokens: usize,
        sessions: usize,
    }
    let account = find(accounts, name).await?;
    let whole = Whole {
        account: Row::of(&account),
        has_password: account.password.is_some(),
        tokens: accounts.store().list_tokens(Some(account.id)).await?.len(),
        sessions: accounts.store().list_sessions(Some(account.id)).await?.len(),
    };
    if json {
        return output::value(&whole);
    }
    output::print(&format!(
        "id        {}\nname      {}\ne-mail    {}\nstate     {}\ngrants    {}\npassword  {}\ntokens    {}\nsessions  {}\ncreated   {}",
        whole.account.id,
        whole.account.name,
        output::or_dash(whole.account.email.as_ref()),
        whole.account.state,
        whole.account.grants,
        if whole.has_password { "set" } else { "none" },
        whole.tokens,
        whole.sessions,
        whole.account.created_at,
    ))
}

fn done(json: bool, account: &Account, what: &str) -> Result<(), CliError> {
    if json {
        return output::value(&Row::of(account));
    }
    output::print(&format!("account {} `{}` {what}", account.id, account.name))
}

fn state(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => "active",
        AccountState::Disabled => "disabled",
        AccountState::Unconfirmed => "unconfirmed",
    }
}
