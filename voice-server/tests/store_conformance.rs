//! What every store does alike: one suite, run against each of them as it is used, on a disk and over a socket.
//!
//! A test of the suite is a function that gets an empty store; it is listed here once, and a list that forgets one does not
//! compile without a warning.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod postgres_support;
mod store_support;

macro_rules! on_every_store {
    ($($area:ident { $($test:ident)+ })+) => {
        mod sqlite {
            $(mod $area {
                use crate::store_support::{Bench, $area};
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $area::$test(Bench::sqlite().await).await;
                })+
            })+
        }

        mod postgres {
            $(mod $area {
                use crate::store_support::{Bench, $area};
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $area::$test(Bench::postgres().await).await;
                })+
            })+
        }
    };
}

on_every_store! {
    outreach {
        a_client_is_made_read_changed_and_deleted
        a_campaign_is_made_read_changed_and_deleted
        a_lead_is_made_read_changed_and_deleted
        what_is_refused_is_told_by_its_name
        the_longest_that_is_allowed_is_stored
        a_phone_is_once_in_a_campaign
        leads_are_found_by_campaign_and_status
        a_client_that_goes_leaves_its_leads
        a_campaign_that_goes_takes_its_leads_and_leaves_their_calls
        a_lead_that_goes_leaves_its_calls
    }
    isolation {
        what_is_another_tenants_does_not_exist
        lists_and_sums_are_of_ones_own_tenant
        a_filter_by_another_tenants_row_finds_nothing
        a_reference_to_another_tenants_row_is_refused_like_one_to_nothing
        an_entry_under_another_tenants_call_is_refused
        a_call_for_another_tenants_lead_is_for_none
        a_recording_is_forgotten_by_its_own_tenant_only
    }
    paging {
        calls_of_one_instant_come_once_each
        a_page_stays_right_while_rows_come
        a_page_stays_right_when_the_row_it_begins_after_is_gone
        a_page_has_one_to_two_hundred_rows
        every_list_comes_newest_first_and_whole
    }
    calls {
        a_call_reads_back_as_it_was_written
        a_call_that_runs_has_no_end_and_no_conversation
        what_is_not_there_is_not_found
        calls_are_found_by_what_they_are
        times_keep_their_microseconds
    }
    write {
        any_repetition_in_any_order_writes_the_same_rows
        what_is_there_stays_as_it_is
        a_batch_with_an_entry_that_cannot_be_written_writes_nothing
        nothing_is_written_before_the_start
        an_end_is_never_taken_back
        a_call_that_was_taken_for_lost_ends_as_it_did
        a_call_has_one_recording
        a_lead_that_is_gone_does_not_stop_its_call
        nothing_is_as_good_as_written
        writers_at_a_time_all_succeed
        an_operation_nobody_waits_for_ends_and_leaves_the_store_in_order
    }
    totals {
        talk_time_counts_what_ran_since_and_what_runs
        the_dashboard_tells_today_and_this_month
        analytics_add_up_a_period
        analytics_of_nothing_are_zero
        costs_in_two_currencies_are_not_added_up
    }
    retention {
        orphans_end_with_their_last_utterance
        a_call_of_another_server_runs_on_unless_it_is_too_old
        a_call_goes_after_its_recording_when_its_time_is_over
        no_more_goes_at_a_time_than_asked
        only_what_is_listed_is_deleted_and_never_what_runs_or_is_recorded
    }
    standing {
        a_subject_without_a_profile_has_no_standing
        a_standing_tells_tenant_role_and_limits
        development_is_made_once
        a_profile_says_who_asks
        plans_come_cheapest_first
        the_store_answers
    }
    admin {
        a_tenant_is_made_read_and_changed
        a_user_is_made_changed_and_removed
        what_cannot_be_is_refused
        nobody_else_administers
        every_deed_is_recorded_with_what_it_did
        what_was_not_done_is_not_recorded
        a_suspended_tenant_says_so_at_once
    }
}

#[tokio::test]
async fn both_schemas_have_the_same_tables_and_columns() {
    store_support::schemas::both_have_the_same_tables_and_columns().await;
}
