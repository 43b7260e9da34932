//! Which columns go together, and which arguments functions take: what the original looks at before it knows any
//! field.

use super::function::{Math, arguments};
use super::meter::{Outcome, Stop};
use super::spell;
use crate::trackers::livetracking::influxql::ast::{Expr, Fill, Literal, Select};

/// Checks the columns of a statement; those named `time` do not count.
///
/// # Errors
///
/// [`Stop::Said`] with the original's text.
pub(crate) fn columns(select: &Select, columns: &[&Expr], timed: Timed) -> Outcome<Checked> {
    let mut check = Check { select, timed, checked: Checked { calls: 0, only_selectors: true }, ..Check::new(select) };
    for column in columns {
        check.wildcards = true;
        check.expr(column)?;
    }
    check.together(columns.len())?;
    Ok(check.checked)
}

/// Whether a statement has buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timed {
    Buckets,
    Whole,
}

/// What was found of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// How many functions of many points there are; none in a statement that shows points as they are.
    pub(crate) calls: usize,
    /// Whether each of them chooses one of the points.
    pub(crate) only_selectors: bool,
}

struct Check<'a> {
    select: &'a Select,
    timed: Timed,
    checked: Checked,
    /// Whether `*` and patterns may stand in the column.
    wildcards: bool,
    fields: bool,
    distinct: bool,
    ranking: Option<String>,
}

fn said<T>(text: impl Into<String>) -> Outcome<T> {
    Err(Stop::said(text))
}

impl<'a> Check<'a> {
    fn new(select: &'a Select) -> Self {
        Self {
            select,
            timed: Timed::Whole,
            checked: Checked { calls: 0, only_selectors: true },
            wildcards: true,
            fields: false,
            distinct: false,
            ranking: None,
        }
    }

    fn expr(&mut self, expr: &Expr) -> Outcome<()> {
        match expr {
            Expr::Reference { .. } => self.fields = true,
            Expr::Wildcard(_) => {
                self.fields = true;
                if !self.wildcards {
                    return said("unable to use wildcard in a binary expression");
                }
            }
            Expr::Pattern(_) => {
                self.fields = true;
                if !self.wildcards {
                    return said("unable to use regex in a binary expression");
                }
            }
            Expr::Call { name, arguments } => return self.call(name, arguments),
            Expr::Binary(binary) => {
                self.wildcards = false;
                let sides = [&binary.left, &binary.right];
                let mut others = sides.into_iter().filter(|side| !matches!(side, Expr::Literal(_))).peekable();
                if others.peek().is_none() {
                    return said("cannot perform a binary expression on two literals");
                }
                return others.try_for_each(|side| self.expr(side));
            }
            Expr::Parens(inner) => return self.expr(inner),
            Expr::Literal(_) => return said("field must contain at least one variable"),
        }
        Ok(())
    }

    fn call(&mut self, name: &str, args: &[Expr]) -> Outcome<()> {
        if let Some(math) = Math::named(name) {
            math.check(name, args.len())?;
            let mut others = args.iter().filter(|argument| !matches!(argument, Expr::Literal(_)));
            return others.try_for_each(|argument| self.expr(argument));
        }
        self.checked.calls += 1;
        match name {
            "max" | "min" | "first" | "last" => self.function(name, args),
            "count" | "sum" | "mean" | "median" | "mode" | "stddev" | "spread" => {
                self.checked.only_selectors = false;
                self.function(name, args)
            }
            "percentile" => {
                arguments(name, 2, args.len())?;
                if !matches!(args.get(1), Some(Expr::Literal(Literal::Float(_) | Literal::Integer(_)))) {
                    return said("expected float argument in percentile()");
                }
                self.symbol(name, args.first())
            }
            "distinct" => self.distinct(args, Nesting::Outer),
            "top" | "bottom" => self.ranking(name, args),
            "derivative" | "non_negative_derivative" | "elapsed" => {
                between(name, args.len())?;
                positive(args.get(1), || format!("second argument to {name} must be a duration, got "))?;
                self.row(name, args.first())
            }
            "difference" | "non_negative_difference" | "cumulative_sum" => {
                arguments(name, 1, args.len())?;
                self.row(name, args.first())
            }
            "moving_average" => {
                arguments(name, 2, args.len())?;
                match args.get(1) {
                    Some(Expr::Literal(Literal::Integer(points))) if *points <= 1 => {
                        return said(format!("moving_average window must be greater than 1, got {points}"));
                    }
                    Some(Expr::Literal(Literal::Integer(_))) | None => {}
                    Some(other) => {
                        let kind = spell::kind(other);
                        return said(format!("second argument for moving_average must be an integer, got {kind}"));
                    }
                }
                self.row(name, args.first())
            }
            "integral" => {
                between(name, args.len())?;
                match args.get(1) {
                    None | Some(Expr::Literal(Literal::Duration(1..))) => {}
                    Some(Expr::Literal(Literal::Duration(length))) => {
                        return said(format!("duration argument must be positive, got {}", spell::duration(*length)));
                    }
                    Some(_) => return said("second argument must be a duration"),
                }
                self.checked.only_selectors = false;
                self.symbol(name, args.first())
            }
            "sample" | "holt_winters" | "holt_winters_with_fit" => said(format!("{name}() is not supported")),
            _ => said(format!("undefined function {name}()")),
        }
    }

