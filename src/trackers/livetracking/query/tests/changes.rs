//! Statements that change what is stored.

use super::*;
use crate::ports::FieldValue;

fn change(query: &str, databases: &Databases, read_only: bool) -> String {
    let cancelled = AtomicBool::new(false);
    let context = Context { read_only, ..context(1_795_330_000_000_000_000, &cancelled) };
    String::from_utf8(ask(query, databases, &context, Output::default())).unwrap()
}

#[test]
fn rows_become_points() {
    let databases = databases(7);
    let answer = change("SELECT mean(*) INTO t.livetracking.means FROM mixed GROUP BY dev", &databases, false);
    assert_eq!(
        answer,
        "{\"results\":[{\"statement_id\":0,\"series\":[{\"name\":\"result\",\"columns\":[\"time\",\"written\"],\
         \"values\":[[\"1970-01-01T00:00:00Z\",4]]}]}]}\n"
    );
    let written = databases.written.lock().unwrap();
    let of_a = written.iter().find(|batch| batch.series[0].tags.iter().any(|(_, value)| &**value == "a")).unwrap();
    assert_eq!(&*of_a.series[0].measurement, "means");
    assert_eq!(of_a.rows, [Row { series: 0, at: 0, cells: 2 }]);
    assert_eq!(of_a.cells[0], (0, FieldValue::Float(13.5)));
    assert_eq!(of_a.fields.iter().map(|name| &**name).collect::<Vec<_>>(), ["mean_n", "mean_x"]);
    assert!(written.iter().any(|batch| batch.series[0].tags.is_empty()));
}

#[test]
fn tags_that_are_columns_become_fields() {
    let databases = databases(7);
    change("SELECT * INTO copy FROM mixed", &databases, false);
    let written = databases.written.lock().unwrap();
    assert_eq!(written.iter().map(|batch| batch.rows.len()).sum::<usize>(), 22);
    assert!(written[0].cells.contains(&(0, FieldValue::String(Arc::from("a")))));
}

#[test]
fn every_source_keeps_its_name_where_that_is_asked_for() {
    let databases = databases(7);
    change("SELECT v INTO t.livetracking.:MEASUREMENT FROM /long|riders/", &databases, false);
    let written = databases.written.lock().unwrap();
    let names: Vec<_> = written.iter().map(|batch| &*batch.series[0].measurement).collect();
    assert_eq!(names, ["long", "riders"]);
}

#[test]
fn nothing_is_written_where_nothing_is_found() {
    let databases = databases(7);
    let answer = change("SELECT nope INTO copy FROM mixed", &databases, false);
    assert!(answer.contains("[[\"1970-01-01T00:00:00Z\",0]]"));
    assert!(databases.written.lock().unwrap().is_empty());
}

#[test]
fn a_request_that_should_only_read_is_warned() {
    let answer = change("SELECT n INTO copy FROM mixed", &databases(7), true);
    assert!(answer.contains("\"messages\":[{\"level\":\"warning\",\"text\":\"deprecated use of 'SELECT n INTO copy FROM mixed' in a read only context, please use a POST request instead\"}]"));
}

#[test]
fn series_and_times_are_deleted() {
    let databases = databases(7);
    let answer = change("DELETE FROM mixed WHERE dev = 'a' AND time > 1795311560s", &databases, false);
    assert_eq!(answer, "{\"results\":[{\"statement_id\":0}]}\n");
    change("DELETE WHERE time < 3", &databases, false);
    let deleted = databases.deleted.lock().unwrap();
    let (series, range) = &deleted[0];
    assert_eq!(series.iter().map(keys::series).collect::<Vec<_>>(), ["mixed,dev=a"]);
    assert_eq!(*range, 1_795_311_560_000_000_001..=time::LAST);
    assert_eq!(deleted[1].0.len(), databases.t.series.len());
    assert_eq!(deleted[1].1, time::FIRST..=2);
}

#[test]
fn fields_choose_nothing_to_delete() {
    let databases = databases(7);
    let answer = change("DELETE FROM mixed WHERE n > 3", &databases, false);
    assert!(answer.contains("fields not supported in WHERE clause during deletion"));
    assert!(databases.deleted.lock().unwrap().is_empty());
}

#[test]
fn a_foreign_database_is_not_found() {
    let error = "{\"results\":[{\"statement_id\":0,\"error\":\"database not found: other\"}]}\n";
    for query in [
        "SELECT * FROM other..samples",
        "SELECT * FROM other.livetracking.samples",
        "SELECT * FROM samples, other..samples",
        "SELECT * FROM other../.*/",
        "SELECT * INTO other..samples FROM samples",
        "SHOW SERIES ON other",
    ] {
        assert_eq!(change(query, &databases(7), false), error, "{query}");
    }
}
