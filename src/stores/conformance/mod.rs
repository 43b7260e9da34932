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
mod imports;
mod items;
mod jobs;
mod log;
mod mailed;
pub(in crate::stores) mod samples;
mod sessions;
mod signed;
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
    imports {
        an_import_brings_its_number_and_stays_signed_in,
        an_import_whose_number_is_taken_is_refused,
        rev_16_an_import_never_gets_the_number_of_a_deleted_account,
        an_import_finds_numbers_free_that_others_left_out,
        an_import_brings_no_number_that_no_counter_could_follow,
        an_import_that_is_refused_changes_nothing,
        of_imports_of_one_number_at_once_one_gets_it,
    }
    items {
        a_document_is_replaced_only_from_what_it_is,
        of_changes_of_a_document_at_once_none_is_lost,
        an_item_is_found_as_it_was_stored,
        a_collection_has_a_name_once,
        of_many_items_of_one_name_one_is_stored,
        items_stand_in_the_order_of_places_then_of_names,
        a_filter_is_half_open_and_pages_are_cut_after_it,
        an_item_is_replaced_only_from_what_it_is,
        of_two_replacements_of_an_item_one_wins,
        an_item_is_deleted_from_its_account_alone,
        each_change_of_what_trackers_keep_is_one_event,
        rev_16_items_leave_with_their_account,
        sto_items_with_nul_are_refused,
    }
    jobs {
        work_is_listed_as_it_was_promised,
        work_is_claimed_from_the_instant_at_which_it_is_due,
        what_is_due_the_longest_comes_first,
        a_claim_ends_at_exactly_its_instant,
        of_many_claims_at_once_each_gets_another,
        of_two_that_take_over_an_ended_claim_one_does,
        whoever_lost_a_claim_changes_nothing,
        who_never_claimed_changes_nothing,
        an_ended_claim_that_nobody_took_over_still_counts,
        postponed_work_waits_for_its_time,
        buried_work_rests_until_it_is_revived,
        a_claim_from_before_a_revival_is_lost,
        work_is_deleted_in_any_state_and_its_number_is_gone,
        rev_16_work_leaves_with_its_account,
        sto_work_that_cannot_be_kept_is_refused,
    }
    log {
        every_change_is_one_event_in_order,
        what_changes_nothing_is_no_event,
        events_of_concurrent_changes_have_no_gap,
        events_are_read_in_steps,
        the_newest_audit_entries_come_first,
        audit_entries_are_searched_and_read_in_steps,
    }
    mailed {
        a_mailed_token_is_found_by_purpose_and_digest,
        a_mailed_token_is_of_use_once,
        of_many_takes_at_once_one_gets_it,
        a_mailed_token_is_dead_at_exactly_its_end,
        a_newer_mailed_token_takes_the_place_of_the_earlier,
        two_accounts_never_have_one_mailed_token,
        a_mailed_token_can_be_taken_back,
        rev_16_mailed_tokens_leave_with_their_account,
        sto_mailed_tokens_that_cannot_be_kept_are_refused,
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
    signed {
        signed_tokens_are_listed_newest_first_until_their_end,
        rev_06_signing_out_takes_a_token_off_the_list,
        rev_09_ending_all_empties_the_list,
        rev_16_signed_tokens_leave_with_their_account,
        the_list_of_signed_tokens_is_bounded,
        the_last_use_of_a_signed_token_is_written_soon,
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
