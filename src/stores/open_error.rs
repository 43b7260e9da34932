//! Why a store did not open.

use std::fmt;

/// A store that did not open. It never shows the password of a URL.
#[derive(Debug)]
pub struct OpenError {
    kind: OpenErrorKind,
    detail: String,
}

impl OpenError {
    pub(super) fn new(kind: OpenErrorKind, detail: impl fmt::Display) -> Self {
        Self { kind, detail: detail.to_string() }
    }

    /// What is in the way.
    pub fn kind(&self) -> OpenErrorKind {
        self.kind
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            OpenErrorKind::Damaged => "the store is damaged",
            OpenErrorKind::Directory => "the directory of the store is missing",
            OpenErrorKind::Locked => "the store is locked by another process",
            OpenErrorKind::Newer => "the store is of a newer version of trackgate",
            OpenErrorKind::Permission => "the store may not be used",
            OpenErrorKind::Stranger => "the database is not trackgate's",
            OpenErrorKind::Unreachable => "the store cannot be reached",
            OpenErrorKind::Url => "the URL of the store cannot be used",
        };
        write!(f, "{what}: {}", self.detail)
    }
}

impl std::error::Error for OpenError {}

/// What keeps a store from opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// Its pages or its version cannot be read.
    Damaged,
    /// The directory in which its file shall lie is not there.
    Directory,
    /// Another process holds it for longer than a writer may.
    Locked,
    /// A newer version of trackgate wrote it.
    Newer,
    /// It cannot be read or written by this user, or others could read it.
    Permission,
    /// It is a file or database of something else.
    Stranger,
    /// The server does not answer or does not let us in.
    Unreachable,
    /// The URL is of no known kind, or malformed.
    Url,
}