    fn function(&mut self, name: &str, args: &[Expr]) -> Outcome<()> {
        arguments(name, 1, args.len())?;
        match args.first() {
            Some(Expr::Call { name: inner, arguments }) if name == "count" && &**inner == "distinct" => {
                self.distinct(arguments, Nesting::Inner)
            }
            argument => self.symbol(name, argument),
        }
    }

    /// A function whose argument must be a field, or stand for fields.
    fn symbol(&mut self, name: &str, argument: Option<&Expr>) -> Outcome<()> {
        match argument {
            Some(Expr::Reference { .. }) => Ok(()),
            Some(Expr::Wildcard(_)) if !self.wildcards => {
                said(format!("unsupported expression with wildcard: {name}()"))
            }
            Some(Expr::Pattern(_)) if !self.wildcards => {
                said(format!("unsupported expression with regex field: {name}()"))
            }
            Some(Expr::Wildcard(_) | Expr::Pattern(_)) => {
                self.checked.only_selectors = false;
                Ok(())
            }
            _ => said(format!("expected field argument in {name}()")),
        }
    }

    /// A function of a row of points, those of a field or those of buckets.
    fn row(&mut self, name: &str, argument: Option<&Expr>) -> Outcome<()> {
        self.checked.only_selectors = false;
        match (argument, self.timed) {
            (Some(Expr::Call { .. }), Timed::Whole) => said(format!("{name} aggregate requires a GROUP BY interval")),
            (Some(Expr::Call { name: inner, arguments }), Timed::Buckets) if &**inner == "distinct" => {
                self.distinct(arguments, Nesting::Inner)
            }
            (Some(inner @ Expr::Call { .. }), Timed::Buckets) => self.expr(inner),
            (_, Timed::Buckets) => said(format!("aggregate function required inside the call to {name}")),
            (argument, Timed::Whole) => self.symbol(name, argument),
        }
    }

    fn distinct(&mut self, args: &[Expr], nesting: Nesting) -> Outcome<()> {
        match args {
            [] => return said("distinct function requires at least one argument"),
            [Expr::Reference { .. }] => {}
            [_] => return said("expected field argument in distinct()"),
            _ => return said("distinct function can only have one argument"),
        }
        self.distinct |= nesting == Nesting::Outer;
        self.checked.only_selectors = false;
        Ok(())
    }

    fn ranking(&mut self, name: &str, args: &[Expr]) -> Outcome<()> {
        if let Some(other) = &self.ranking {
            return said(format!("selector function {other}() cannot be combined with other functions"));
        }
        let [first, between @ .., last] = args else {
            let got = args.len();
            return said(format!("invalid number of arguments for {name}, expected at least 2, got {got}"));
        };
        let limit = self.select.limit;
        match last {
            Expr::Literal(Literal::Integer(points)) if *points <= 0 => {
                return said(format!("limit ({points}) in {name} function must be at least 1"));
            }
            Expr::Literal(Literal::Integer(points)) if limit > 0 && points.unsigned_abs() > limit => {
                return said(format!(
                    "limit ({points}) in {name} function can not be larger than the LIMIT ({limit}) in the select statement"
                ));
            }
            Expr::Literal(Literal::Integer(_)) => {}
            other => {
                let text = spell::expr(other, &|_| None);
                return said(format!("expected integer as last argument in {name}(), found {text}"));
            }
        }
        if !matches!(first, Expr::Reference { .. }) {
            let text = spell::expr(first, &|_| None);
            return said(format!("expected first argument to be a field in {name}(), found {text}"));
        }
        if let Some(other) = between.iter().find(|argument| !matches!(argument, Expr::Reference { .. })) {
            let text = spell::expr(other, &|_| None);
            return said(format!("only fields or tags are allowed in {name}(), found {text}"));
        }
        self.ranking = Some(name.to_owned());
        Ok(())
    }

    fn together(&self, columns: usize) -> Outcome<()> {
        let Checked { calls, only_selectors } = self.checked;
        if columns == 0 {
            return said("at least 1 non-time field must be queried");
        }
        if let Some(name) = &self.ranking
            && calls > 1
        {
            return said(format!("selector function {name}() cannot be combined with other functions"));
        }
        if calls == 0 {
            match self.select.fill {
                Fill::None => return said("fill(none) must be used with a function"),
                Fill::Linear => return said("fill(linear) must be used with a function"),
                _ if self.timed == Timed::Buckets => {
                    return said("GROUP BY requires at least one aggregate function");
                }
                _ => {}
            }
        }
        if self.distinct && (calls != 1 || self.fields) {
            return said("aggregate function distinct() cannot be combined with other functions or fields");
        }
        if self.fields && !only_selectors {
            return said("mixing aggregate and non-aggregate queries is not supported");
        }
        if self.fields && calls > 1 {
            return said("mixing multiple selector functions with tags or fields is not supported");
        }
        Ok(())
    }
}

/// Where `distinct` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nesting {
    Inner,
    Outer,
}

fn between(name: &str, got: usize) -> Outcome<()> {
    if (1..=2).contains(&got) {
        return Ok(());
    }
    said(format!("invalid number of arguments for {name}, expected at least 1 but no more than 2, got {got}"))
}

/// The length of time that may stand second.
fn positive(argument: Option<&Expr>, otherwise: impl Fn() -> String) -> Outcome<()> {
    match argument {
        None | Some(Expr::Literal(Literal::Duration(1..))) => Ok(()),
        Some(Expr::Literal(Literal::Duration(length))) => {
            said(format!("duration argument must be positive, got {}", spell::duration(*length)))
        }
        Some(other) => said(otherwise() + spell::kind(other)),
    }
}
