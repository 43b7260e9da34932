//! What a request may take, and what ends it (TSD-07).

use super::*;

fn bounded(query: &str, budget: Budget) -> String {
    let cancelled = AtomicBool::new(false);
    let context = Context { budget, ..context(1_795_330_000_000_000_000, &cancelled) };
    let output = Output { epoch: Epoch::Seconds, ..Output::default() };
    String::from_utf8(ask(query, &databases(100), &context, output)).unwrap()
}

#[test]
fn buckets_that_would_be_made_up_are_bounded() {
    let year = "SELECT mean(v) FROM long WHERE time >= 1795311540s AND time < 1795311540s + 365d GROUP BY time(1ns)";
    assert_eq!(
        asked(year),
        "{\"results\":[{\"statement_id\":0,\"error\":\"max-select-buckets limit exceeded: (31536000000000000/1000000)\"}]}\n"
    );
    assert!(asked(&format!("{year} LIMIT 2")).contains("\"values\":[[1795311540,0],[1795311540,null]]"));
    assert!(asked(&format!("{year} fill(none)")).contains("[1795311577,"));
}

#[test]
fn what_is_held_is_bounded() {
    let budget = Budget { time: Duration::from_mins(1), bytes: 10_000 };
    let error = "{\"results\":[{\"statement_id\":0,\"error\":\"query exceeded its memory limit of 10000 bytes\"}]}\n";
    for query in [
        "SELECT median(v) FROM long",
        "SELECT distinct(v) FROM long",
        "SELECT mean(v) FROM long GROUP BY time(1s) fill(none)",
        "SELECT derivative(v) FROM long",
        "SELECT max(w) FROM long WHERE v > 1 GROUP BY time(1s) fill(none)",
    ] {
        assert_eq!(bounded(query, budget), error, "{query}");
    }
    assert!(bounded("SELECT mean(v) FROM long", budget).contains("1033.05"));
    assert!(!bounded("SELECT v FROM long", budget).contains("error"));
}

#[test]
fn what_was_held_for_a_table_may_be_held_again_for_the_next() {
    let budget = Budget { time: Duration::from_mins(1), bytes: 60_000 };
    let statements = vec!["SELECT median(v) FROM long"; 40].join(";");
    assert!(!bounded(&statements, budget).contains("error"));
}

#[test]
fn time_is_bounded() {
    let budget = Budget { time: Duration::ZERO, bytes: 1 << 20 };
    assert_eq!(
        bounded("SELECT * FROM long", budget),
        "{\"results\":[{\"statement_id\":0,\"error\":\"query exceeded its time limit of 0ns\"}]}\n"
    );
}

#[test]
fn a_client_that_left_ends_it() {
    let cancelled = AtomicBool::new(true);
    let context = context(0, &cancelled);
    assert_eq!(ask("SELECT * FROM long", &databases(100), &context, Output::default()), b"");
}

#[test]
fn whoever_reads_no_more_ends_it() {
    let cancelled = AtomicBool::new(false);
    let statements = parse(&vec!["SELECT * FROM long"; 50].join(";"), None).unwrap();
    let mut pieces = 0;
    answer(&statements, &databases(100), &context(0, &cancelled), Output::default(), &mut |_| {
        pieces += 1;
        ControlFlow::Break(())
    });
    assert_eq!(pieces, 1);
}

#[test]
fn long_answers_come_in_pieces() {
    let cancelled = AtomicBool::new(false);
    let statements = parse(&vec!["SELECT * FROM long"; 50].join(";"), None).unwrap();
    let mut most = 0;
    answer(&statements, &databases(100), &context(0, &cancelled), Output::default(), &mut |piece| {
        most = most.max(piece.len());
        ControlFlow::Continue(())
    });
    assert!((32 * 1024..64 * 1024).contains(&most), "{most}");
}

#[test]
fn a_thousand_statements_are_answered() {
    let answer = asked(&vec!["SELECT last(hr_bpm) FROM samples"; 1000].join(";"));
    assert!(answer.contains("\"statement_id\":999,\"series\""));
}
