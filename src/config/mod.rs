//! Configuration: what an operator writes, checked before anything runs.
//!
//! [`written`] is the file as typed, [`checked`] is what the gateway runs. Between them every mistake is
//! found and told with file, line, column and what was meant. Nothing is parsed again per request.

use std::path::{Path, PathBuf};

pub mod address;
pub mod checked;
mod error;
mod translated;
pub mod units;
mod upstreams;
pub mod written;

pub use checked::Config;
pub use error::ConfigError;

use error::Place;

/// Flags of the command line that win over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Where stores and generated keys live.
    pub data_dir: Option<PathBuf>,
    /// Where to listen.
    pub listen: Option<std::net::SocketAddr>,
}

/// Reads and checks a configuration file, or the built-in configuration when there is none.
///
/// Relative paths in a file are read from the folder of that file.
///
/// # Errors
///
/// [`ConfigError`] with the place of the first mistake.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
    let Some(path) = file else {
        let mut config =
            check(written::Config::default(), Path::new("."), overrides, "", "the built-in configuration")?;
        if Path::new(USUAL_NAME).is_file() {
            config
                .warnings
                .push(format!("{USUAL_NAME} lies here and is not read: name it with `--config {USUAL_NAME}`"));
        }
        return Ok(config);
    };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(&name, &error))?;
    let base = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parse(&text, base, overrides, &name)
}

/// Checks a configuration text as if it stood in the file `name` in the folder `base`.
///
/// # Errors
///
/// [`ConfigError`] with the place of the first mistake.
pub fn parse(text: &str, base: &Path, overrides: &Overrides, name: &str) -> Result<Config, ConfigError> {
    let written: written::Config =
        toml::from_str(text).map_err(|error| ConfigError::unreadable_toml(name, text, &error))?;
    check(written, base, overrides, text, name)
}

/// The JSON Schema of the file, for editors (draft 2020-12).
///
/// # Panics
///
/// Never: a schema is JSON.
pub fn schema() -> String {
    let schema = schemars::schema_for!(written::Config);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON")
}

/// What the file is called in the documentation: whoever has one of this name, and does not say so, is told.
const USUAL_NAME: &str = "trackgate.toml";

/// An example file with comments.
pub const EXAMPLE: &str = include_str!("example.toml");

fn check(
    written: written::Config,
    base: &Path,
    overrides: &Overrides,
    text: &str,
    name: &str,
) -> Result<Config, ConfigError> {
    checked::check(written, base, overrides).map_err(|fault| {
        let place = Place::of(text, &fault.path);
        ConfigError::wrong(name, place, &fault)
    })
}

#[cfg(test)]
mod tests;
