//! Databases of other servers, from which accounts come. They are read and never changed.

mod fittrackee;

pub use fittrackee::FitTrackeeDatabase;

/// A database of another server that cannot be read. It never shows the password of a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// It is not of the version that can be read.
    #[error("this is no database of FitTrackee 0.8.13: {0}")]
    Unfit(String),
    /// The server does not answer or does not let us in.
    #[error("the database cannot be read: {0}")]
    Unreachable(String),
    /// The URL is of no known kind, or malformed.
    #[error("the URL of the database cannot be used: {0}")]
    Url(&'static str),
}
