//! What a statement says, once it is read.

use std::sync::Arc;
use std::time::Duration;

/// One statement of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Statement {
    /// One that needs the administrator, by how `InfluxDB` names it in a refusal (passwords redacted).
    Admin(String),
    /// `DELETE`, or `DROP SERIES`.
    Delete(Delete),
    /// One that reads well and cannot be run: the text of the error that its result is.
    Invalid(String),
    /// `SELECT`.
    Select(Box<Select>),
    /// `SHOW …`.
    Show(Show),
}

/// `SELECT columns [INTO target] FROM sources [WHERE …] [GROUP BY …] [fill(…)] [ORDER BY time …] [LIMIT …]
/// [OFFSET …] [SLIMIT …] [SOFFSET …] [tz('…')]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Select {
    pub(crate) columns: Vec<Column>,
    /// A measurement without a name is `:MEASUREMENT`: that of the source.
    pub(crate) into: Option<Source>,
    pub(crate) from: Vec<Source>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group: Vec<Dimension>,
    pub(crate) fill: Fill,
    pub(crate) order: Order,
    /// 0 for all.
    pub(crate) limit: u64,
    pub(crate) offset: u64,
    /// Series, 0 for all.
    pub(crate) series_limit: u64,
    pub(crate) series_offset: u64,
    /// The name of a time zone, for buckets and shown times.
    pub(crate) zone: Option<Arc<str>>,
}

/// One column of a `SELECT`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) expr: Expr,
    pub(crate) alias: Option<Arc<str>>,
}

/// What is read: `m`, `rp.m`, `db.rp.m`, `db..m`, each also with `/re/` as the measurement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    /// `None` for the database of the request.
    pub(crate) database: Option<Arc<str>>,
    pub(crate) retention_policy: Option<Arc<str>>,
    pub(crate) measurement: Measurement,
}

/// Which measurements a source means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measurement {
    Name(Arc<str>),
    Pattern(Pattern),
}

/// A regular expression, compiled; equal if its text is.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// An expression: of a column, of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Binary(Box<Binary>),
    /// `mean(hr_bpm)`, the name in lower case.
    Call {
        name: Arc<str>,
        arguments: Vec<Expr>,
    },
    Literal(Literal),
    /// In brackets; kept, since a statement is shown again as it was meant.
    Parens(Box<Expr>),
    Pattern(Pattern),
    /// A field, a tag, or `time`; the cast of `name::field` if it has one.
    Reference {
        name: Arc<str>,
        cast: Option<Cast>,
    },
    /// `*`, also `*::field`.
    Wildcard(Option<Cast>),
}

/// `left operator right`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Binary {
    pub(crate) left: Expr,
    pub(crate) operator: Operator,
    pub(crate) right: Expr,
}

/// What stands between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    And,
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    Divide,
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Match,
    Modulo,
    Multiply,
    NoMatch,
    NotEqual,
    Or,
    Subtract,
}

impl Operator {
    /// How it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::And => "AND",
            Self::BitwiseAnd => "&",
            Self::BitwiseOr => "|",
            Self::BitwiseXor => "^",
            Self::Divide => "/",
            Self::Equal => "=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Match => "=~",
            Self::Modulo => "%",
            Self::Multiply => "*",
            Self::NoMatch => "!~",
            Self::NotEqual => "!=",
            Self::Or => "OR",
            Self::Subtract => "-",
        }
    }

    /// The higher, the closer it binds.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Match
            | Self::NoMatch
            | Self::NotEqual => 3,
            Self::Add | Self::BitwiseOr | Self::BitwiseXor | Self::Subtract => 4,
            Self::BitwiseAnd | Self::Divide | Self::Modulo | Self::Multiply => 5,
        }
    }
}

/// What a name is said to be behind `::`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cast {
    Boolean,
    Field,
    Float,
    Integer,
    String,
    Tag,
}

impl Cast {
    /// How it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Field => "field",
            Self::Float => "float",
            Self::Integer => "integer",
            Self::String => "string",
            Self::Tag => "tag",
        }
    }
}

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Boolean(bool),
    /// Nanoseconds; a subtraction can make it negative.
    Duration(i64),
    Float(f64),
    Integer(i64),
    String(Arc<str>),
    /// Nanoseconds since 1970. The parser leaves `now()` a call and times texts, since these depend on the zone:
    /// whoever runs the statement reads them.
    Time(i64),
}

/// One entry of `GROUP BY`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dimension {
    /// The tags whose names match.
    Pattern(Pattern),
    Tag(Arc<str>),
    /// `time(interval[, offset])`, nanoseconds; the interval is positive.
    Time {
        interval: i64,
        offset: i64,
    },
    /// `*`: all tags.
    Wildcard,
}

/// What stands in a bucket without points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Fill {
    Linear,
    None,
    #[default]
    Null,
    Number(f64),
    Previous,
}

/// By time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    Ascending,
    Descending,
}

/// `DELETE [FROM sources] [WHERE …]` and `DROP SERIES`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delete {
    pub(crate) from: Vec<Source>,
    pub(crate) filter: Option<Expr>,
}

/// `SHOW what [ON database] [FROM sources] [WITH KEY …] [WHERE …] [LIMIT …] [OFFSET …]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Show {
    pub(crate) what: Shown,
    pub(crate) database: Option<Arc<str>>,
    pub(crate) from: Vec<Source>,
    pub(crate) filter: Option<Expr>,
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

/// What a `SHOW` lists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shown {
    Databases,
    FieldKeys,
    /// `WITH MEASUREMENT = m` or `=~ /re/`.
    Measurements(Option<Measurement>),
    RetentionPolicies,
    Series,
    TagKeys,
    TagValues(TagKeys),
}

/// `WITH KEY …`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TagKeys {
    In(Vec<Arc<str>>),
    Is(Arc<str>),
    IsNot(Arc<str>),
    Match(Pattern),
    NoMatch(Pattern),
}

/// What a statement needs of a database, for the refusal of those who have not got it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Need {
    /// The database; empty if none was named.
    pub(crate) database: Arc<str>,
    pub(crate) privilege: Privilege,
}

/// What one may do with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    Read,
    Write,
}

/// How long a request may take, and how much it may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) time: Duration,
    pub(crate) bytes: usize,
}
