//! A stretch of one field's values, in memory or in a file.

use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;

use trackgate_schemes::store::StoreError;

use super::cache::Cache;
use super::file::{Block, BlockFile};
use super::values::Run;
use crate::ports::FieldType;

/// A stretch of values.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    /// Its first instant and its last; deletions may have made it shorter.
    pub(super) span: (i64, i64),
    /// The number of its layer: values of a higher one go before.
    pub(super) rank: usize,
    pub(super) origin: Origin<'a>,
    /// What is deleted of it.
    pub(super) without: Vec<RangeInclusive<i64>>,
}

/// Where it is.
#[derive(Debug)]
pub(super) enum Origin<'a> {
    Block { file: &'a BlockFile, block: &'a Block, kind: FieldType, cache: Option<&'a Cache> },
    Run(&'a Run),
}

/// A run that is there already, or was read or made for this.
#[derive(Debug)]
pub(super) enum Loaded<'a> {
    Lent(&'a Run),
    Made(Run),
    Shared(Arc<Run>),
}

impl Deref for Loaded<'_> {
    type Target = Run;

    fn deref(&self) -> &Run {
        match self {
            Self::Lent(run) => run,
            Self::Made(run) => run,
            Self::Shared(run) => run,
        }
    }
}

impl<'a> Piece<'a> {
    /// Its values, without what is deleted of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read from its file.
    pub(super) fn load(&self) -> Result<Loaded<'a>, StoreError> {
        let loaded = match self.origin {
            Origin::Block { file, block, kind, cache: Some(cache) } => Loaded::Shared(file.load(block, kind, cache)?),
            Origin::Block { file, block, kind, cache: None } => Loaded::Made(file.read(block, kind)?),
            Origin::Run(run) => Loaded::Lent(run),
        };
        if self.without.is_empty() {
            return Ok(loaded);
        }
        let mut left = loaded.clone();
        for gone in &self.without {
            left.remove(gone);
        }
        Ok(Loaded::Made(left))
    }
}
