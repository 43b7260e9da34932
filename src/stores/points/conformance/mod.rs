//! One suite of rules for all adapters; each check is told a store without points.

use std::pin::Pin;
use std::sync::Arc;

use crate::ports::Points;

mod deletions;
mod model;
mod reads;
mod samples;
mod writes;

pub(super) use model::Model;
pub(super) use samples::{floats, key};

/// One rule that a store of points must hold.
pub(super) struct Check {
    pub(super) name: &'static str,
    check: fn(Arc<dyn Points>) -> Running,
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

impl Check {
    pub(super) async fn run(&self, points: Arc<dyn Points>) {
        (self.check)(points).await;
    }
}

macro_rules! checks {
    ($($room:ident { $($name:ident,)+ })+) => {
        /// All rules.
        pub(super) const CHECKS: &[Check] = &[
            $($(Check {
                name: concat!(stringify!($room), "::", stringify!($name)),
                check: |points| Box::pin($room::$name(points)),
            },)+)+
        ];
    };
}

checks! {
    deletions {
        a_range_of_a_series_is_deleted_and_no_more,
        what_is_written_after_a_deletion_stays,
        a_dropped_account_has_nothing_and_may_begin_again,
        a_view_outlives_deletions,
    }
    model {
        a_random_history_reads_like_a_plain_map,
    }
    reads {
        an_account_without_points_is_empty,
        names_are_sorted_and_those_of_points,
        scans_keep_to_their_range_and_order,
        a_scan_ends_when_it_is_told_to,
        a_view_does_not_see_later_writes,
        accounts_do_not_see_each_other,
    }
    writes {
        each_type_is_read_as_it_was_written,
        a_point_again_is_merged_field_by_field,
        of_a_field_that_is_repeated_the_last_counts,
        points_in_any_order_are_read_in_order,
        the_first_kept_point_fixes_the_type,
        a_dropped_point_fixes_no_type,
        types_are_of_a_measurement,
        the_extremes_of_time_are_instants_too,
        a_batch_that_does_not_fit_is_refused_whole,
        an_empty_batch_is_written,
        a_change_is_told_once_it_can_be_seen,
        a_closed_store_refuses,
    }
}

#[tokio::test]
async fn memory_points_hold_all_rules() {
    for check in CHECKS {
        println!("{}", check.name);
        check.run(Arc::new(super::MemoryPoints::new(None))).await;
    }
}
