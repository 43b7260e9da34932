//! The rules of the gate.

use proptest::prelude::*;
use trackgate_schemes::Grants;
use trackgate_schemes::testing::{Sample, block_on};

use super::*;
use crate::layer::{Entry, Gate, Mode, Permit, Trail, Word};

/// A gate with a hand on each of its schemes.
struct Case {
    gate: Gate,
    schemes: Vec<Arc<Told>>,
    rule: Arc<Rule>,
}

fn case_with(mode: Mode, schemes: impl IntoIterator<Item = Told>, rule: Arc<Rule>) -> Case {
    let schemes: Vec<_> = schemes.into_iter().map(Arc::new).collect();
    let gate = Gate::new(mode, schemes.iter().map(|told| Arc::clone(told) as _).collect(), vec![rule.clone()]);
    Case { gate, schemes, rule }
}

fn case(mode: Mode, schemes: impl IntoIterator<Item = Told>) -> Case {
    case_with(mode, schemes, Rule::allows())
}

fn public() -> Mode {
    Mode::Public { reason: "a test".into() }
}

impl Case {
    fn enter(&self, sample: &Sample) -> Result<Permit, Rejection> {
        sample.show(NOW, |head| block_on(self.gate.enter(head)))
    }

    /// Who is let through: the scheme's id. Else the reason and who said so.
    fn outcome(&self, sample: &Sample) -> Result<&'static str, (Reason, &'static str)> {
        self.enter(sample).map(|permit| permit.identity().scheme()).map_err(|why| (why.reason, why.by))
    }

    fn asked(&self) -> Vec<usize> {
        self.schemes.iter().map(|told| told.asked()).collect()
    }

    fn accepted(&self) -> Vec<usize> {
        self.schemes.iter().map(|told| told.accepted()).collect()
    }
}

fn with_authorization() -> Sample {
    Sample::new().header("authorization", "a word")
}

#[test]
fn the_first_scheme_that_finds_its_credential_decides() {
    let case = case(Mode::Required, [Told::says("first", Says::Known), Told::says("second", Says::Known)]);
    assert_eq!(case.outcome(&with_authorization()), Ok("first"));
    assert_eq!((case.asked(), case.accepted()), (vec![1, 0], vec![1, 0]));
}

#[test]
fn absent_looks_on_whether_at_once_or_later() {
    let schemes = [
        Told::says("first", Says::Absent),
        Told::says("second", Says::Absent).later(),
        Told::says("third", Says::Known).later(),
        Told::says("fourth", Says::Known),
    ];
    let case = case(Mode::Required, schemes);
    assert_eq!(case.outcome(&with_authorization()), Ok("third"));
    assert_eq!((case.asked(), case.accepted()), (vec![1, 1, 1, 0], vec![0, 0, 1, 0]));
}

#[test]
fn a_bad_credential_falls_through_neither_to_another_scheme_nor_to_anonymous() {
    for mode in [Mode::Required, Mode::Optional] {
        for bad in [Told::says("bad", Says::Refused), Told::says("bad", Says::Refused).later()] {
            let case = case(mode.clone(), [bad, Told::says("good", Says::Known)]);
            assert_eq!(case.outcome(&with_authorization()), Err((Reason::WrongSecret, "bad")));
            assert_eq!((case.asked(), case.accepted(), case.rule.asked()), (vec![1, 0], vec![0, 0], 0));
        }
    }
}

#[test]
fn credentials_that_could_disagree_are_refused_before_any_scheme_runs() {
    let rows = [
        Sample::new().header("authorization", "a").header("authorization", "a"),
        Sample::new().header("authorization", "a").header("token", "b"),
        Sample::new().header("token", "b").header("token", "b"),
        Sample::new().header("authorization", "a").query("key=b"),
        Sample::new().query("key=b&x=1&key=b"),
        Sample::new().query("key&key=b"),
    ];
    for sample in rows {
        for mode in [Mode::Required, Mode::Optional] {
            let schemes = [
                Told::says("basic", Says::Known),
                Told::says("sliding", Says::Known).in_header("token"),
                Told::says("link", Says::Known).in_query("key"),
            ];
            let case = case(mode, schemes);
            assert_eq!(case.outcome(&sample), Err((Reason::Ambiguous, "gate")), "{sample:?}");
            assert_eq!((case.asked(), case.rule.asked()), (vec![0; 3], 0), "{sample:?}");
        }
    }
}

#[test]
fn places_that_no_scheme_reads_do_not_make_a_request_ambiguous() {
    let case = case(Mode::Required, [Told::says("basic", Says::Known), Told::says("bearer", Says::Known)]);
    let sample = with_authorization().header("token", "a").header("token", "b").query("key=b");
    assert_eq!(case.outcome(&sample), Ok("basic"));
}

