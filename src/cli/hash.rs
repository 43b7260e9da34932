//! `trackgate hash`: the stored form of a password, for imports and tests.

use trackgate_schemes::password;

use super::account::{PasswordSource, read_password};
use super::{CliError, output};

/// Hash a password.
#[derive(Debug, clap::Args)]
pub(super) struct Hash {
    /// Read the password from standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
}

impl Hash {
    pub(super) fn run(self) -> Result<(), CliError> {
        let password = read_password(PasswordSource::flag(self.password_stdin))?;
        output::print(password::hash(&password).expose_text().unwrap_or_default())
    }
}
