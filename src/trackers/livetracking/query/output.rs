//! In which form an answer is written.

use std::num::NonZeroUsize;

/// What a client takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    #[default]
    Json,
    JsonPretty,
    Msgpack,
}

impl Format {
    /// Its media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json | Self::JsonPretty => "application/json",
            Self::Msgpack => "application/x-msgpack",
        }
    }
}

/// How instants are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Epoch {
    Hours,
    Microseconds,
    Milliseconds,
    Minutes,
    Nanoseconds,
    /// As text; in CSV as nanoseconds, in msgpack as its time.
    #[default]
    Rfc3339,
    Seconds,
}

impl Epoch {
    /// What the parameter `epoch` says: nothing is RFC 3339, what is not known is nanoseconds.
    pub(crate) fn from_parameter(text: &str) -> Self {
        match text {
            "" => Self::Rfc3339,
            "h" => Self::Hours,
            "m" => Self::Minutes,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "u" => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }

    /// The nanoseconds of its unit, unless it is text.
    pub(crate) fn unit(self) -> Option<i64> {
        match self {
            Self::Hours => Some(3_600_000_000_000),
            Self::Microseconds => Some(1000),
            Self::Milliseconds => Some(1_000_000),
            Self::Minutes => Some(60_000_000_000),
            Self::Nanoseconds => Some(1),
            Self::Rfc3339 => None,
            Self::Seconds => Some(1_000_000_000),
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) epoch: Epoch,
    /// Rows in a document of a chunked answer.
    pub(crate) chunk: Option<NonZeroUsize>,
}

impl Output {
    /// Rows in a document if the client does not say how many.
    pub(crate) const CHUNK: NonZeroUsize = NonZeroUsize::new(10_000).expect("is not zero");
}
