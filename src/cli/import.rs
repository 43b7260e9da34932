//! `trackgate import`: users of other servers.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, Common, output};
use crate::assemble::{self, AssembleError, Ground};
use crate::catalogue::{self, ForeignError};
use crate::config::Config;
use crate::config::checked::SchemeKind;
use crate::trackers::fittrackee::import::{
    Admins, End, Import as Importer, ImportOptions, Line, Outcome, Report, Run, TakenNumbers, Watch,
};

/// Users of other servers.
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Bring the users of a FitTrackee 0.8.13 server, with their passwords and preferences
    #[command(long_about = ABOUT_FITTRACKEE)]
    Fittrackee(FitTrackee),
}

#[derive(Debug, clap::Args)]
pub(super) struct FitTrackee {
    /// The URL of its database; the password best in `PGPASSWORD` or `~/.pgpass`
    #[arg(long, value_name = "postgres://USER@HOST/DATABASE", env = "TRACKGATE_IMPORT_FROM", hide_env_values = true)]
    from: String,
    /// Its folder of uploaded files (`UPLOAD_FOLDER`), to bring pictures from
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,
    /// Tell what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Give a new number to users whose number somebody else has here; their old tokens do not work then
    #[arg(long)]
    renumber: bool,
    /// Make administrators users like others, instead of giving them `account:admin`
    #[arg(long)]
    no_admins: bool,
}

impl Import {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        match self {
            Self::Fittrackee(import) => import.run(common),
        }
    }
}

impl FitTrackee {
    fn run(self, common: &Common) -> Result<(), CliError> {
        let config = common.load(None)?;
        let run = if self.dry_run { Run::Dry } else { Run::Real };
        let options = ImportOptions {
            admins: if self.no_admins { Admins::MakeUsers } else { Admins::Keep },
            taken_numbers: if self.renumber { TakenNumbers::Renumber } else { TakenNumbers::LeaveOut },
            run,
        };
        let task = async |ground: &Ground| {
            let stop = Arc::new(AtomicBool::new(false));
            let listening = tokio::spawn(listen(Arc::clone(&stop)));
            let source = Arc::new(catalogue::open_fittrackee(&self.from).await?);
            let mut watch = Bar::new(stop);
            let mut import = Importer::new(ground.accounts.clone(), source, options);
            if let Some(folder) = self.pictures {
                import = import.with_pictures(folder, Arc::clone(&ground.files));
            }
            let report = import.run(&mut watch).await;
            watch.bar.finish_and_clear();
            listening.abort();
            Ok::<_, CliError>(report)
        };
        let report = if run == Run::Dry && !is_there(&config)? {
            assemble::with_scratch(&config, task)?
        } else {
            assemble::with_ground(&config, task)?
        };
        tell(common, &config, &report)?;
        ended(&report)
    }
}

/// Whether the store is there already, so that looking at it makes nothing.
fn is_there(config: &Config) -> Result<bool, CliError> {
    let url = config.store.resolve(&config.data_dir).map_err(AssembleError::Secret)?;
    Ok(url.strip_prefix("sqlite:").is_none_or(|file| Path::new(file).exists()))
}

/// Sets `stop` at the first Ctrl-C or polite kill; a second one ends the process as ever.
async fn listen(stop: Arc<AtomicBool>) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for code in [None, Some(130)] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.store(true, Ordering::Relaxed);
        if let Some(code) = code {
            std::process::exit(code);
        }
    }
}

/// A bar on a terminal, nothing elsewhere.
#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Bar {
    fn new(stop: Arc<AtomicBool>) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} users, {eta} left");
        bar.set_style(style.expect("the template is right"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, stop }
    }
}

impl Watch for Bar {
    fn begin(&mut self, users: u64) {
        self.bar.set_length(users);
    }

