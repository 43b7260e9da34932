//! Which series make a table, and which of their points count.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::function::Math;
use super::meter::{Meter, Outcome};
use super::node::Node;
use super::plan::{Plan, constant};
use super::schema::{Meaning, Schema, Table};
use super::value::Value;
use crate::ports::{PointsView, ScanOrder, SeriesId, SeriesKey};
use crate::trackers::livetracking::influxql::ast::{Binary, Expr, Operator};

/// A table to be: series of one measurement that agree in the tags that are grouped by.
#[derive(Clone, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) name: Arc<str>,
    /// The tags that are grouped by, sorted; those that are not there are empty.
    pub(crate) tags: Vec<(Arc<str>, Arc<str>)>,
    /// By their keys; the other way round if the newest points come first.
    pub(crate) members: Vec<Member<'a>>,
}

/// A series of a table.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) view: &'a dyn PointsView,
    pub(crate) table: &'a Table,
    pub(crate) id: SeriesId,
    pub(crate) key: &'a SeriesKey,
    /// What its points must be like; none if each counts.
    pub(crate) filter: Option<Filter>,
}

/// What points of a series must be like.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// Over a row of the fields.
    pub(crate) node: Node,
    pub(crate) fields: Vec<(Arc<str>, crate::ports::FieldType)>,
}

impl Member<'_> {
    /// The value of a tag; nothing if the series has not got it.
    pub(crate) fn tag(&self, name: &str) -> Value {
        tag(self.key, name).map_or(Value::Null, |value| Value::String(Arc::clone(value)))
    }
}

/// The tables of a statement in the order in which they are shown: by measurement and tags; the other way round if
/// the newest points come first.
pub(crate) fn groups<'a>(
    plan: &Plan,
    schema: &'a Schema,
    (limit, offset): (u64, u64),
    meter: &Meter<'_>,
) -> Outcome<Vec<Group<'a>>> {
    let mut all = Vec::new();
    for tables in schema.tables.chunk_by(|left, right| left.name == right.name) {
        let mut groups: BTreeMap<Vec<Arc<str>>, Vec<Member<'a>>> = BTreeMap::new();
        for table in tables {
            for (id, key) in &table.series {
                meter.tick(1)?;
                let Some(filter) = filter(plan.condition.as_ref(), table, key, schema) else {
                    continue;
                };
                let member = Member { view: &*table.view, table, id: *id, key, filter: filter.filter };
                let values = plan.grouped.iter().map(|name| tag(key, name).cloned().unwrap_or_default());
                groups.entry(values.collect()).or_default().push(member);
            }
        }
        let mut of_name: Vec<_> = groups
            .into_iter()
            .map(|(values, members)| Group {
                name: tables.first().map(|table| Arc::clone(&table.name)).unwrap_or_default(),
                tags: plan.grouped.iter().cloned().zip(values).collect(),
                members,
            })
            .collect();
        // Which tables are shown does not depend on the order.
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        let taken = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
        of_name = of_name.into_iter().skip(skipped).take(taken).collect();
        if plan.order == ScanOrder::Descending {
            of_name.reverse();
            for group in &mut of_name {
                group.members.reverse();
            }
        }
        all.push(of_name);
    }
    Ok(match plan.order {
        ScanOrder::Ascending => all.into_iter().flatten().collect(),
        ScanOrder::Descending => all.into_iter().rev().flatten().collect(),
    })
}

/// That a series counts, with what its points must be like.
struct Counts {
    filter: Option<Filter>,
}

/// What a condition asks of the points of a series; nothing if none of them can fulfil it.
fn filter(condition: Option<&Expr>, table: &Table, key: &SeriesKey, schema: &Schema) -> Option<Counts> {
    let Some(condition) = condition else {
        return Some(Counts { filter: None });
    };
    let mut fields = Vec::new();
    match node(condition, table, key, schema, &mut fields).simplified() {
        Node::Constant(Value::Boolean(true)) => Some(Counts { filter: None }),
        Node::Constant(_) => None,
        node => Some(Counts { filter: Some(Filter { node, fields }) }),
    }
}

/// Whether the tags of a series fulfil a condition; fields in it are absent.
pub(crate) fn tags_hold(condition: &Expr, table: &Table, key: &SeriesKey) -> bool {
    let none = Schema::default();
    node(condition, table, key, &none, &mut Vec::new()).simplified().holds(&[])
}

/// A condition over the fields of a series. What is no field is a tag, and a tag that is not there is empty.
fn node(
    expr: &Expr,
    table: &Table,
    key: &SeriesKey,
    schema: &Schema,
    fields: &mut Vec<(Arc<str>, crate::ports::FieldType)>,
) -> Node {
    match expr {
        Expr::Binary(binary) => {
            if let Some(known) = same_tags(binary, key, schema) {
                return Node::Constant(Value::Boolean(known));
            }
            let left = Box::new(node(&binary.left, table, key, schema, fields));
            let right = Box::new(node(&binary.right, table, key, schema, fields));
            match binary.operator {
                Operator::Divide => Node::WholeDivision(left, right),
                operator => Node::Binary(operator, left, right),
            }
        }
        Expr::Parens(inner) => node(inner, table, key, schema, fields),
        Expr::Call { name, arguments } => match Math::named(name) {
            Some(math) => {
                Node::Math(math, arguments.iter().map(|argument| node(argument, table, key, schema, fields)).collect())
            }
            None => Node::Constant(Value::Null),
        },
        Expr::Literal(literal) => Node::Constant(constant(literal)),
        Expr::Pattern(pattern) => Node::Pattern(pattern.0.clone()),
        Expr::Reference { name, cast } => match schema.meaning(name, *cast) {
            Meaning::Field(kind) if table.field(name).is_some() => {
                let wanted = (Arc::clone(name), kind);
                let place = fields.iter().position(|known| *known == wanted);
                Node::Slot(place.unwrap_or_else(|| {
                    fields.push(wanted);
                    fields.len() - 1
                }))
            }
            Meaning::Field(_) => Node::Constant(Value::Null),
            Meaning::Tag | Meaning::Unknown => {
                Node::Constant(Value::String(tag(key, name).cloned().unwrap_or_default()))
            }
        },
        Expr::Wildcard(_) => Node::Constant(Value::Null),
    }
}

/// Two tags that are compared: equal are those that are there, and are the same.
fn same_tags(binary: &Binary, key: &SeriesKey, schema: &Schema) -> Option<bool> {
    let value = |expr: &Expr| match expr {
        Expr::Reference { name, cast } if !matches!(schema.meaning(name, *cast), Meaning::Field(_)) => {
            Some(tag(key, name))
        }
        _ => None,
    };
    let (left, right) = (value(&binary.left)?, value(&binary.right)?);
    let same = left.is_some() && left == right;
    match binary.operator {
        Operator::Equal => Some(same),
        Operator::NotEqual => Some(!same),
        _ => None,
    }
}

fn tag<'k>(key: &'k SeriesKey, name: &str) -> Option<&'k Arc<str>> {
    let place = key.tags.binary_search_by(|(tag, _)| (**tag).cmp(name)).ok()?;
    key.tags.get(place).map(|(_, value)| value)
}
