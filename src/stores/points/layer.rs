//! A part of what there is of an account: in memory, or in one file.

use std::ops::RangeInclusive;
use std::sync::Arc;

use trackgate_schemes::AccountId;

use super::cache::Cache;
use super::deleted::{self, Deletions};
use super::file::BlockFile;
use super::head::Head;
use super::piece::{Origin, Piece};
use super::runs::Runs;
use crate::ports::{FieldType, SeriesKey};

/// A part of the points of an account, without what these deletions took from it.
#[derive(Debug)]
pub(super) struct Layer {
    source: Source,
    deletions: Deletions,
}

/// Where the points of a layer are. Blocks go through the cache, if there is one.
#[derive(Debug)]
pub(super) enum Source {
    File { file: Arc<BlockFile>, account: AccountId, cache: Option<Arc<Cache>> },
    Head(Arc<Head>),
}

impl Layer {
    pub(super) fn new(source: Source, deletions: Deletions) -> Self {
        Self { source, deletions }
    }

    /// Tells of each series and field that has a value.
    pub(super) fn each_field<'a>(&'a self, tell: &mut dyn FnMut(&'a SeriesKey, &'a Arc<str>, FieldType)) {
        match &self.source {
            Source::File { file, account, .. } => {
                for series in file.series(*account) {
                    for field in
                        series.fields.iter().filter(|field| self.has_left(&series.key, &field.name, field.kind))
                    {
                        tell(&series.key, &field.name, field.kind);
                    }
                }
            }
            Source::Head(head) => {
                for (key, series) in head.series() {
                    for (name, runs) in series.fields() {
                        if self.has_left(key, name, runs.kind()) {
                            tell(key, name, runs.kind());
                        }
                    }
                }
            }
        }
    }

    /// Whether the deletions left something of a field that has values.
    fn has_left(&self, key: &SeriesKey, field: &str, kind: FieldType) -> bool {
        if self.deletions.is_empty() || deleted::ranges(&self.deletions, key).is_empty() {
            return true;
        }
        let mut pieces = Vec::new();
        self.pieces(key, field, kind, &(i64::MIN..=i64::MAX), 0, &mut pieces);
        // What cannot be read is there: whoever scans it is told.
        pieces.iter().any(|piece| piece.load().map_or(true, |run| run.len() > 0))
    }

    /// Adds what there is of a field of this type that may lie within `range`.
    pub(super) fn pieces<'a>(
        &'a self,
        key: &SeriesKey,
        field: &str,
        kind: FieldType,
        range: &RangeInclusive<i64>,
        rank: usize,
        pieces: &mut Vec<Piece<'a>>,
    ) {
        let without = deleted::ranges(&self.deletions, key);
        let mut add = |span: (i64, i64), origin| {
            let covered = without.iter().any(|gone| gone.contains(&span.0) && gone.contains(&span.1));
            if !covered && span.0 <= *range.end() && span.1 >= *range.start() {
                let touches = |gone: &&RangeInclusive<i64>| *gone.start() <= span.1 && *gone.end() >= span.0;
                let without = without.iter().filter(touches).cloned().collect();
                pieces.push(Piece { span, rank, origin, without });
            }
        };
        match &self.source {
            Source::File { file, account, cache } => {
                let Some(field) = file.field(*account, key, field).filter(|field| field.kind == kind) else { return };
                for block in &field.blocks {
                    add(block.span, Origin::Block { file, block, kind, cache: cache.as_deref() });
                }
            }
            Source::Head(head) => {
                for run in head.runs(key, field).filter(|runs| runs.kind() == kind).into_iter().flat_map(Runs::iter) {
                    if let Some(span) = run.span() {
                        add(span, Origin::Run(run));
                    }
                }
            }
        }
    }
}
