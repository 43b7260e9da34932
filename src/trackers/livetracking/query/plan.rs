//! A statement made ready to run: columns over places in a row, and what fills those places.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::bucket::Buckets;
use super::check::{self, Timed};
use super::columns::{self, Column};
use super::condition::{self, Condition};
use super::function::{Function, Math};
use super::meter::{Outcome, Stop};
use super::node::Node;
use super::reduce::Constants;
use super::schema::{Meaning, Schema};
use super::time::{FIRST, LAST};
use super::value::Value;
use crate::ports::{FieldType, ScanOrder};
use crate::trackers::livetracking::influxql::ast::{Dimension, Expr, Fill, Literal, Order, Select};

/// A function of a column, and of what it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) function: Function,
    pub(crate) input: Input,
}

/// What a function is of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    Call(Box<Call>),
    Field { name: Arc<str>, kind: FieldType },
}

impl Call {
    /// The field that it is of in the end.
    pub(crate) fn field(&self) -> (&Arc<str>, FieldType) {
        match &self.input {
            Input::Call(inner) => inner.field(),
            Input::Field { name, kind } => (name, *kind),
        }
    }

    /// Says why a field of that type is not for it.
    pub(crate) fn check(&self) -> Outcome<()> {
        let kind = match &self.input {
            Input::Call(inner) => {
                inner.check()?;
                inner.gives()
            }
            Input::Field { kind, .. } => *kind,
        };
        self.function
            .takes(kind)
            .map_err(|name| Stop::Said(format!("unsupported {name} iterator type: *query.{kind}InterruptIterator")))
    }

    /// The type of its values.
    pub(crate) fn gives(&self) -> FieldType {
        match &self.input {
            Input::Call(inner) => self.function.gives(inner.gives()),
            Input::Field { kind, .. } => self.function.gives(*kind),
        }
    }
}

/// A field or tag that is shown as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) name: Arc<str>,
    pub(crate) meaning: Meaning,
}

/// What stands in a place for which there is nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Missing {
    /// What stood there before.
    Kept,
    Value(Value),
}

/// A statement made ready.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What the columns are called, the time first.
    pub(crate) titles: Vec<Arc<str>>,
    /// What the columns behind the time show of a row.
    pub(crate) outputs: Vec<Node>,
    /// What fills the first places of a row.
    pub(crate) calls: Vec<Call>,
    /// What fills the places behind those.
    pub(crate) shown: Vec<Shown>,
    /// Whether its one function chooses points.
    pub(crate) selector: bool,
    /// Whether it shows points as they are.
    pub(crate) raw: bool,
    pub(crate) buckets: Buckets,
    /// The tags that tables are made of, sorted.
    pub(crate) grouped: BTreeSet<Arc<str>>,
    /// What points must be like, but for their time.
    pub(crate) condition: Option<Expr>,
    pub(crate) order: ScanOrder,
    pub(crate) fill: Fill,
    missing: Missing,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
}

/// What of a statement can be worked out without its sources.
#[derive(Debug)]
pub(crate) struct Draft {
    condition: Condition,
    columns: Vec<Column>,
    time_title: Arc<str>,
    interval: i64,
    offset: i64,
    zone: Option<TimeZone>,
    raw: bool,
}

/// Looks at a statement for itself.
///
/// # Errors
///
/// [`Stop::Said`] with the original's text.
pub(crate) fn draft(select: &Select, now: i64) -> Outcome<Draft> {
    let zone = match &select.zone {
        None => None,
        Some(name) => Some(TimeZone::get(name).map_err(|_| Stop::Said(format!("unable to find time zone {name}")))?),
    };
    let condition = condition::split(select.filter.as_ref(), now, zone.as_ref())?;
    let (interval, offset) = select.group.iter().find_map(interval).unwrap_or((0, 0));
    let mut time_title: Arc<str> = Arc::from("time");
    let mut columns = Vec::with_capacity(select.columns.len());
    let constants = Constants { now: None, zone: None };
    for column in &select.columns {
        match &column.expr {
            Expr::Reference { name, .. } if &**name == "time" => {
                if let Some(alias) = &column.alias {
                    time_title = Arc::clone(alias);
                }
            }
            expr => columns.push(Column { expr: constants.reduce(expr), alias: column.alias.clone() }),
        }
    }
    let timed = if interval == 0 { Timed::Whole } else { Timed::Buckets };
    let exprs: Vec<_> = columns.iter().map(|column| &column.expr).collect();
    let checked = check::columns(select, &exprs, timed)?;
    Ok(Draft { condition, columns, time_title, interval, offset, zone, raw: checked.calls == 0 })
}

