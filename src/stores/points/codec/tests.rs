//! Blocks come back as they were, or not at all.

use std::sync::Arc;

use proptest::prelude::*;

use super::{BLOCK_VALUES, Column, Run, decode, encode};

fn written(run: &Run) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(run, &mut bytes);
    bytes
}

/// To the bit, so that no-numbers and the two zeros are told apart.
fn same(a: &Run, b: &Run) -> bool {
    match (a.values(), b.values()) {
        (Column::Float(x), Column::Float(y)) => {
            a.times() == b.times() && x.iter().map(|x| x.to_bits()).eq(y.iter().map(|y| y.to_bits()))
        }
        _ => a == b,
    }
}

fn times() -> impl Strategy<Value = Vec<i64>> {
    let scattered = prop::collection::btree_set(any::<i64>(), 1..50).prop_map(|set| set.into_iter().collect());
    let steady = (any::<i32>(), 1..200i32, prop::sample::select(vec![1, 1000, 1_000_000_000, 3_600_000_000_000]));
    let steady =
        steady.prop_map(|(from, count, step)| (0..count).map(|n| i64::from(from) + i64::from(n) * step).collect());
    prop_oneof![scattered, steady]
}

fn runs() -> impl Strategy<Value = Run> {
    times().prop_flat_map(|times| {
        let n = times.len();
        let decimal = (0..9i32, prop::collection::vec(-100_000_000..100_000_000i32, n))
            .prop_map(|(places, all)| all.into_iter().map(|x| f64::from(x) / 10f64.powi(places)).collect());
        let values = prop_oneof![
            prop::collection::vec(any::<bool>(), n).prop_map(Column::Boolean),
            prop::collection::vec(any::<u64>().prop_map(f64::from_bits), n).prop_map(Column::Float),
            decimal.prop_map(Column::Float),
            prop::collection::vec(any::<i64>(), n).prop_map(Column::Integer),
            prop::collection::vec(-3..3i64, n).prop_map(Column::Integer),
            prop::collection::vec("[a-c]{0,2}|.{0,20}".prop_map(Arc::from), n).prop_map(Column::String),
        ];
        values.prop_map(move |values| Run::of(times.clone(), values).unwrap())
    })
}

proptest! {
    #[test]
    fn a_block_is_read_as_it_was_written(run in runs()) {
        prop_assert!(same(&decode(&written(&run)).unwrap(), &run));
    }

    #[test]
    fn a_block_with_a_wrong_bit_or_a_cut_is_none(run in runs(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let bytes = written(&run);
        let at = at.index(bytes.len());
        prop_assert!(decode(&bytes[..at]).is_none());
        let mut wrong = bytes;
        wrong[at] ^= 1u8 << bit;
        prop_assert!(decode(&wrong).is_none());
    }

    #[test]
    fn anything_under_a_right_checksum_is_a_run_or_none(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(kind) = bytes.first_mut() {
            *kind %= 4;
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        if let Some(run) = decode(&bytes) {
            prop_assert!(same(&decode(&written(&run)).unwrap(), &run));
        }
    }
}

#[test]
fn what_trackers_send_takes_little() {
    let times: Vec<i64> = (0..3600).map(|n| 1_700_000_000_000_000_000 + n * 1_000_000_000).collect();
    let mut at = 52.0;
    let latitudes = (0..3600).map(|n| {
        at += 0.00003 + f64::from(n % 7) / 1e6;
        (at * 1e7f64).round() / 1e7
    });
    let run = Run::of(times, Column::Float(latitudes.collect())).unwrap();
    let bytes = written(&run);
    assert!(bytes.len() < 3600 * 3, "{} bytes", bytes.len());
    assert!(run.len() <= BLOCK_VALUES);
}
