//! One suite of rules for all adapters; each check is told a store in which nothing was stored before.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a suite of checks: it panics where an adapter breaks a rule"
)]

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::ports::{EventKind, Store};

mod accounts;
mod credentials;
mod log;
pub(in crate::stores) mod samples;
mod sessions;
mod trackers;

use samples::{account, address, at, done, grants, new_account, of_credential, session, token};

/// One rule that a store must hold.
#[expect(missing_debug_implementations, reason = "a name and a function")]
#[non_exhaustive]
pub struct Check {
    /// Names the rule.
    pub name: &'static str,
    check: fn(Arc<dyn Store>) -> Running,
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

impl Check {
    /// Checks the rule in an empty store.
    ///
    /// # Panics
    ///
    /// If the store breaks it.
    pub async fn run(&self, store: Arc<dyn Store>) {
        (self.check)(store).await;
    }
}

macro_rules! checks {
    ($($room:ident { $($name:ident,)+ })+) => {
        /// All rules.
        pub const CHECKS: &[Check] = &[
            $($(Check {
                name: concat!(stringify!($room), "::", stringify!($name)),
                check: |store| Box::pin($room::$name(store)),
            },)+)+
        ];
    };
}

checks! {
    accounts {
        an_account_is_found_as_it_was_made,
        taken_names_and_addresses_are_refused_in_any_case,
        a_change_keeps_what_it_does_not_name,
        a_taken_address_changes_nothing,
        rev_09_ending_all_closes_sessions_and_raises_the_generation,
        rev_09_a_clock_that_goes_back_revives_nothing,
        a_disabled_account_has_no_sessions,
        a_password_is_upgraded_only_from_the_form_it_has,
        rev_16_a_deleted_account_leaves_nothing,
        numbers_are_never_used_twice,
        an_imported_account_has_its_old_number_or_is_not_made,
        accounts_are_listed_in_order,
        of_many_that_want_one_name_one_gets_it,
        clk_04_a_time_that_cannot_be_kept_is_an_error,
    }
    credentials {
        a_token_is_found_with_its_account,
        a_revoked_token_is_gone_for_good,
        a_rotated_token_ends_no_later_than_before,
        rotating_what_is_not_there_stores_nothing,
        the_last_use_of_a_token_is_written_soon,
        tokens_are_listed_in_the_order_in_which_they_were_made,
        rev_14_signing_out_twice_is_one_effect,
        rev_06_an_entry_stays_until_its_token_is_dead,
        of_two_fresh_keys_one_wins,
        sto_text_with_nul_is_refused_by_all,
    }
    log {
        every_change_is_one_event_in_order,
        what_changes_nothing_is_no_event,
        events_of_concurrent_changes_have_no_gap,
        events_are_read_in_steps,
        the_newest_audit_entries_come_first,
    }
    sessions {
        a_session_is_found_by_scheme_and_digest,
        sld_06_the_address_of_another_user_is_refused,
        sld_06_another_user_can_be_displaced,
        sld_06_of_two_users_at_once_one_gets_the_address,
        the_same_user_and_unknown_addresses_are_no_conflict,
        mapped_addresses_are_the_same_address,
        a_dead_session_holds_no_address,
        uses_that_memory_knows_count,
        the_oldest_sessions_leave_when_there_are_too_many,
        the_last_use_of_a_session_never_goes_back,
        an_ended_session_ends_once,
        nobody_without_an_account_gets_a_session,
        rev_03_a_sign_in_gets_no_session_once_all_credentials_ended,
    }
    trackers {
        a_tracked_session_is_found_as_it_was_stored,
        touching_ends_do_not_overlap,
        an_active_session_overlaps_all_that_comes_later,
        accounts_do_not_overlap_each_other,
        of_concurrent_inserts_exactly_one_is_stored,
        pages_come_newest_first_and_count_all,
        documents_are_replaced,
        guess_counters_come_back_with_their_newest_value,
        a_closed_store_is_unavailable,
    }
}

/// What was told since event number `after`.
async fn told(store: &dyn Store, after: u64) -> Vec<EventKind> {
    store.events_after(after, 1000).await.unwrap().into_iter().map(|event| event.kind).collect()
}

/// Waits for what is "written soon": three seconds at most.
async fn soon(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..150 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} was not written soon");
}