    fn user(&mut self, _line: &Line) {
        self.bar.inc(1);
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn tell(common: &Common, config: &Config, report: &Report) -> Result<(), CliError> {
    if common.json {
        return output::value(report);
    }
    // A dry run is for reading everything; else only what somebody must know.
    let told: Vec<_> = report
        .users
        .iter()
        .filter(|line| report.dry_run || !line.left_out.is_empty() || !line.notes.is_empty())
        .collect();
    if !told.is_empty() {
        output::list(
            false,
            &["user", "name", "account", "equipment", "workouts", "what", "but"],
            &told,
            |line| cells(line, report),
            "",
        )?;
    }
    let tokens = report.signed_out;
    let would = if report.dry_run { "would be " } else { "" };
    output::print(&format!(
        "users: {} {would}brought, {} {would}completed, {} already there, {} {would}left out",
        report.count(Outcome::Imported),
        report.count(Outcome::Completed),
        report.count(Outcome::AlreadyThere),
        report.count(Outcome::LeftOut),
    ))?;
    output::print(&format!(
        "signed-out tokens: {} {would}brought, {} already there, {} dead anyway",
        tokens.imported, tokens.already_there, tokens.dead
    ))?;
    if makes_its_own_key(config) {
        output::print(
            "note: tokens of the old server do not work here, for `[schemes.fit]` has no `key`; see `--help`",
        )?;
    }
    Ok(())
}

fn cells(line: &Line, report: &Report) -> Vec<String> {
    let what = match (line.outcome, report.dry_run) {
        (Outcome::AlreadyThere, _) => "already there",
        (Outcome::Completed, false) => "completed",
        (Outcome::Completed, true) => "to be completed",
        (Outcome::Imported, false) => "brought",
        (Outcome::Imported, true) => "to be brought",
        (Outcome::LeftOut, false) => "left out",
        (Outcome::LeftOut, true) => "to be left out",
    };
    let but: Vec<_> = line.left_out.iter().chain(&line.notes).map(String::as_str).collect();
    let account = output::or_dash(line.account);
    let (equipments, workouts) = (line.equipments.to_string(), line.workouts.to_string());
    vec![line.user.to_string(), line.name.clone(), account, equipments, workouts, what.to_owned(), but.join("; ")]
}

/// Whether no other server can have signed what the tracker takes.
fn makes_its_own_key(config: &Config) -> bool {
    let fit = config.schemes.iter().find(|scheme| scheme.name == "fit");
    matches!(fit.map(|scheme| &scheme.kind), Some(SchemeKind::Jwt { key: None, jwks: None, .. }))
}

fn ended(report: &Report) -> Result<(), CliError> {
    match &report.end {
        End::Failed(why) => Err(CliError::refused(format!("{why}; what was brought stays, run it again to go on"))),
        End::Stopped => Err(CliError::refused("stopped; what was brought stays, run it again to go on")),
        _ if report.is_whole() => Ok(()),
        _ => {
            let lines = report.users.iter().filter(|line| !line.left_out.is_empty()).count();
            Err(CliError::refused(format!("of {lines} users something was left out; they are listed above")))
        }
    }
}

impl From<ForeignError> for CliError {
    fn from(error: ForeignError) -> Self {
        Self::refused(error.to_string())
    }
}

/// What `--help` tells.
const ABOUT_FITTRACKEE: &str = "\
Bring the users of a FitTrackee 0.8.13 server, with their passwords and preferences

Brings accounts (name, e-mail address, password, whether they may sign in, administrators), profiles and
preferences, equipment and workouts, what was mailed and not used yet, and the list of signed-out tokens;
with `--pictures` also pictures. Recorded tracks (GPX files) stay where they are. The other server's
database is only read, as it is at one instant; that server may run on meanwhile.

It can be stopped at any time (Ctrl-C) and run again: whoever was brought already is left alone. Run it
once more when the old server has stopped, for those who registered or signed out since.

Passwords work as they are and are stored in a stronger form at the first sign-in. Tokens of the old
server stay good if its secret, of at least 32 bytes, is the key here:

  [schemes.fit]
  kind = \"jwt\"
  algorithm = \"HS256\"
  key = \"file:fittrackee.key\"

They name an account by its number alone. So users keep their numbers, and one whose number somebody
else has here is left out, unless `--renumber` is given. Bring users of one old server only, best before
there are other accounts here.

Ends with 1 if anybody or anything was left out, and says what and why.";
