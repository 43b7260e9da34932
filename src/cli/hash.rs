//! `trackgate hash`: the stored form of a password, for imports and tests.

use trackgate_schemes::password;

use super::account::{PasswordSource, read_password};
use super::{CliError, Common, output};

/// Hash a password.
#[derive(Debug, clap::Args)]
pub(super) struct Hash {
    /// Read the password from standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
}

impl Hash {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        let password = read_password(PasswordSource::flag(self.password_stdin))?;
        let hash = password::hash(&password);
        let text = hash.expose_text().unwrap_or_default();
        if common.json { output::value(&serde_json::json!({ "hash": text })) } else { output::print(text) }
    }
}
