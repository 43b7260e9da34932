//! The command line: one file for each sub-command.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::accounts::ChangeError;
use crate::assemble::AssembleError;
use crate::config::{self, Config, ConfigError, Overrides};

mod account;
mod audit;
mod check;
mod decision;
mod descriptors;
mod explain;
mod hash;
mod import;
mod link;
mod mail;
mod openapi;
mod output;
mod pages;
mod serve;
mod session;
mod token;

/// A gateway that understands many old sign-in protocols, makes one identity of them, and forwards.
#[derive(Debug, Parser)]
#[command(name = "trackgate", version, arg_required_else_help = true, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every sub-command takes.
#[derive(Debug, Clone, clap::Args)]
struct Common {
    /// The configuration file; without one the built-in configuration runs
    #[arg(long, short, global = true, value_name = "FILE", env = "TRACKGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Where the store and generated keys live [default: ./trackgate-data]
    #[arg(long, global = true, value_name = "DIR", env = "TRACKGATE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON for programs instead of tables for people
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve {
        /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]
        #[arg(long, short, value_name = "ADDR:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Check the configuration: the routes as they would run, and every warning
    Check,
    /// List the routes
    Routes {
        /// Only those that are open to everybody
        #[arg(long)]
        public: bool,
    },
    /// Explain what would become of a request, or what became of one, and why
    Explain(explain::Explain),
    /// Accounts
    #[command(subcommand)]
    User(account::User),
    /// API tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Accounts of servers behind the gateway, for routes that translate credentials by links
    #[command(subcommand)]
    Link(link::Link),
    /// Signed-in sessions
    #[command(subcommand)]
    Session(session::Session),
    /// Letters: those that wait or were given up, and a test of the mail server
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Show the audit trail, newest first
    Audit(audit::Audit),
    /// Hash a password as stores keep it
    Hash(hash::Hash),
    /// Bring the users of another server
    #[command(subcommand)]
    Import(import::Import),
    /// About the configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document of what the configuration mounts
    Openapi,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the JSON Schema of the configuration file
    Schema,
    /// Print an example configuration file
    Example,
}

/// Why a command ended without doing what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The gateway could not be put together.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// A change was refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The configuration does not load.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Reading or writing failed.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Refused(String),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] trackgate_schemes::store::StoreError),
}

impl CliError {
    fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// Runs the command that the arguments name: 0 done, 1 refused or failed, 2 wrong usage.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let code = if usage.use_stderr() { 2 } else { 0 };
            drop(usage.print());
            return ExitCode::from(code);
        }
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The code tells it too, so that a standard error that is gone changes nothing.
            drop(tell(&error));
            ExitCode::from(1)
        }
    }
}

/// An error with its causes, to standard error.
fn tell(error: &CliError) -> std::io::Result<()> {
    let mut out = std::io::stderr().lock();
    writeln!(out, "trackgate: {error}")?;
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        writeln!(out, "  because: {cause}")?;
        source = cause.source();
    }
    Ok(())
}

fn dispatch(cli: Cli) -> Result<(), CliError> {
    let common = cli.common;
    match cli.command {
        Command::Serve { listen } => serve::run(&common, listen),
        Command::Check => check::check(&common),
        Command::Routes { public } => check::routes(&common, public),
        Command::Explain(explain) => explain.run(&common),
        Command::User(user) => user.run(&common),
        Command::Token(token) => token.run(&common),
        Command::Link(link) => link.run(&common),
        Command::Session(session) => session.run(&common),
        Command::Mail(mail) => mail.run(&common),
        Command::Audit(audit) => audit.run(&common),
        Command::Hash(hash) => hash.run(&common),
        Command::Import(import) => import.run(&common),
        Command::Config(ConfigCommand::Schema) => output::print(&config::schema()),
        Command::Config(ConfigCommand::Example) => output::print(config::EXAMPLE.trim_end()),
        Command::Openapi => openapi::run(&common),
        Command::Completions { shell } => pages::completions(Cli::command(), shell),
        Command::Man => pages::manual(Cli::command()),
    }
}

impl Common {
    fn load(&self, listen: Option<SocketAddr>) -> Result<Config, CliError> {
        let overrides = Overrides { data_dir: self.data_dir.clone(), listen };
        Ok(config::load(self.config.as_deref(), &overrides)?)
    }
}