#[test]
fn without_a_credential_no_scheme_is_asked() {
    let required = case(Mode::Required, [Told::says("basic", Says::Known)]);
    assert_eq!(required.outcome(&Sample::new()), Err((Reason::Missing, "gate")));
    assert_eq!((required.asked(), required.rule.asked()), (vec![0], 0));
    let optional = case(Mode::Optional, [Told::says("basic", Says::Known)]);
    assert!(optional.enter(&Sample::new()).unwrap().identity().is_anonymous());
    assert_eq!((optional.asked(), optional.accepted(), optional.rule.asked()), (vec![0], vec![0], 1));
}

#[test]
fn on_an_optional_route_a_good_credential_is_known() {
    let case = case(Mode::Optional, [Told::says("basic", Says::Known)]);
    assert_eq!(case.outcome(&with_authorization()), Ok("basic"));
    assert_eq!(case.accepted(), [1]);
}

#[test]
fn on_a_public_route_no_scheme_is_asked_whatever_the_request_carries() {
    for says in [Says::Known, Says::Refused, Says::Absent] {
        let case = case(public(), [Told::says("basic", says)]);
        let twice = with_authorization().header("authorization", "another");
        for sample in [Sample::new(), with_authorization(), twice] {
            assert!(case.enter(&sample).unwrap().identity().is_anonymous());
        }
        assert_eq!((case.asked(), case.accepted(), case.rule.asked()), (vec![0], vec![0], 3));
    }
}

#[test]
fn policies_stand_before_public_and_optional_routes_too() {
    for mode in [public(), Mode::Optional] {
        let case = case_with(mode, [Told::says("basic", Says::Known)], Rule::denies(Reason::RateLimited));
        assert_eq!(case.outcome(&Sample::new()), Err((Reason::RateLimited, "rule")));
    }
}

#[test]
fn a_credential_that_nobody_reads_is_refused_by_the_last_scheme_of_its_place() {
    for mode in [Mode::Required, Mode::Optional] {
        for (sample, by) in [(with_authorization(), "bearer"), (Sample::new().header("token", "?"), "sliding")] {
            let schemes = [
                Told::says("basic", Says::Absent),
                Told::says("bearer", Says::Absent).later(),
                Told::says("sliding", Says::Absent).in_header("token"),
            ];
            let case = case(mode.clone(), schemes);
            assert_eq!(case.outcome(&sample), Err((Reason::Malformed, by)));
            assert_eq!((case.asked(), case.rule.asked()), (vec![1; 3], 0));
        }
    }
}

#[test]
fn a_use_counts_once_and_only_behind_all_policies() {
    for scheme in [Told::says("basic", Says::Known), Told::says("basic", Says::Known).later()] {
        let allowed = case(Mode::Required, [scheme]);
        assert_eq!(allowed.outcome(&with_authorization()), Ok("basic"));
        assert_eq!((allowed.accepted(), allowed.rule.asked()), (vec![1], 1));
    }
    let denied = case_with(Mode::Required, [Told::says("basic", Says::Known)], Rule::denies(Reason::Grant));
    assert_eq!(denied.outcome(&with_authorization()), Err((Reason::Grant, "rule")));
    assert_eq!(denied.accepted(), [0]);
}

#[test]
fn a_credential_that_ends_between_verdict_and_use_is_refused() {
    let case = case(Mode::Required, [Told::says("sliding", Says::Known).ending(Reason::Revoked)]);
    assert_eq!(case.outcome(&with_authorization()), Err((Reason::Revoked, "sliding")));
    assert_eq!(case.accepted(), [1]);
}

#[test]
fn what_changes_between_verdict_and_use_is_judged_again_from_its_scheme_on() {
    for found in [Told::says("sliding", Says::Known), Told::says("sliding", Says::Known).later()] {
        let case = case(Mode::Required, [Told::says("basic", Says::Absent).later(), found.changing(3)]);
        let mut trail = Trail::default();
        let entered = with_authorization().show(NOW, |head| block_on(case.gate.enter_leaving(&mut trail, head)));
        assert_eq!(entered.unwrap().identity().scheme(), "sliding");
        assert_eq!((case.asked(), case.accepted(), case.rule.asked()), (vec![1, 4], vec![0, 4], 4));
        let said: Vec<_> = trail.schemes().chain(trail.policies()).map(|said| (said.id, said.word)).collect();
        assert_eq!(said, [("basic", Word::Absent), ("sliding", Word::Known), ("rule", Word::Allow)]);
    }
}

