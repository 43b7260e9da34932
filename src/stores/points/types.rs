//! The type of each field, fixed by the first point that is kept; points that differ are taken out.

use std::collections::HashMap;
use std::sync::Arc;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::{StoreError, StoreErrorKind};

use crate::ports::{Batch, Conflict, FieldType, FieldValue, PointsWritten, Row, SeriesKey};

/// The types of the fields of each account's measurements.
#[derive(Debug, Default)]
pub(super) struct Types {
    accounts: HashMap<AccountId, Measurements>,
}

type Cell = (u32, FieldValue);

type Measurements = HashMap<Arc<str>, HashMap<Arc<str>, FieldType>>;

/// A type that was fixed, by account, measurement and field.
#[derive(Debug)]
pub(super) struct Fixed(AccountId, Arc<str>, Arc<str>);

impl Types {
    /// Takes the points that cannot be kept out of a batch, and of each point all but the last cell of a field.
    /// The types that the others fix are added to `fixed`, so that they can be taken back.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the numbers of the batch do not fit together.
    pub(super) fn settle(
        &mut self,
        account: AccountId,
        batch: &mut Batch,
        fixed: &mut Vec<Fixed>,
    ) -> Result<PointsWritten, StoreError> {
        fits(batch)?;
        let mut settling = Settling {
            known: vec![(0, None); batch.fields.len()],
            seen: vec![0; batch.fields.len()],
            measurement: 0,
            written: PointsWritten::default(),
        };
        let measurements = self.accounts.entry(account).or_default();
        let mut kept: Option<(Vec<Row>, Vec<Cell>)> = None;
        let (mut from, mut of) = (0, None);
        for (number, row) in batch.rows.iter().enumerate() {
            let cells = batch.cells.get(from..from + row.cells as usize).unwrap_or_default();
            let Some(key) = batch.series.get(row.series as usize) else { break };
            if of.is_none_or(|of: &SeriesKey| of.measurement != key.measurement) {
                of = Some(key);
                settling.measurement += 1;
                if !measurements.contains_key(&key.measurement) {
                    measurements.insert(Arc::clone(&key.measurement), HashMap::new());
                }
            }
            let Some(types) = measurements.get_mut(&key.measurement) else { break };
            let verdict = settling.row(number, cells, &batch.fields, &key.measurement, types, |field| {
                fixed.push(Fixed(account, Arc::clone(&key.measurement), field));
            });
            // As long as everything stays, nothing is copied.
            if verdict != RowIs::Whole && kept.is_none() {
                let rows = batch.rows.get(..number).unwrap_or_default().to_vec();
                kept = Some((rows, batch.cells.get(..from).unwrap_or_default().to_vec()));
            }
            if let Some((rows, kept)) = &mut kept
                && verdict != RowIs::Refused
            {
                let before = kept.len();
                kept.extend(settling.last_of_each(cells));
                let cells = u32::try_from(kept.len() - before).unwrap_or(row.cells);
                rows.push(Row { cells, ..*row });
            }
            from += row.cells as usize;
        }
        if let Some((rows, cells)) = kept {
            (batch.rows, batch.cells) = (rows, cells);
        }
        Ok(settling.written)
    }

    /// Takes types back that points fixed which were not kept after all.
    pub(super) fn unfix(&mut self, fixed: &[Fixed]) {
        for Fixed(account, measurement, field) in fixed {
            if let Some(types) = self.accounts.get_mut(account).and_then(|all| all.get_mut(measurement)) {
                types.remove(field);
            }
        }
    }

    /// Notes a type that a stored point fixed.
    pub(super) fn note(&mut self, account: AccountId, measurement: &Arc<str>, field: &Arc<str>, kind: FieldType) {
        let types = self.accounts.entry(account).or_default().entry(Arc::clone(measurement)).or_default();
        types.entry(Arc::clone(field)).or_insert(kind);
    }

    /// Forgets an account.
    pub(super) fn forget(&mut self, account: AccountId) {
        self.accounts.remove(&account);
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowIs {
    Refused,
    /// It stays, but for cells that a later one of the same field replaces.
    Trimmed,
    Whole,
}

/// The state while the rows of one batch are looked at.
struct Settling {
    /// The types of the batch's fields, as far as they were looked up, with the measurement that they are of.
    known: Vec<(u32, Option<FieldType>)>,
    /// The last row in which each field stood, from 1.
    seen: Vec<usize>,
    /// How often the measurement changed.
    measurement: u32,
    written: PointsWritten,
}

impl Settling {
    fn row(
        &mut self,
        number: usize,
        cells: &[Cell],
        names: &[Arc<str>],
        measurement: &Arc<str>,
        types: &mut HashMap<Arc<str>, FieldType>,
        mut fix: impl FnMut(Arc<str>),
    ) -> RowIs {
        let mut verdict = RowIs::Whole;
        let mut new = false;
        let mut conflict = None;
        for (field, value) in cells.iter().rev() {
            let place = *field as usize;
            let (Some(seen), Some(known), Some(name)) =
                (self.seen.get_mut(place), self.known.get_mut(place), names.get(place))
            else {
                continue;
            };
            if *seen == number + 1 {
                verdict = RowIs::Trimmed;
                continue;
            }
            *seen = number + 1;
            if known.0 != self.measurement {
                *known = (self.measurement, types.get(name).copied());
            }
            match known.1 {
                None => new = true,
                Some(existing) if existing == value.kind() => {}
                Some(existing) => conflict = Some((name, value.kind(), existing)),
            }
        }
        if let Some((field, written, existing)) = conflict {
            self.written.dropped += 1;
            let (measurement, field) = (Arc::clone(measurement), Arc::clone(field));
            self.written.conflict.get_or_insert(Conflict { measurement, field, written, existing });
            return RowIs::Refused;
        }
        if new {
            for (field, value) in cells.iter().rev() {
                if let (Some(known), Some(name)) = (self.known.get_mut(*field as usize), names.get(*field as usize))
                    && known.1.is_none()
                {
                    known.1 = Some(value.kind());
                    types.insert(Arc::clone(name), value.kind());
                    fix(Arc::clone(name));
                }
            }
        }
        verdict
    }

    /// The cells of a row, of each field the last.
    fn last_of_each(&mut self, cells: &[Cell]) -> Vec<Cell> {
        let mut kept: Vec<Cell> = Vec::with_capacity(cells.len());
        for (field, value) in cells.iter().rev() {
            if let Some(seen) = self.seen.get_mut(*field as usize)
                && *seen != 0
            {
                *seen = 0;
                kept.push((*field, value.clone()));
            }
        }
        kept.reverse();
        kept
    }
}

/// Whether every number of a batch names something, and each row has its cells.
fn fits(batch: &Batch) -> Result<(), StoreError> {
    let cells: u64 = batch.rows.iter().map(|row| u64::from(row.cells)).sum();
    let whole = cells == batch.cells.len() as u64
        && batch.rows.iter().all(|row| row.cells > 0 && (row.series as usize) < batch.series.len())
        && batch.cells.iter().all(|(field, _)| (*field as usize) < batch.fields.len());
    if whole {
        Ok(())
    } else {
        Err(StoreError::new(StoreErrorKind::Corrupt, "a batch of points does not fit together"))
    }
}
