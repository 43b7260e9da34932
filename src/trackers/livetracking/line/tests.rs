use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What a real InfluxDB 1.6.7 answered to bodies, and what it kept: precision, body, status, answer, points.
const RECORDED: &str = include_str!("recorded.tsv");

#[test]
fn lines_are_read_as_recorded() {
    let mut rows = 0;
    for row in RECORDED.lines().filter(|row| !row.starts_with('#')) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [precision, body, status, answer, points] = columns[..] else { panic!("{row}") };
        let body = unescaped(body);
        let parsed = parse(&body, Rules { precision: Precision::named(precision), ..RULES });
        if DIFFERENT.contains(&row.split('\t').nth(1).unwrap()) {
            continue;
        }
        let recorded: Value = serde_json::from_str(points).unwrap();
        let dateless = recorded.as_array().unwrap().iter().any(|point| point[2].is_null());
        let answer = String::from_utf8(unescaped(answer)).unwrap();
        assert_eq!(points_of(&parsed.batch, dateless), sorted(recorded), "{row}");
        assert_eq!(answer_to(&parsed), (status.to_owned(), answer), "{row}");
        rows += 1;
    }
    assert!(rows >= 350, "{rows}");
}

/// The answer if the store takes everything.
fn answer_to(parsed: &Parsed) -> (String, String) {
    let said = parsed.faults.as_ref().map(|said| String::from_utf8_lossy(said).into_owned());
    let error = match (said, &parsed.left_out) {
        (_, Some(reason)) => format!("partial write: {reason} dropped={}", parsed.left_out_points),
        (Some(said), None) if parsed.has_no_point() => said,
        (Some(said), None) => format!("partial write: {said} dropped=0"),
        (None, None) => return ("204".into(), "-".into()),
    };
    // Go has other escapes than serde_json for some.
    let quoted = serde_json::to_string(&error).unwrap().replace("\\\\", "\u{e000}");
    let quoted = quoted.replace("\\b", "\\u0008").replace("\\f", "\\u000c").replace('\u{e000}', "\\\\");
    let go = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{fffd}', "\\ufffd")];
    let quoted = go.iter().fold(quoted, |text, (letter, escape)| text.replace(*letter, escape));
    ("400".into(), format!("{{\"error\":{quoted}}}"))
}

/// The points as a store merges them: measurement, tags, instant, fields with type and value.
fn points_of(batch: &Batch, dateless: bool) -> Vec<Value> {
    let mut points: BTreeMap<(u32, i64), serde_json::Map<String, Value>> = BTreeMap::new();
    let mut cells = batch.cells.iter();
    for row in &batch.rows {
        let fields = points.entry((row.series, row.at)).or_default();
        for (field, value) in cells.by_ref().take(row.cells as usize) {
            let shown = match value {
                FieldValue::Boolean(value) => json!(value),
                FieldValue::Float(value) => json!(value),
                FieldValue::Integer(value) => json!(value),
                FieldValue::String(value) => json!(&**value),
            };
            fields.insert(batch.fields[*field as usize].to_string(), json!([value.kind().as_str(), shown]));
        }
    }
    assert!(cells.next().is_none());
    let shown = points.into_iter().map(|((series, at), fields)| {
        let key = &batch.series[series as usize];
        assert!(key.tags.windows(2).all(|two| two[0].0 < two[1].0), "{key:?}");
        let tags: BTreeMap<_, _> = key.tags.iter().map(|(tag, value)| (&**tag, &**value)).collect();
        let at = if dateless { Value::Null } else { json!(at) };
        json!([&*key.measurement, tags, at, fields])
    });
    sorted(Value::Array(shown.collect()))
}

fn sorted(points: Value) -> Vec<Value> {
    let Value::Array(mut points) = points else { panic!("{points}") };
    points.sort_by_key(ToString::to_string);
    points
}

/// The bytes that a column of the table stands for.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut letters = text.bytes();
    while let Some(letter) = letters.next() {
        bytes.push(match letter {
            b'\\' => match letters.next().unwrap() {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'x' => {
                    let hex = [letters.next().unwrap(), letters.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                }
                same => same,
            },
            same => same,
        });
    }
    bytes
}

