//! The parser beside the original, and what may not happen whatever is asked.

use proptest::prelude::*;
use serde_json::Value;

use super::ast::{Expr, Literal, Measurement, Privilege, Select, Source, Statement};
use super::{MAX_BRACKETS, MAX_BYTES, MAX_OPERATORS, MAX_PATTERNS, MAX_STATEMENTS, MAX_TERMS, Params, Parsed, parse};
use asked::{nasty, query, soup};

mod asked;

#[test]
fn answers_are_those_of_the_original() {
    let mut rows = 0;
    for row in measured() {
        let expected =
            text(&row, "ours").or(text(&row, "error")).map_or_else(|| refusal(&row), |text| Some(text.to_owned()));
        assert_eq!(answer(&row), expected, "{row}");
        rows += 1;
    }
    assert!(rows >= 200, "{rows} rows");
}

#[test]
fn writing_is_asked_for_after_reading() {
    let mut rows = 0;
    for row in measured() {
        let Some(then) = text(&row, "then") else { continue };
        let parsed = parse(text(&row, "q").unwrap(), None).unwrap();
        let last = parsed[0].needs.last().unwrap();
        assert_eq!(last.privilege, Privilege::Write, "{row}");
        let database = if last.database.is_empty() { "tester" } else { &last.database };
        assert_eq!(format!("WRITE on {database}"), then, "{row}");
        assert!(parsed[0].changes, "{row}");
        rows += 1;
    }
    assert!(rows > 0);
}

#[test]
fn dimensions_that_cannot_be_run_have_the_error_of_the_original() {
    let mut rows = 0;
    for row in measured() {
        let Some(Ok(parsed)) = text(&row, "q").map(|query| parse(query, None)) else { continue };
        for Parsed { statement, .. } in parsed {
            let Statement::Invalid(why) = statement else { continue };
            let known = ["positive duration argument", "now() is not supported"];
            if !known.iter().any(|own| why.ends_with(own)) {
                assert_eq!(Some(&*why), text(&row, "run"), "{row}");
                rows += 1;
            }
        }
    }
    assert!(rows >= 10, "{rows} rows");
}

#[test]
fn operators_bind_as_they_do_in_the_original() {
    for (filter, expected) in [
        ("f + 2 & 3", "(f + (2 & 3))"),
        ("f | 2 + 1", "((f | 2) + 1)"),
        ("f ^ 1 * 3", "(f ^ (1 * 3))"),
        ("f - 2 - 1", "((f - 2) - 1)"),
        ("f / 2 * 2", "((f / 2) * 2)"),
        ("-f + 2", "((-1 * f) + 2)"),
        ("f * -f + 1", "((f * (-1 * f)) + 1)"),
        ("a = 1 OR b = 2 AND c = 3", "((a = 1) OR ((b = 2) AND (c = 3)))"),
        ("a = 1 AND b = 2 OR c = 3", "(((a = 1) AND (b = 2)) OR (c = 3))"),
        ("f > 1 + 3 AND (a OR b)", "((f > (1 + 3)) AND [(a OR b)])"),
    ] {
        let select = only(&format!("SELECT a FROM m WHERE {filter}"), None);
        assert_eq!(shape(select.filter.as_ref().unwrap()), expected, "{filter}");
    }
}

#[test]
fn passwords_are_shown_nowhere() {
    for query in [
        "CREATE USER u WITH PASSWORD 'hunter2'",
        "CREATE USER u WITH PASSWORD 'hunter2' WITH ALL PRIVILEGES",
        "CREATE USER u WITH PASSWORD hunter2",
        "CREATE USER u WITH PASSWORD \"hunter2\"",
        "CREATE USER u WITH PASSWORD 'hunter2",
        "CREATE USER u WITH PASSWORD 'x' hunter2",
        "CREATE USER u WITH PASSWORD 'x'; hunter2",
        "CREATE USER u WITH PASSWORD 'it''hunter2'",
        "SET PASSWORD FOR u = 'hunter2'",
        "SET PASSWORD FOR u = hunter2",
        "SET PASSWORD FOR u 'hunter2'",
        "SET PASSWORD FOR 'hunter2'",
        "SET PASSWORD FOR u = 'x'hunter2",
    ] {
        let shown = match parse(query, None) {
            Ok(parsed) => format!("{parsed:?}"),
            Err(error) => format!("{error:?} {error}"),
        };
        assert!(!shown.contains("hunter2"), "{query}: {shown}");
        assert!(shown.contains("[REDACTED]"), "{query}: {shown}");
    }
}

