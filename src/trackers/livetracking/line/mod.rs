//! The line protocol: points as text, one on each line.
//!
//! `measurement[,tag=value…] field=value[,field=value…] [timestamp]`, read as InfluxDB 1.6 reads it, with its
//! words for what it cannot read (contract section 6). Lines that can be read are kept whatever the others are.
//!
//! A line is looked at twice, as in the original: [`scan`] finds where its three blocks end and checks them,
//! [`read`] takes the checked blocks apart. The two disagree on odd escapes (the first skips whatever follows a
//! backslash, the second only knows some escapes), and clients see what comes out of both.
//!
//! All is done in one pass over the bytes, and in time that grows with their number alone.
//!
//! Where nothing sensible can be copied, it differs:
//!
//! - Names and texts that are not UTF-8 are kept with U+FFFD in the place of what is not; the original shows
//!   them so, or fails with 500.
//! - A measurement whose escapes make the original lose the point (`a\\,b`) is kept under its plain name.
//! - A line whose value cannot be read for the escapes before it has an `invalid field format`; a field that has
//!   no name since a tab stands there misses its key.
//! - A field that stands twice in a point with two types counts as what it was last.
//! - A list of faults ends at 1 MiB, a line in it at 64 KiB; points of more than 100,000 series in one body are
//!   left out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ports::{Batch, FieldValue, Row, SeriesKey};

mod fault;
mod read;
mod scan;
#[cfg(test)]
mod tests;

use fault::{Fault, Faults};

/// How lines are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The instant of points that name none, nanoseconds since 1970.
    pub(super) now: i64,
    /// The unit of the instants that points name; the instant of those that name none is cut to it.
    pub(super) precision: Precision,
    /// Points before this instant are not kept.
    pub(super) oldest: Option<i64>,
}

/// The unit of timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Precision {
    Hours,
    Microseconds,
    Milliseconds,
    Minutes,
    #[default]
    Nanoseconds,
    Seconds,
}

impl Precision {
    /// By its name in the query; any other is read as nanoseconds.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "h" => Self::Hours,
            "m" => Self::Minutes,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "u" => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }

    fn nanoseconds(self) -> i64 {
        match self {
            Self::Hours => 3_600_000_000_000,
            Self::Microseconds => 1_000,
            Self::Milliseconds => 1_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Nanoseconds => 1,
            Self::Seconds => 1_000_000_000,
        }
    }
}

/// What a body holds.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The points that are to be kept.
    pub(super) batch: Batch,
    /// What is said of the lines that cannot be read, a line for each; not always UTF-8.
    pub(super) faults: Option<Vec<u8>>,
    /// Why points that can be read are left out, as far as there are some: what is said of the first.
    pub(super) left_out: Option<String>,
    /// How many those are.
    pub(super) left_out_points: u64,
    /// How many points are older than they may be.
    pub(super) too_old: u64,
}

impl Parsed {
    /// Whether there was no point among the lines that could be read.
    pub(super) fn has_no_point(&self) -> bool {
        self.batch.rows.is_empty() && self.left_out_points == 0 && self.too_old == 0
    }
}

/// Reads all lines of a body.
pub(super) fn parse(body: &[u8], rules: Rules) -> Parsed {
    let mut gathering = Gathering::new(rules);
    let mut rest = body;
    while !rest.is_empty() {
        let (line, behind) = scan::line(rest);
        rest = behind;
        let line = scan::trim_start(line);
        if line.is_empty() || line.first() == Some(&b'#') {
            continue;
        }
        // One that is between quotes to the end of the body is not part of the last line.
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if let Err(fault) = gathering.take(line) {
            gathering.faults.note(line, &fault);
        }
    }
    gathering.end()
}

