//! Puts the pieces of one field into order of time.

use std::ops::{ControlFlow, RangeInclusive};

use trackgate_schemes::store::StoreError;

use super::piece::{Loaded, Piece};
use super::values::Run;
use crate::ports::{ScanOrder, Slice};

/// Shows what the pieces have within `range`, each instant once, with the value of the highest rank.
///
/// Pieces that lie apart are shown as they are; only those that overlap are merged.
///
/// # Errors
///
/// [`StoreError`] if a piece cannot be read; what comes before it was shown.
pub(super) fn scan(
    mut pieces: Vec<Piece<'_>>,
    range: &RangeInclusive<i64>,
    order: ScanOrder,
    visit: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    pieces.sort_unstable_by_key(|piece| (piece.span.0, piece.rank));
    let mut end = i64::MIN;
    let mut clusters: Vec<&[Piece<'_>]> = pieces
        .chunk_by(|before, after| {
            end = end.max(before.span.1);
            after.span.0 <= end
        })
        .collect();
    if order == ScanOrder::Descending {
        clusters.reverse();
    }
    for cluster in clusters {
        let run = together(cluster)?;
        if let Some(slice) = run.within(range)
            && visit(slice).is_break()
        {
            break;
        }
    }
    Ok(())
}

/// One run out of pieces that overlap.
fn together<'a>(cluster: &[Piece<'a>]) -> Result<Loaded<'a>, StoreError> {
    if let [single] = cluster {
        return single.load();
    }
    let mut by_rank: Vec<_> = cluster.iter().collect();
    by_rank.sort_by_key(|piece| piece.rank);
    let mut whole: Option<Run> = None;
    // Those of one rank do not overlap each other, and stand in order.
    for layer in by_rank.chunk_by(|a, b| a.rank == b.rank) {
        let mut of_layer: Option<Run> = None;
        for piece in layer {
            let run = piece.load()?;
            match &mut of_layer {
                Some(before) => before.append(&run),
                None => of_layer = Some(run.clone()),
            }
        }
        let Some(newer) = of_layer else { continue };
        whole = Some(match whole {
            Some(older) => Run::merged(&older, &newer),
            None => newer,
        });
    }
    Ok(whole.map_or_else(|| Loaded::Made(Run::new(crate::ports::FieldType::Float)), Loaded::Made))
}