fn interval(dimension: &Dimension) -> Option<(i64, i64)> {
    match dimension {
        Dimension::Time { interval, offset } => Some((*interval, offset.checked_rem(*interval).unwrap_or(0))),
        _ => None,
    }
}

impl Draft {
    /// Makes the statement ready for its sources.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] with the original's text.
    pub(crate) fn plan(self, select: &Select, schema: &Schema, now: i64) -> Outcome<Plan> {
        let grouped = grouped(&select.group, schema);
        let columns = with_ranked(columns::expanded(self.columns, schema, &grouped), select);
        let bounds = self.condition.bounds;
        let open_end = if self.interval == 0 { LAST } else { now };
        let mut builder = Builder { schema, calls: Vec::new(), shown: Vec::new(), unknown: 0 };
        for column in &columns {
            builder.gather(&column.expr)?;
            columns::check_types(&column.expr, schema)?;
        }
        let outputs = columns.iter().map(|column| builder.node(&column.expr)).collect::<Outcome<Vec<_>>>()?;
        let titles = columns::titles(&self.time_title, &columns);
        let Builder { calls, shown, unknown, .. } = builder;
        Ok(Plan {
            titles,
            outputs,
            selector: unknown == 0 && matches!(calls.as_slice(), [call] if call.function.is_selector()),
            calls,
            shown,
            raw: self.raw,
            buckets: Buckets {
                interval: self.interval,
                offset: self.offset,
                zone: self.zone,
                first: bounds.first.unwrap_or(FIRST),
                last: bounds.last.unwrap_or(open_end),
            },
            grouped,
            condition: self.condition.rest,
            order: match select.order {
                Order::Ascending => ScanOrder::Ascending,
                Order::Descending => ScanOrder::Descending,
            },
            fill: select.fill,
            missing: match select.fill {
                Fill::Previous => Missing::Kept,
                Fill::Number(number) => Missing::Value(number_of(number)),
                _ => Missing::Value(Value::Null),
            },
            limit: usize::try_from(select.limit).unwrap_or(usize::MAX),
            offset: usize::try_from(select.offset).unwrap_or(usize::MAX),
        })
    }
}

impl Plan {
    /// What stands in each place for which there is nothing: in one of whole numbers, a whole number.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        let whole = |kind| kind == FieldType::Integer;
        let calls = self.calls.iter().map(|call| whole(call.gives()));
        let shown = self.shown.iter().map(|shown| matches!(shown.meaning, Meaning::Field(kind) if whole(kind)));
        let missing = calls.chain(shown).map(|whole| match &self.missing {
            Missing::Value(value @ Value::Float(_)) if whole => Missing::Value(value.clone().cast(FieldType::Integer)),
            other => other.clone(),
        });
        missing.collect()
    }

    /// Whether nothing that is asked for is known, so that there are no rows.
    pub(crate) fn is_void(&self) -> bool {
        if self.raw {
            return !self.shown.iter().any(|shown| matches!(shown.meaning, Meaning::Field(_)));
        }
        self.calls.is_empty()
    }
}

/// `fill(7)` as the number that it is.
#[expect(clippy::cast_possible_truncation, reason = "whole and small, as was looked at")]
pub(crate) fn number_of(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { Value::Integer(number as i64) } else { Value::Float(number) }
}

/// A literal as a value.
pub(crate) fn constant(literal: &Literal) -> Value {
    match literal {
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Duration(length) => Value::Integer(*length),
        Literal::Float(number) => Value::Float(*number),
        Literal::Integer(number) => Value::Integer(*number),
        Literal::String(text) => Value::String(Arc::clone(text)),
        Literal::Time(at) => Value::Time(*at),
    }
}

fn grouped(group: &[Dimension], schema: &Schema) -> BTreeSet<Arc<str>> {
    let mut tags = BTreeSet::new();
    for dimension in group {
        match dimension {
            Dimension::Pattern(pattern) => {
                tags.extend(schema.tags.iter().filter(|tag| pattern.0.is_match(tag)).cloned());
            }
            Dimension::Tag(tag) => {
                tags.insert(Arc::clone(tag));
            }
            Dimension::Time { .. } => {}
            Dimension::Wildcard => tags.extend(schema.tags.iter().cloned()),
        }
    }
    tags
}

