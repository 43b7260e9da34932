//! A random history beside a plain map.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use trackgate_schemes::AccountId;

use super::samples::{ALL, key, number, read_in};
use crate::ports::{Batch, FieldValue, Points, Row, ScanOrder};

const SERIES: [&str; 3] = ["m", "m,a=b", "n"];
const FIELDS: [&str; 4] = ["b", "f", "i", "s"];
const ACCOUNTS: i64 = 3;

/// What there should be: account, series, field; then instant and value.
#[derive(Debug, Default)]
pub(in crate::stores::points) struct Model(BTreeMap<(i64, usize, usize), BTreeMap<i64, FieldValue>>);

pub(super) async fn a_random_history_reads_like_a_plain_map(points: Arc<dyn Points>) {
    let mut random = StdRng::seed_from_u64(20_261_128);
    let mut model = Model::default();
    for step in 0..400 {
        model.step(&mut random, &*points).await;
        if step % 40 == 0 {
            model.compare(&*points);
        }
    }
    model.compare(&*points);
}

impl Model {
    /// Does one thing to both.
    pub(in crate::stores::points) async fn step(&mut self, random: &mut StdRng, points: &dyn Points) {
        let account = random.random_range(0..ACCOUNTS);
        match random.random_range(0..100) {
            0 => {
                self.0.retain(|(of, _, _), _| *of != account);
                points.drop_points(AccountId(account)).await.unwrap();
            }
            1..6 => {
                let from = random.random_range(-50..2000);
                let range = from..=from + random.random_range(0..300);
                let series = random.random_range(0..SERIES.len());
                self.delete(account, series, &range);
                points.delete_points(AccountId(account), vec![key(SERIES[series])], range).await.unwrap();
            }
            _ => {
                let batch = self.batch(random, account);
                points.write(AccountId(account), batch).await.unwrap();
            }
        }
    }

    fn delete(&mut self, account: i64, series: usize, range: &RangeInclusive<i64>) {
        for ((of, number, _), values) in &mut self.0 {
            if (*of, *number) == (account, series) {
                values.retain(|at, _| !range.contains(at));
            }
        }
        self.0.retain(|_, values| !values.is_empty());
    }

    fn batch(&mut self, random: &mut StdRng, account: i64) -> Batch {
        let mut batch =
            Batch { series: SERIES.map(key).to_vec(), fields: FIELDS.map(Into::into).to_vec(), ..Batch::default() };
        let mut at = random.random_range(0..2000);
        for _ in 0..random.random_range(1..60) {
            at += random.random_range(-2..5);
            let series = random.random_range(0..SERIES.len());
            let cells = random.random_range(1..4u32);
            for _ in 0..cells {
                let (field, value) = match random.random_range(0..4) {
                    0 => (0, FieldValue::Boolean(random.random())),
                    1 => (1, FieldValue::Float(random.random_range(-500..500).into())),
                    2 => (2, FieldValue::Integer(random.random())),
                    _ => (3, FieldValue::String(random.random_range(0..20).to_string().into())),
                };
                self.0.entry((account, series, field)).or_default().insert(at, value.clone());
                batch.cells.push((number(field), value));
            }
            batch.rows.push(Row { series: number(series), at, cells });
        }
        batch
    }

    /// Compares everything that can be read.
    pub(in crate::stores::points) fn compare(&self, points: &dyn Points) {
        for account in 0..ACCOUNTS {
            let view = points.view(AccountId(account));
            for (s, series) in SERIES.iter().enumerate() {
                let of = |f: usize| self.0.get(&(account, s, f));
                let there = view.series(&key(series).measurement).iter().any(|(_, one)| *one == key(series));
                assert_eq!(there, (0..FIELDS.len()).any(|f| of(f).is_some()), "series {series} of {account}");
                for (f, field) in FIELDS.iter().enumerate() {
                    for range in [ALL, 100..=500, 777..=778] {
                        let expected = of(f).into_iter().flatten().map(|(at, value)| (*at, value.clone()));
                        let expected: Vec<_> = expected.filter(|(at, _)| range.contains(at)).collect();
                        let up = read_in(&*view, series, field, range.clone(), ScanOrder::Ascending);
                        assert_eq!(up, expected, "{account} {series} {field} {range:?}");
                        let mut down = read_in(&*view, series, field, range, ScanOrder::Descending);
                        down.reverse();
                        assert_eq!(down, expected, "{account} {series} {field}, descending");
                    }
                }
            }
        }
    }
}
