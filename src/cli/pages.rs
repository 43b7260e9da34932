//! Completion scripts and the manual page, made from the command line itself.

use clap::Command;
use clap_complete::Shell;

use super::{CliError, output};

pub(super) fn completions(mut command: Command, shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "trackgate", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())
}

pub(super) fn manual(command: Command) -> Result<(), CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(CliError::io("writing the manual page"))?;
    output::print(String::from_utf8_lossy(&page).trim_end())
}