#[test]
fn parameters_are_not_shown() {
    assert_eq!(format!("{:?}", Params::parse(r#"{"x":"secret"}"#).unwrap()), r#"{"x"}"#);
}

#[test]
fn what_is_too_much_is_refused() {
    let error = |query: &str| parse(query, None).map(drop).map_err(|error| error.to_string());
    let brackets = |depth| format!("SELECT {}a{} FROM m", "(".repeat(depth), ")".repeat(depth));
    let calls = |depth| format!("SELECT {}a{} FROM m", "f(".repeat(depth), ")".repeat(depth));
    let sum = |operators| format!("SELECT a{} FROM m", " + a".repeat(operators));
    let patterns = |number: usize| format!("SELECT {} FROM m", list(number, |n| format!("/{n}/")));
    let statements = |number| "SELECT a FROM m;".repeat(number);
    let columns = |number| format!("SELECT {} FROM m", list(number, |_| "a".to_owned()));

    for (most, query) in [
        (MAX_BRACKETS, &brackets as &dyn Fn(usize) -> String),
        (MAX_BRACKETS, &calls),
        (MAX_OPERATORS, &sum),
        (MAX_PATTERNS, &patterns),
        (MAX_STATEMENTS, &statements),
    ] {
        assert_eq!(error(&query(most)), Ok(()));
        let why = error(&query(most + 1)).unwrap_err();
        assert!(why.starts_with(&format!("more than {most} ")), "{why}");
    }
    assert!(error(&columns(MAX_TERMS)).unwrap_err().starts_with("more than"));
    assert!(error(&"(".repeat(1 << 21)).unwrap_err().starts_with("query is longer"));
    let long = Params::parse(&format!("{{\"x\":\"{}\"}}", "a".repeat(100_000))).unwrap();
    let repeated = parse(&format!("SELECT {} FROM m", list(1_000, |_| "$x".to_owned())), Some(&long));
    assert!(repeated.unwrap_err().to_string().starts_with("query with its parameters is longer"));
    assert!(error(&format!("SELECT {}.1 FROM m", "9".repeat(400))).unwrap_err().starts_with("unable to parse number"));
    assert!(error(&format!("SELECT a FROM m {}", "x".repeat(1 << 19))).unwrap_err().len() < 1_000);
    assert!(error("SELECT a FROM m\0; DROP SERIES FROM m").unwrap_err().contains("NUL"));
    assert!(error(r"SELECT a FROM /((\pL{100}){100}){100}/").unwrap_err().contains("too complex"));
    assert!(error(&format!("SELECT a FROM /{}/", "a".repeat(1_025))).unwrap_err().contains("longer"));
    assert_eq!(error(&format!("SELECT {} FROM m", list(1_000, |_| "/same/".to_owned()))), Ok(()));
}

#[test]
fn the_longest_texts_come_to_an_end() {
    for part in [
        "(", "a+", "-", "a,", "'", "\"", "/", "/*", "--", "\\", "$x", "a.", ";", "1h", "a::", "\n", "é", "in(",
        "f(/x/,",
    ] {
        let text = part.repeat((MAX_BYTES - 64) / part.len());
        for start in ["SELECT ", "SELECT a FROM m WHERE b = "] {
            drop(parse(&format!("{start}{text}"), None));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_it_panic(text in any::<String>(), soup in soup()) {
        drop(parse(&text, None));
        let params = Params::parse(r#"{"x":1,"y":{"regex":"a"},"z":{"identifier":"b"}}"#).unwrap();
        drop(parse(&soup, Some(&params)));
        drop(Params::parse(&text));
        drop(parse(&format!("SELECT a FROM /{}/", text.replace('/', "")), None));
    }

    #[test]
    fn what_is_printed_reads_the_same(query in query()) {
        let first = parse(&query, None).map_err(|error| TestCaseError::fail(format!("{query}: {error}")))?;
        let again = parse(&first[0].text, None).map_err(|error| TestCaseError::fail(format!("{query}: {error}")))?;
        prop_assert_eq!(first, again);
    }

    #[test]
    fn a_text_is_one_token(content in nasty()) {
        let escaped = content.replace('\\', r"\\").replace('\n', r"\n").replace('\'', r"\'");
        let select = only(&format!("SELECT a FROM m WHERE b = '{escaped}'"), None);
        prop_assert_eq!(compared(&select), Some(&Literal::String(content.as_str().into())));
    }

    #[test]
    fn a_quoted_name_is_one_token(content in nasty()) {
        let escaped = content.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"");
        let select = only(&format!("SELECT a FROM \"{escaped}\""), None);
        prop_assert_eq!(select.from, [Source {
            database: None,
            retention_policy: None,
            measurement: Measurement::Name(content.as_str().into()),
        }]);
    }

    #[test]
    fn a_parameter_is_one_token(content in nasty()) {
        let params = Params::parse(&serde_json::json!({ "x": content }).to_string()).unwrap();
        let select = only("SELECT a FROM m WHERE b = $x", Some(&params));
        prop_assert_eq!(compared(&select), Some(&Literal::String(content.as_str().into())));
    }

    #[test]
    fn comments_and_patterns_hide_no_statement(content in nasty()) {
        let line = content.replace(['\n', '\r'], " ");
        let comment = content.replace('/', " ");
        let pattern = regex::escape(&line).replace('/', r"\/") + "end";
        let count = |query: &str| parse(query, None).map_or(0, |all| all.len());
        prop_assert_eq!(count(&format!("SELECT a FROM m -- {line}")), 1);
        prop_assert_eq!(count(&format!("SELECT a /* {comment} */ FROM m")), 1);
        prop_assert_eq!(count(&format!("SELECT a FROM /{pattern}/")), 1);
    }
}

/// What was asked of `InfluxDB` 1.6.7, as somebody without any privilege: `q` and perhaps `params`; its `error`, or
/// how it prints the statement that it refuses (`text`) and what that `requires`, `then` what it requires of
/// somebody who may read the database `tester`; the error when the administrator has it `run`. Where our answer is
/// another on purpose, `ours` is all of it.
fn measured() -> impl Iterator<Item = Value> {
    include_str!("measured.jsonl").lines().map(|line| serde_json::from_str(line).unwrap())
}

fn text<'a>(row: &'a Value, name: &str) -> Option<&'a str> {
    row.get(name).and_then(Value::as_str)
}

fn refusal(row: &Value) -> Option<String> {
    let (said, requires) = (text(row, "text")?, text(row, "requires")?);
    Some(format!("{REFUSED}'{said}', requires {requires}"))
}

/// The whole error of a request of somebody without any privilege.
fn answer(row: &Value) -> Option<String> {
    let params = match text(row, "params").map(Params::parse).transpose() {
        Ok(params) => params,
        Err(error) => return Some(error.to_string()),
    };
    let parsed = match parse(text(row, "q")?, params.as_ref()) {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("error parsing query: {error}")),
    };
    parsed.into_iter().find_map(|parsed| {
        let requires = match (&parsed.statement, parsed.needs.first()) {
            (Statement::Admin(said), _) => {
                assert_eq!(*said, parsed.text);
                "admin privilege".to_owned()
            }
            (_, Some(need)) if need.privilege == Privilege::Read => format!("READ on {}", need.database),
            (_, Some(need)) => format!("WRITE on {}", need.database),
            (_, None) => return None,
        };
        Some(format!("{REFUSED}'{}', requires {requires}", parsed.text))
    })
}

fn only(query: &str, params: Option<&Params>) -> Select {
    let mut all = parse(query, params).unwrap();
    assert_eq!(all.len(), 1);
    let Some(Parsed { statement: Statement::Select(select), .. }) = all.pop() else { panic!("{query} is a SELECT") };
    *select
}

/// An expression with every operator in brackets, and the written brackets square.
fn shape(expr: &Expr) -> String {
    match expr {
        Expr::Binary(binary) => {
            format!("({} {} {})", shape(&binary.left), binary.operator.as_str(), shape(&binary.right))
        }
        Expr::Literal(Literal::Integer(number)) => number.to_string(),
        Expr::Parens(inner) => format!("[{}]", shape(inner)),
        Expr::Reference { name, .. } => name.to_string(),
        other => format!("{other:?}"),
    }
}

fn compared(select: &Select) -> Option<&Literal> {
    let Some(Expr::Binary(comparison)) = &select.filter else { return None };
    let Expr::Literal(literal) = &comparison.right else { return None };
    Some(literal)
}

fn list(number: usize, part: impl Fn(usize) -> String) -> String {
    (0..number).map(part).collect::<Vec<_>>().join(",")
}

const REFUSED: &str = "error authorizing query: none not authorized to execute statement ";