/// Rows in which we differ on purpose, or in which the store has its say.
const DIFFERENT: [&str; 8] = [
    r"a\\\\,b=c f=1 1795311540000000000",
    r"a\\\\ b f=1 1795311540000000000",
    r"a\xffb f=1 1795311540000000000",
    r"m f=1,f=2i 1795311540000000000",
    r"m \xff=1 1795311540000000000",
    r"m f=1 1\nm f=2i 2",
    r#"m f=1i 1\nm f=2 2\nm f="x" 3\nm f=4i 4"#,
    r"m f=1 1\nm g=1,f=t 2",
];

const NOW: i64 = 1_795_311_540_500_000_000;
const RULES: Rules = Rules { now: NOW, precision: Precision::Nanoseconds, oldest: None };

fn said(body: impl AsRef<[u8]>) -> String {
    String::from_utf8(parse(body.as_ref(), RULES).faults.unwrap_or_default()).unwrap()
}

fn parsed(body: impl AsRef<[u8]>) -> Parsed {
    parse(body.as_ref(), RULES)
}

#[test]
fn what_the_original_loses_or_fails_at_is_kept() {
    for (body, measurement, field) in [
        (&br"a\\,b=c f=1 1"[..], r"a\,b=c", "f"),
        (br"a\\ b f=1 1", r"a\ b", "f"),
        (b"a\xffb f=1 1", "a\u{fffd}b", "f"),
        (b"m \xff=1 1", "m", "\u{fffd}"),
        (b"m f=1,f=2i 1", "m", "f"),
    ] {
        let batch = parsed(body).batch;
        assert_eq!((&*batch.series[0].measurement, &*batch.fields[0]), (measurement, field));
        assert_eq!((batch.rows.len(), batch.cells.len()), (1, 1));
    }
    assert_eq!(parsed("m f=1,f=2i 1").batch.cells, [(0, FieldValue::Integer(2))]);
    assert_eq!(said("m \t=1"), "unable to parse 'm \t=1': missing field key");
    let stray = r#"m a\\="x=5,b=1""#;
    assert_eq!(said(stray), format!("unable to parse '{stray}': invalid field format"));
}

#[test]
fn a_point_without_an_instant_has_that_of_the_clock_in_the_unit() {
    for (name, at) in [("", NOW), ("ns", NOW), ("us", NOW), ("u", NOW), ("ms", NOW), ("s", NOW - 500_000_000)] {
        let rules = Rules { precision: Precision::named(name), ..RULES };
        assert_eq!(parse(b"m f=1", rules).batch.rows[0].at, at, "{name}");
    }
    let hours = Rules { now: -1, precision: Precision::Hours, ..RULES };
    assert_eq!(parse(b"m f=1", hours).batch.rows[0].at, -3_600_000_000_000);
}

#[test]
fn points_before_the_oldest_instant_are_counted_and_left_out() {
    let rules = Rules { oldest: Some(100), ..RULES };
    let parsed = parse(b"m f=1 99\nm f=2 100\nm,time=a f=3 99\nm time=4 99\nm g=5 -5\nbad", rules);
    assert_eq!((parsed.too_old, parsed.left_out_points, parsed.batch.rows.len()), (4, 0, 1));
    assert_eq!(parsed.batch.cells, [(0, FieldValue::Float(2.0))]);
    assert!(parsed.faults.is_some() && !parsed.has_no_point());
}

#[test]
fn names_and_series_stand_once_in_a_batch() {
    let body = "m,a=1,b=2 f=1,g=2 1\nm,b=2,a=1 g=3,f=4 2\nm,a=1,b=2 f=5 3\nm\\=n f=6 4\nm=n f=7 5\nm,a=1,b=2 g=8 6";
    let batch = parsed(body).batch;
    assert_eq!(batch.series.iter().map(|key| &*key.measurement).collect::<Vec<_>>(), ["m", "m=n"]);
    assert_eq!(batch.fields.iter().map(|name| &**name).collect::<Vec<_>>(), ["f", "g"]);
    assert_eq!(batch.rows.iter().map(|row| row.series).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 0]);
    assert_eq!(batch.cells.iter().map(|cell| cell.0).collect::<Vec<_>>(), [0, 1, 1, 0, 0, 0, 0, 1]);
}