#[test]
fn what_changes_all_the_time_is_to_be_tried_again_later() {
    let case = case(Mode::Required, [Told::says("sliding", Says::Known).changing(usize::MAX)]);
    let why = case.enter(&with_authorization()).unwrap_err();
    assert_eq!((why.reason, why.by, why.retry_after_seconds()), (Reason::Unavailable, "sliding", Some(1)));
    assert_eq!(case.asked(), [5]);
}

#[test]
fn the_first_policy_that_says_no_is_the_last_that_is_asked() {
    let rules = [Rule::allows(), Rule::denies(Reason::Grant), Rule::denies(Reason::RateLimited)];
    let scheme: Arc<dyn Scheme> = Arc::new(Told::says("basic", Says::Known));
    let gate = Gate::new(Mode::Required, vec![scheme], rules.iter().map(|rule| Arc::clone(rule) as _).collect());
    let why = with_authorization().show(NOW, |head| block_on(gate.enter(head))).unwrap_err();
    assert_eq!(why.reason, Reason::Grant);
    assert_eq!(rules.map(|rule| rule.asked()), [1, 1, 0]);
}

#[test]
fn what_memory_knows_is_decided_without_waiting() {
    let decided = |scheme| {
        let case = case(Mode::Required, [scheme]);
        with_authorization().show(NOW, |head| matches!(case.gate.try_enter(head), Entry::Decided(Ok(_))))
    };
    assert!(decided(Told::says("basic", Says::Known)));
    assert!(!decided(Told::says("basic", Says::Known).later()));
}

#[test]
fn a_401_names_the_challenge_of_every_scheme_once() {
    let schemes = || {
        [
            Told::says("basic", Says::Refused),
            Told::says("bearer", Says::Absent),
            // Two schemes of one challenge.
            Told::says("bearer", Says::Absent).in_header("token"),
        ]
    };
    let told = |mode: Mode, why: &Rejection| {
        let challenges = case(mode, schemes()).gate.challenges(why);
        challenges.iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for mode in [Mode::Required, Mode::Optional] {
        let told = |reason, by| told(mode.clone(), &Rejection::new(reason, by));
        assert_eq!(told(Reason::Missing, "gate"), ["basic", "bearer"]);
        assert_eq!(told(Reason::WrongSecret, "basic"), ["basic!", "bearer"]);
        assert_eq!(told(Reason::Locked, "basic"), ["basic!", "bearer"]);
        assert_eq!(told(Reason::Grant, "rule"), ["basic", "bearer"]);
        for reason in [Reason::Ambiguous, Reason::RateLimited, Reason::AddressDenied, Reason::Unavailable] {
            assert!(told(reason, "gate").is_empty(), "{reason}");
        }
    }
    let lacking = Rejection::new(Reason::Grant, "rule").wanting(Grants::EVERYDAY);
    assert!(told(public(), &lacking).is_empty(), "who asks nobody has no challenge");
}

fn says() -> impl Strategy<Value = (Says, When)> {
    let says = prop_oneof![3 => Just(Says::Absent), 1 => Just(Says::Known), 1 => Just(Says::Refused)];
    (says, prop_oneof![Just(When::AtOnce), Just(When::Later)])
}

proptest! {
    /// Whatever the schemes say, the first that finds its credential decides, and nobody behind it is asked.
    #[test]
    fn the_order_of_schemes_is_the_order_of_words(all in prop::collection::vec(says(), 0..6)) {
        const IDS: [&str; 6] = ["0", "1", "2", "3", "4", "5"];
        let schemes = all.iter().zip(IDS).map(|((says, when), id)| {
            let told = Told::says(id, *says);
            if *when == When::Later { told.later() } else { told }
        });
        let case = case(Mode::Required, schemes);
        let first = all.iter().position(|(says, _)| *says != Says::Absent);
        let expected = match first.map(|n| (all[n].0, IDS[n])) {
            Some((Says::Known, id)) => Ok(id),
            Some((_, id)) => Err((Reason::WrongSecret, id)),
            None if all.is_empty() => Err((Reason::Missing, "gate")),
            None => Err((Reason::Malformed, IDS[all.len() - 1])),
        };
        prop_assert_eq!(case.outcome(&with_authorization()), expected);
        let asked: Vec<_> = (0..all.len()).map(|n| usize::from(first.is_none_or(|first| n <= first))).collect();
        prop_assert_eq!(case.asked(), asked);
        let accepted: Vec<_> = (0..all.len()).map(|n| usize::from(expected == Ok(IDS[n]))).collect();
        prop_assert_eq!(case.accepted(), accepted);
    }
}
