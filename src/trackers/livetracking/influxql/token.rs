//! What a text is made of.

use std::fmt;
use std::sync::Arc;

use super::reader::Place;

/// One token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// What it says, without quotes; not for keywords and signs.
    pub(super) literal: Option<Arc<str>>,
    pub(super) at: Place,
}

impl Token {
    pub(super) fn sign(kind: Kind, at: Place) -> Self {
        Self { kind, literal: None, at }
    }

    pub(super) fn saying(kind: Kind, at: Place, literal: impl Into<Arc<str>>) -> Self {
        Self { kind, literal: Some(literal.into()), at }
    }

    pub(super) fn literal(&self) -> Arc<str> {
        self.literal.clone().unwrap_or_default()
    }

    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self.kind, Kind::Keyword(own) if own == keyword)
    }
}

/// As an error names it.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.literal.as_deref() {
            None | Some("") => f.write_str(self.kind.name()),
            Some(literal) => f.write_str(literal),
        }
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    BadEscape,
    BadRegex,
    BadText,
    Close,
    Colon,
    Comma,
    Comment,
    Dot,
    DoubleColon,
    Duration,
    End,
    False,
    Illegal,
    Integer,
    /// One of [`KEYWORDS`].
    Keyword(&'static str),
    Name,
    Number,
    Open,
    Operator(super::ast::Operator),
    /// `$name` that has no value, or none that can be used.
    Parameter,
    Regex,
    Semicolon,
    Space,
    Text,
    True,
}

impl Kind {
    /// How a token of this kind is named when it says nothing itself.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadEscape => "BADESCAPE",
            Self::BadRegex => "BADREGEX",
            Self::BadText => "BADSTRING",
            Self::Close => ")",
            Self::Colon => ":",
            Self::Comma => ",",
            Self::Comment => "",
            Self::Dot => ".",
            Self::DoubleColon => "::",
            Self::Duration => "DURATIONVAL",
            Self::End => "EOF",
            Self::False => "FALSE",
            Self::Illegal => "ILLEGAL",
            Self::Integer => "INTEGER",
            Self::Keyword(keyword) => keyword,
            Self::Name => "IDENT",
            Self::Number => "NUMBER",
            Self::Open => "(",
            Self::Operator(operator) => operator.as_str(),
            Self::Parameter => "BOUNDPARAM",
            Self::Regex => "REGEX",
            Self::Semicolon => ";",
            Self::Space => "WS",
            Self::Text => "STRING",
            Self::True => "TRUE",
        }
    }

    /// The kind of a bare word.
    pub(super) fn of_word(word: &str) -> Self {
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "AND" => Self::Operator(super::ast::Operator::And),
            "FALSE" => Self::False,
            "OR" => Self::Operator(super::ast::Operator::Or),
            "TRUE" => Self::True,
            upper => match KEYWORDS.binary_search(&upper) {
                Ok(at) => KEYWORDS.get(at).map_or(Self::Name, |keyword| Self::Keyword(keyword)),
                Err(_) => Self::Name,
            },
        }
    }
}

/// Words that are no names unless they stand in double quotes, in any case; measured.
pub(super) const KEYWORDS: &[&str] = &[
    "ALL",
    "ALTER",
    "ANALYZE",
    "ANY",
    "AS",
    "ASC",
    "BEGIN",
    "BY",
    "CARDINALITY",
    "CONTINUOUS",
    "CREATE",
    "DATABASE",
    "DATABASES",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DESTINATIONS",
    "DIAGNOSTICS",
    "DISTINCT",
    "DROP",
    "DURATION",
    "END",
    "EVERY",
    "EXACT",
    "EXPLAIN",
    "FIELD",
    "FOR",
    "FROM",
    "GRANT",
    "GRANTS",
    "GROUP",
    "GROUPS",
    "IN",
    "INF",
    "INSERT",
    "INTO",
    "KEY",
    "KEYS",
    "KILL",
    "LIMIT",
    "MEASUREMENT",
    "MEASUREMENTS",
    "NAME",
    "OFFSET",
    "ON",
    "ORDER",
    "PASSWORD",
    "POLICIES",
    "POLICY",
    "PRIVILEGES",
    "QUERIES",
    "QUERY",
    "READ",
    "REPLICATION",
    "RESAMPLE",
    "RETENTION",
    "REVOKE",
    "SELECT",
    "SERIES",
    "SET",
    "SHARD",
    "SHARDS",
    "SHOW",
    "SLIMIT",
    "SOFFSET",
    "STATS",
    "SUBSCRIPTION",
    "SUBSCRIPTIONS",
    "TAG",
    "TO",
    "USER",
    "USERS",
    "VALUES",
    "WHERE",
    "WITH",
    "WRITE",
];