#[test]
fn tsd_02_what_is_too_long_ends_in_an_error() {
    let key = "k".repeat(65_536);
    for (body, bytes) in [
        (format!("{key} f=1"), 65_536),
        (format!("m,t={} f=1", "v".repeat(65_536)), 65_540),
        (format!("m {}=1", "f".repeat(65_531)), 65_536),
    ] {
        assert!(said(&body).ends_with(&format!("max key length exceeded: {bytes} > 65535")), "{bytes}");
    }
    assert_eq!(parsed(format!("{} f=1", "k".repeat(65_530))).batch.rows.len(), 1);
    let told = said("x".repeat(1 << 20));
    assert!(told.ends_with("… (1048576 bytes)': missing fields") && told.len() < 70_000);
    let told = said("x\n".repeat(100_000));
    assert!(told.ends_with(" more lines") && told.len() < (1 << 20) + 100);
}

#[test]
fn tsd_02_time_grows_with_the_bytes_alone() {
    let many = |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
    let begun = std::time::Instant::now();
    let tags = format!("m{} f=1", many(5_000, &|n| format!(",k{}=v", 99_999 - n)));
    assert_eq!(parsed(tags).batch.series[0].tags.len(), 5_000);
    let twice = format!("m{},k9=w f=1", many(5_000, &|n| format!(",k{}=v", 5_000 - n)));
    assert!(said(twice).ends_with("duplicate tags"));
    let fields = format!("m {}z=1", many(200_000, &|n| format!("f{}=1,", n % 50_000)));
    assert_eq!(parsed(fields).batch.cells.len(), 50_001);
    let open = format!("m f=\"{}", "m f=1 1\n".repeat(500_000));
    assert!(said(open).ends_with("unbalanced quotes"));
    let series = many(150_000, &|n| format!("m,t={n} f=1 1\n"));
    let parsed = parsed(series);
    assert_eq!((parsed.batch.rows.len(), parsed.left_out_points), (100_000, 50_000));
    assert_eq!(parsed.left_out.as_deref(), Some("max-series-per-database limit exceeded: (100000)"));
    let escapes = "\\".repeat(4 << 20);
    assert!(said(escapes).contains("missing fields"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_body_is_read_without_panic_and_to_a_whole_batch(
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[mft\\\\\\\\\"\"==,,  \n0-9iuE.+-]{0,60}".prop_map(String::into_bytes),
            "(m|,a=b|,time=x| f=1| f=\"a b\"|,g=2i|\\\\| 5|\n){0,24}".prop_map(String::into_bytes),
        ],
    ) {
        let parsed = parsed(&body);
        let batch = &parsed.batch;
        let cells: usize = batch.rows.iter().map(|row| row.cells as usize).sum();
        prop_assert_eq!(cells, batch.cells.len());
        prop_assert!(batch.rows.iter().all(|row| row.cells > 0 && (row.series as usize) < batch.series.len()));
        prop_assert!(batch.cells.iter().all(|(field, _)| (*field as usize) < batch.fields.len()));
        prop_assert!(batch.fields.iter().all(|name| !name.is_empty() && **name != *"time"));
        for key in &batch.series {
            prop_assert!(key.tags.windows(2).all(|two| two[0].0 < two[1].0));
            prop_assert!(key.tags.iter().all(|(_, value)| !value.is_empty()));
        }
    }

    #[test]
    fn what_is_written_in_escapes_is_what_is_read(
        measurement in "[a-z,= #\"üß]{1,8}",
        tag in "[a-z,= ü]{1,8}",
        value in "[a-z,= \"ü]{1,8}",
        field in "[a-z,= ü]{1,8}",
        text in "[ -~\nü]{0,12}",
        at in any::<i32>(),
    ) {
        prop_assume!(tag != "time" && field != "time" && !measurement.trim_start().starts_with('#'));
        let name = |text: &str| text.replace(',', "\\,").replace('=', "\\=").replace(' ', "\\ ");
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let body =
            format!("{},{}={} {}=\"{quoted}\" {at}", name(&measurement), name(&tag), name(&value), name(&field));
        let batch = parsed(&body).batch;
        prop_assert_eq!(batch.rows.len(), 1, "{}", body);
        prop_assert_eq!(&*batch.series[0].measurement, &*measurement);
        prop_assert_eq!((&*batch.series[0].tags[0].0, &*batch.series[0].tags[0].1), (&*tag, &*value));
        prop_assert_eq!((&*batch.fields[0], batch.rows[0].at), (&*field, i64::from(at)));
        prop_assert_eq!(&batch.cells[0].1, &FieldValue::String(text.as_str().into()));
    }
}