/// Columns for what `top` and `bottom` name between field and number, unless the rows are stored.
fn with_ranked(columns: Vec<Column>, select: &Select) -> Vec<Column> {
    let mut all = Vec::with_capacity(columns.len());
    for column in columns {
        let between = match &column.expr {
            Expr::Call { name, arguments } if select.into.is_none() && matches!(&**name, "top" | "bottom") => {
                arguments.get(1..arguments.len().saturating_sub(1)).unwrap_or_default().to_vec()
            }
            _ => Vec::new(),
        };
        all.push(column);
        all.extend(between.into_iter().map(|expr| Column { expr, alias: None }));
    }
    all
}

struct Builder<'a> {
    schema: &'a Schema,
    calls: Vec<Call>,
    shown: Vec<Shown>,
    /// How many functions are of nothing that is known. Beside one of them no other tells its own time.
    unknown: usize,
}

impl Builder<'_> {
    /// Gives every function and field of an expression its place.
    fn gather(&mut self, expr: &Expr) -> Outcome<()> {
        match expr {
            Expr::Binary(binary) => {
                self.gather(&binary.left)?;
                self.gather(&binary.right)
            }
            Expr::Parens(inner) => self.gather(inner),
            Expr::Call { name, arguments } if Math::named(name).is_some() => {
                arguments.iter().try_for_each(|argument| self.gather(argument))
            }
            Expr::Call { name, arguments } => {
                match self.call(name, arguments)? {
                    None => self.unknown += 1,
                    Some(call) if self.calls.contains(&call) => {}
                    Some(call) => self.calls.push(call),
                }
                Ok(())
            }
            Expr::Reference { .. } => {
                if let Some(shown) = self.reference(expr)
                    && !self.shown.contains(&shown)
                {
                    self.shown.push(shown);
                }
                Ok(())
            }
            Expr::Literal(_) | Expr::Pattern(_) | Expr::Wildcard(_) => Ok(()),
        }
    }

    fn node(&self, expr: &Expr) -> Outcome<Node> {
        Ok(match expr {
            Expr::Binary(binary) => {
                Node::Binary(binary.operator, Box::new(self.node(&binary.left)?), Box::new(self.node(&binary.right)?))
            }
            Expr::Parens(inner) => self.node(inner)?,
            Expr::Call { name, arguments } => {
                if let Some(math) = Math::named(name) {
                    let arguments = arguments.iter().map(|argument| self.node(argument)).collect::<Outcome<_>>()?;
                    return Ok(Node::Math(math, arguments));
                }
                let call = self.call(name, arguments)?;
                let place = call.and_then(|call| self.calls.iter().position(|known| *known == call));
                place.map_or(Node::Constant(Value::Null), Node::Slot)
            }
            Expr::Reference { .. } => {
                let shown = self.reference(expr);
                let place = shown.and_then(|shown| self.shown.iter().position(|known| *known == shown));
                place.map_or(Node::Constant(Value::Null), |place| Node::Slot(self.calls.len() + place))
            }
            Expr::Literal(literal) => Node::Constant(constant(literal)),
            Expr::Pattern(pattern) => Node::Pattern(pattern.0.clone()),
            Expr::Wildcard(_) => Node::Constant(Value::Null),
        })
    }

    /// A call, unless the field that it is of is not known.
    fn call(&self, name: &str, arguments: &[Expr]) -> Outcome<Option<Call>> {
        let function = Function::of(name, arguments)?;
        let input = match arguments.first() {
            Some(Expr::Call { name, arguments }) => {
                self.call(name, arguments)?.map(|inner| Input::Call(Box::new(inner)))
            }
            Some(Expr::Reference { name, cast }) => match self.schema.meaning(name, *cast) {
                Meaning::Field(kind) => Some(Input::Field { name: Arc::clone(name), kind }),
                Meaning::Tag | Meaning::Unknown => None,
            },
            _ => None,
        };
        Ok(input.map(|input| Call { function, input }))
    }

    fn reference(&self, expr: &Expr) -> Option<Shown> {
        let Expr::Reference { name, cast } = expr else { return None };
        let meaning = self.schema.meaning(name, *cast);
        (meaning != Meaning::Unknown).then(|| Shown { name: Arc::clone(name), meaning })
    }
}
