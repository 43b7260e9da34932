//! Secrets by reference: a file or an environment variable, never inline.

use std::fmt;
use std::path::{Path, PathBuf};

use trackgate_schemes::Secret;

/// Where a secret is found.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretRef(From);

#[derive(Clone, PartialEq, Eq)]
enum From {
    Env(String),
    File(PathBuf),
    Plain(String),
}

/// A secret that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String);

impl SecretRef {
    /// Reads `file:PATH`, `env:NAME` or `credential:NAME` (a systemd credential); a relative path is
    /// below `base`.
    pub(super) fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let wrong = || "a secret is never written here: use `file:PATH`, `env:NAME` or `credential:NAME`".to_owned();
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self(From::File(base.join(path)))),
            Some(("env", name)) if !name.is_empty() => Ok(Self(From::Env(name.to_owned()))),
            Some(("credential", name)) if !name.is_empty() && !name.contains('/') => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or("`credential:` needs CREDENTIALS_DIRECTORY, which systemd sets for LoadCredential=")?;
                Ok(Self(From::File(Path::new(&folder).join(name))))
            }
            _ => Err(wrong()),
        }
    }

    /// What is in this file.
    pub(super) fn of_file(path: PathBuf) -> Self {
        Self(From::File(path))
    }

    /// Not a secret at all.
    pub(super) fn plain(text: String) -> Self {
        Self(From::Plain(text))
    }

    /// The file that holds it, when it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            From::File(path) => Some(path),
            From::Env(_) | From::Plain(_) => None,
        }
    }

    /// Reads it now. One line end behind the text is not part of it.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if it is missing, empty, or a file that others can read.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let mut bytes = match &self.0 {
            From::Env(name) => std::env::var_os(name)
                .map(std::ffi::OsString::into_encoded_bytes)
                .ok_or_else(|| SecretError(format!("the environment has no variable {name}")))?,
            From::File(path) => {
                refuse_readable(path)?;
                std::fs::read(path).map_err(|error| SecretError(format!("{}: {error}", path.display())))?
            }
            From::Plain(text) => text.clone().into_bytes(),
        };
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(SecretError(format!("{self:?} is empty")));
        }
        Ok(Secret::new(bytes))
    }

    /// Reads it now as text.
    ///
    /// # Errors
    ///
    /// [`SecretError`] as [`SecretRef::read`], and if it is not UTF-8.
    pub fn read_text(&self) -> Result<String, SecretError> {
        let secret = self.read()?;
        secret.expose_text().map(ToOwned::to_owned).ok_or_else(|| SecretError(format!("{self:?} is not UTF-8")))
    }
}

/// A secret that everybody on the machine can read is none.
fn refuse_readable(path: &Path) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt;
    let meta = std::fs::metadata(path).map_err(|error| SecretError(format!("{}: {error}", path.display())))?;
    if meta.permissions().mode().trailing_zeros() >= OTHERS_BITS {
        return Ok(());
    }
    Err(SecretError(format!("{} can be read by everybody: `chmod o= {0}`", path.display())))
}

/// The lowest bits of a mode are what everybody else may do.
const OTHERS_BITS: u32 = 3;

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            From::Env(name) => write!(f, "env:{name}"),
            From::File(path) => write!(f, "file:{}", path.display()),
            From::Plain(text) => f.write_str(text),
        }
    }
}
