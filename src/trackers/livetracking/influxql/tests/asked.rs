//! What may be asked.

use proptest::prelude::*;

use super::super::token::Kind;

/// Texts that would like to end early.
pub(super) fn nasty() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "'",
        "\"",
        "\\",
        ";",
        "--",
        "/*",
        "*/",
        "/",
        "\n",
        "DROP SERIES FROM m",
        "a",
        " ",
        "$x",
        "é",
        "\\'",
        "n",
        "(",
        "\t",
    ]);
    prop::collection::vec(parts, 1..12).prop_map(|parts| parts.concat())
}

/// Tokens in any order.
pub(super) fn soup() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "SELECT ",
        "FROM ",
        "a",
        "m",
        ",",
        "(",
        ")",
        "*",
        "/x/",
        "/",
        "'x'",
        "\"y\"",
        "'",
        "\"",
        "\\",
        "WHERE ",
        "time",
        ">",
        "=",
        "=~",
        "!~",
        "-",
        "+",
        "1",
        "1.5",
        "1h",
        " ",
        "\n",
        ";",
        "GROUP BY ",
        "time(1m)",
        "fill(",
        "LIMIT ",
        "SHOW ",
        "TAG VALUES ",
        "WITH KEY ",
        "IN ",
        "DELETE ",
        "DROP SERIES ",
        "ON ",
        "$x",
        "$y",
        "$z",
        "::field",
        ".",
        "AND ",
        "OR ",
        "INTO ",
        "tz('UTC')",
        "ORDER BY ",
        "--",
        "/*",
        "*/",
        "DISTINCT ",
        "µ",
        "é",
        "[",
        "CREATE USER ",
        "PASSWORD ",
    ]);
    prop::collection::vec(parts, 0..24).prop_map(|parts| parts.concat())
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_]{0,8}",
        prop::sample::select(vec!["\"select\"", "\"a b\"", "\"\\\"\\\\\\n\"", "\"é;--\"", "\"1\"", "\"time\""])
            .prop_map(str::to_owned),
    ]
    .prop_filter("keywords are no names", |name| Kind::of_word(name) == Kind::Name)
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i32>().prop_map(|number| number.to_string()),
        (-999..999_i32).prop_map(|number| format!("{}.{:03}", number, number.abs())),
        (1..15_000_u32, prop::sample::select(vec!["ns", "u", "µ", "ms", "s", "m", "h", "d", "w", "h30m"]))
            .prop_map(|(number, unit)| format!("{number}{unit}")),
        prop::sample::select(vec!["'x'", "'it\\'s'", "'\\\\\\n'", "true", "FALSE", "'2026-11-22T01:39:00.5Z'"])
            .prop_map(str::to_owned),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        name(),
        literal(),
        (name(), prop::sample::select(vec!["field", "TAG", "float", "integer", "string", "boolean"]))
            .prop_map(|(name, cast)| format!("{name}::{cast}")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%", "&", "|", "^"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("(-(  {inner}))")),
            ("[a-z]{1,6}_f", prop::collection::vec(inner, 0..3))
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(","))),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let comparison = prop_oneof![
        (expression(), prop::sample::select(vec!["=", "!=", "<>", "<", "<=", ">", ">="]), expression())
            .prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        (name(), prop::sample::select(vec!["=~ /a/", "!~ /^(a|b)\\/\\d+$/"]))
            .prop_map(|(name, rest)| format!("{name} {rest}")),
    ];
    comparison.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["and", "OR"]), inner.clone())
                .prop_map(|(left, word, right)| format!("{left} {word} {right}")),
            inner.prop_map(|inner| format!("({inner})")),
        ]
    })
}

pub(super) fn query() -> impl Strategy<Value = String> {
    let tail = prop::sample::select(vec![
        "",
        " GROUP BY time(1m) fill(none)",
        " group by *, time(90s, 10s) fill(0)",
        " GROUP BY \"a b\", /x/ order by time desc",
        " ORDER BY ASC LIMIT 5 OFFSET 6 SLIMIT 7 SOFFSET 8",
        " fill(-1.5) tz('Europe/Berlin')",
        " GROUP BY time(x)",
    ]);
    let columns = prop::collection::vec((expression(), prop::option::of(name())), 1..4).prop_map(|columns| {
        let columns = columns.into_iter().map(|(column, alias)| match alias {
            Some(alias) => format!("{column} as {alias}"),
            None => column,
        });
        columns.collect::<Vec<_>>().join(" , ")
    });
    let source = prop_oneof![
        name(),
        (name(), name()).prop_map(|(policy, name)| format!("{policy}.{name}")),
        (name(), name()).prop_map(|(database, name)| format!("{database}..{name}")),
        Just("/re\\/x/".to_owned()),
    ];
    let filter = prop_oneof![Just(String::new()), condition().prop_map(|filter| format!(" where {filter}"))].boxed();
    prop_oneof![
        4 => (columns, source, filter.clone(), tail)
            .prop_map(|(columns, source, filter, tail)| format!("select {columns} from {source}{filter}{tail}")),
        1 => (name(), filter.clone()).prop_map(|(name, filter)| format!("delete from {name}{filter}")),
        1 => (name(), name(), filter).prop_map(|(database, key, filter)| {
            format!("show tag values on {database} with key in ({key}, b){filter} limit 3")
        }),
    ]
}
