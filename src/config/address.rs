//! Where an upstream is, as it stands in the file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use http::uri::Authority;
use http::{HeaderValue, Uri};
use schemars::JsonSchema;
use serde::Deserialize;
use trackgate_schemes::CanonicalPath;

/// One address of an upstream: `http://host:port/base`, `https://host:port/base` or `unix:/run/socket:/base`.
///
/// The base path, which may be missing, is put before the path of every request. A socket's path is absolute and
/// ends before the first `:/`.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Address {
    text: Box<str>,
    place: Place,
    host: HeaderValue,
    base: Box<str>,
}

/// What is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever connects must know each")]
pub enum Place {
    /// Host and port, in clear text.
    Plain(Authority),
    /// Host and port, over TLS.
    Tls(Authority),
    /// A socket in the file system, in clear text.
    Unix(PathBuf),
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Neither of the three forms, or with more than they have.
    #[error("is not a URL such as http://127.0.0.1:8086, https://host/base or unix:/run/socket")]
    NotABase,
    /// A base path with more than one reading.
    #[error("has a path that is not in canonical form")]
    Path,
    /// The path of a socket that depends on where the gateway was started.
    #[error("names a socket without its whole path, such as unix:/run/socket")]
    Relative,
}

impl Address {
    /// What is connected to.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it reads in `Host` when that is the upstream's own: `localhost` for a socket.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Empty, or a canonical path without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The text from which it was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (place, path) = match text.strip_prefix("unix:") {
            Some(rest) => socket(rest)?,
            None => server(text)?,
        };
        if CanonicalPath::parse(&path).map_or(true, |canonical| canonical.as_str() != path) {
            return Err(AddressError::Path);
        }
        let host = match &place {
            Place::Plain(authority) | Place::Tls(authority) => HeaderValue::from_str(authority.as_str()),
            Place::Unix(_) => Ok(HeaderValue::from_static("localhost")),
        };
        let host = host.map_err(|_not_a_value| AddressError::NotABase)?;
        Ok(Self { text: text.into(), place, host, base: path.strip_suffix('/').unwrap_or(&path).into() })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|error| format!("`{text}` {error}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn socket(text: &str) -> Result<(Place, String), AddressError> {
    let (socket, base) = match text.split_once(":/") {
        Some((socket, base)) => (socket, format!("/{base}")),
        None => (text, "/".to_owned()),
    };
    if !Path::new(socket).is_absolute() {
        return Err(AddressError::Relative);
    }
    if socket.contains('\0') || socket.ends_with('/') || base.contains('?') {
        return Err(AddressError::NotABase);
    }
    Ok((Place::Unix(socket.into()), base))
}

fn server(text: &str) -> Result<(Place, String), AddressError> {
    let url: Uri = text.parse().map_err(|_not_a_uri| AddressError::NotABase)?;
    let authority = url.authority().filter(|authority| !authority.as_str().contains('@'));
    let authority = authority.filter(|authority| !authority.host().is_empty()).ok_or(AddressError::NotABase)?.clone();
    if url.query().is_some() {
        return Err(AddressError::NotABase);
    }
    let path = url.path().to_owned();
    match url.scheme_str() {
        Some("http") => Ok((Place::Plain(authority), path)),
        Some("https") => Ok((Place::Tls(authority), path)),
        _ => Err(AddressError::NotABase),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_12_only_base_urls_and_sockets_are_addresses() {
        for (text, host, base) in [
            ("http://a", "a", ""),
            ("http://a:81/", "a:81", ""),
            ("https://[::1]:8080/base", "[::1]:8080", "/base"),
            ("http://127.0.0.1/base/", "127.0.0.1", "/base"),
            ("unix:/run/a.sock", "localhost", ""),
            ("unix:/run/a:b.sock:/base/x/", "localhost", "/base/x"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host().to_str().unwrap(), address.base()), (host, base), "{text}");
            assert_eq!(address.to_string(), text);
        }
        let socket: Address = "unix:/run/a:b.sock:/base".parse().unwrap();
        assert_eq!(*socket.place(), Place::Unix("/run/a:b.sock".into()));
        for (text, error) in [
            ("", AddressError::NotABase),
            ("ftp://a", AddressError::NotABase),
            ("/a", AddressError::NotABase),
            ("a:80", AddressError::NotABase),
            ("http://user@a", AddressError::NotABase),
            ("http://a/?b", AddressError::NotABase),
            ("unix:/", AddressError::NotABase),
            ("unix:/run/", AddressError::NotABase),
            ("unix:/run/a:/b?c", AddressError::NotABase),
            ("unix:a.sock", AddressError::Relative),
            ("unix:", AddressError::Relative),
            ("unix:/a:/b/../c", AddressError::Path),
            ("http://a/b/../c", AddressError::Path),
            ("https://a/%61", AddressError::Path),
            ("http://a//b", AddressError::Path),
        ] {
            assert_eq!(text.parse::<Address>().unwrap_err(), error, "{text}");
        }
    }
}