/// The points so far. Names are told apart by their bytes in the body first, and only new ones are unescaped.
struct Gathering<'a> {
    rules: Rules,
    done: Parsed,
    faults: Faults,
    /// Why the first point was left out that has no field.
    no_field: Option<String>,
    /// Series by their bytes, and by what those mean.
    raw_series: HashMap<&'a [u8], Series>,
    series: HashMap<SeriesKey, u32>,
    /// The bytes of the series of the line before: most lines have the same.
    last_series: Option<(&'a [u8], Series)>,
    /// Fields by their bytes, and by what those mean.
    raw_fields: HashMap<&'a [u8], Option<u32>>,
    fields: HashMap<Arc<str>, u32>,
    /// The bytes of the fields of the line before, in their order.
    last_fields: Vec<(&'a [u8], Option<u32>)>,
    /// The line, and the cell in it, where each field stood last.
    seen: Vec<(usize, usize)>,
    lines: usize,
}

/// What is known of the bytes in front of a line's fields.
#[derive(Clone, Copy)]
enum Series {
    /// A tag is named `time`.
    HasTimeTag,
    /// Its place in the batch.
    Known(u32),
    /// There are too many.
    TooMany,
}

impl<'a> Gathering<'a> {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            done: Parsed::default(),
            faults: Faults::default(),
            no_field: None,
            raw_series: HashMap::new(),
            series: HashMap::new(),
            last_series: None,
            raw_fields: HashMap::new(),
            fields: HashMap::new(),
            last_fields: Vec::new(),
            seen: Vec::new(),
            lines: 0,
        }
    }

    fn end(self) -> Parsed {
        let left_out = self.done.left_out.or(self.no_field);
        Parsed { faults: self.faults.joined(), left_out, ..self.done }
    }

    fn take(&mut self, line: &'a [u8]) -> Result<(), Fault<'a>> {
        let known = self.last_series.filter(|(key, _)| scan::begins_with_key(line, key));
        let key = match known {
            Some((key, _)) => key,
            None => scan::key(line)?,
        };
        let (fields, behind) = scan::fields(line, key.len())?;
        let first = self.done.batch.cells.len();
        let read = self.cells(key.len(), fields).and_then(|has_fields| Ok((has_fields, self.instant(behind)?)));
        let series = match known {
            Some((_, series)) => series,
            None => self.series_of(key),
        };
        self.last_series = Some((key, series));
        let is_too_old = |at: i64| self.rules.oldest.is_some_and(|oldest| at < oldest);
        match (read, series) {
            (Ok((true, at)), Series::Known(series)) if !is_too_old(at) => {
                // The batch's places are 32 bits wide, and a body is smaller than that.
                let cells = u32::try_from(self.done.batch.cells.len() - first).unwrap_or(u32::MAX);
                self.done.batch.rows.push(Row { series, at, cells });
                return Ok(());
            }
            (Ok((_, at)), _) if is_too_old(at) => self.done.too_old += 1,
            (Ok(_), unfit) => self.leave_out(unfit, key),
            (Err(fault), _) => {
                self.done.batch.cells.truncate(first);
                return Err(fault);
            }
        }
        self.done.batch.cells.truncate(first);
        Ok(())
    }

    fn instant(&self, behind: &'a [u8]) -> Result<i64, Fault<'a>> {
        let unit = self.rules.precision.nanoseconds();
        let (digits, behind) = scan::timestamp(behind)?;
        if digits.is_empty() {
            return Ok(self.rules.now - self.rules.now.rem_euclid(unit));
        }
        let at = read::instant(digits, unit)?;
        if behind.iter().all(|b| *b == b' ') { Ok(at) } else { Err(Fault::InvalidPoint) }
    }

    /// Adds the cells of a line; whether there is any, other than those named `time`.
    fn cells(&mut self, key_bytes: usize, block: &'a [u8]) -> Result<bool, Fault<'a>> {
        self.lines += 1;
        let (line, mut place) = (self.lines, 0);
        let mut has_fields = false;
        for field in read::fields(block) {
            let (name, value) = field?;
            let key_bytes = key_bytes + SEPARATOR_BYTES + name.len();
            if key_bytes > MAX_KEY_BYTES {
                return Err(Fault::KeyTooLong(key_bytes));
            }
            if name.is_empty() {
                return Err(Fault::MissingFieldKey);
            }
            let value = value.ok_or(Fault::InvalidFieldFormat)?;
            if let Some(field) = self.field_of(name, place) {
                has_fields = true;
                self.put(line, field, value);
            }
            place += 1;
        }
        Ok(has_fields)
    }

    /// Adds a cell to the line; one of the same field in it is replaced.
    fn put(&mut self, line: usize, field: u32, value: FieldValue) {
        let cells = &mut self.done.batch.cells;
        let Some(seen) = self.seen.get_mut(field as usize) else { return };
        match cells.get_mut(seen.1) {
            Some(cell) if seen.0 == line => cell.1 = value,
            _ => {
                *seen = (line, cells.len());
                cells.push((field, value));
            }
        }
    }

    /// The place of a field in the batch; `None` for the name `time`, which no field has.
    fn field_of(&mut self, raw: &'a [u8], place: usize) -> Option<u32> {
        if let Some((last, field)) = self.last_fields.get(place)
            && *last == raw
        {
            return *field;
        }
        let field = match self.raw_fields.get(raw) {
            Some(field) => *field,
            None => self.new_field(raw),
        };
        match self.last_fields.get_mut(place) {
            Some(last) => *last = (raw, field),
            None if place < REMEMBERED_FIELDS => self.last_fields.push((raw, field)),
            None => {}
        }
        field
    }

    fn new_field(&mut self, raw: &'a [u8]) -> Option<u32> {
        let name = read::name(raw);
        let field = if &*name == TIME { None } else { Some(self.place_of(name.into())) };
        self.raw_fields.insert(raw, field);
        field
    }

    fn place_of(&mut self, name: Arc<str>) -> u32 {
        if let Some(field) = self.fields.get(&name) {
            return *field;
        }
        let field = u32::try_from(self.fields.len()).unwrap_or(u32::MAX);
        self.fields.insert(Arc::clone(&name), field);
        self.done.batch.fields.push(name);
        self.seen.push((0, 0));
        field
    }

    fn series_of(&mut self, raw: &'a [u8]) -> Series {
        if let Some(series) = self.raw_series.get(raw) {
            return *series;
        }
        if self.raw_series.len() >= MAX_SERIES {
            return Series::TooMany;
        }
        let series = self.new_series(read::series(raw));
        self.raw_series.insert(raw, series);
        series
    }

    fn new_series(&mut self, key: SeriesKey) -> Series {
        if key.tags.iter().any(|(tag, _)| &**tag == TIME) {
            return Series::HasTimeTag;
        }
        if let Some(series) = self.series.get(&key) {
            return Series::Known(*series);
        }
        let series = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        self.series.insert(key.clone(), series);
        self.done.batch.series.push(key);
        Series::Known(series)
    }

    /// Counts a point that is left out for its series, or else since it has no field but `time`. What is told is
    /// the first reason of the former kind.
    fn leave_out(&mut self, series: Series, key: &[u8]) {
        self.done.left_out_points += 1;
        let reason = match series {
            _ if self.done.left_out.is_some() => return,
            Series::HasTimeTag => "invalid tag key: input tag",
            Series::Known(_) if self.no_field.is_some() => return,
            Series::Known(_) => "invalid field name: input field",
            Series::TooMany => {
                self.done.left_out = Some(format!("max-series-per-database limit exceeded: ({MAX_SERIES})"));
                return;
            }
        };
        let reason = format!("{reason} \"{TIME}\" on measurement \"{}\" is invalid", read::series(key).measurement);
        match series {
            Series::Known(_) => self.no_field = Some(reason),
            _ => self.done.left_out = Some(reason),
        }
    }
}

const TIME: &str = "time";

/// The longest series with one of its fields (`models.MaxKeyLength` of the original).
const MAX_KEY_BYTES: usize = 65_535;

/// What stands between a series and a field in the original's files counts as well.
const SEPARATOR_BYTES: usize = "#!~#".len();

/// What one body may bring; the original takes a million in all.
const MAX_SERIES: usize = 100_000;

const REMEMBERED_FIELDS: usize = 64;
