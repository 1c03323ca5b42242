//! The store's tests, each on both engines: one by one on SQLite, and all of them in one test on
//! a PostgreSQL that is started for it (a process per test would start one for each).

mod database;
mod facts;
mod fixtures;
mod found;
mod inventory_and_edges;
mod lists;
mod mails_and_audit;
mod metrics;
mod monitor_tests;
mod peerings;
mod people;
mod postgres;
mod prefixes;
mod registered_asns;
mod schema;
mod secrets;
mod shown;
mod statements;
mod tokens;
mod transactions;
mod work;

macro_rules! suite {
    ($($module:ident { $($name:ident),* $(,)? })*) => {
        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$module::$name(&super::database::Database::sqlite().await).await;
                }
            )*)*
        }

        #[test]
        fn the_whole_suite_passes_on_postgresql() {
            let server =
                postgres::Server::start(&["fsync=off", "shared_buffers=16MB", "max_connections=80"]);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            $($(
                // What a failing test prints ends with its name.
                println!("on PostgreSQL: {}", stringify!($name));
                runtime.block_on(async {
                    let database = server.database(stringify!($name)).await;
                    $module::$name(&database).await;
                    database.store.close().await;
                });
            )*)*
        }
    };
}

suite! {
    facts {
        ports_are_never_assigned_twice,
        ports_become_free_with_their_connection,
        subnets_never_overlap_and_rest_after_use,
        a_subnet_is_never_taken_twice_at_once,
    }
    found {
        a_word_finds_resources_of_its_scope_only,
        letters_beyond_ascii_are_found_in_any_case,
        what_is_not_settled_is_told_until_it_is,
    }
    inventory_and_edges {
        the_last_inventory_holds,
        a_router_s_state_and_its_sessions_routes_are_the_latest_ones,
        results_of_applying_are_bounded,
        an_intent_s_generation_counts_changes_only,
        an_intent_is_kept_in_parts_and_no_part_outlives_its_use,
    }
    lists {
        peerings_are_filtered_sorted_and_counted,
        registered_prefixes_with_problems_come_first,
        activated_prefixes_are_found_by_place_and_path,
        what_was_listed_before_this_version_is_listed_by_it,
    }
    mails_and_audit {
        a_mail_is_kept_once_however_often_it_is_asked_for,
        lists_show_their_scope_only_newest_first,
    }
    metrics {
        a_minute_is_written_once_and_sums_up_in_every_grain,
        two_routers_minutes_of_one_series_add_up,
        points_are_read_in_groups_and_only_where_something_was_measured,
        a_resource_s_series_are_its_own_and_go_with_it,
        points_are_kept_as_long_as_their_grain_is,
        the_newest_minute_is_told_while_it_is_new,
    }
    people {
        a_person_is_known_by_one_address_in_any_case,
        an_invitation_is_taken_until_it_ends_or_another_replaces_it,
        operators_who_can_sign_in_are_counted_and_open_invitations_told,
        a_session_lasts_until_it_ends_is_revoked_or_its_person_is_disabled,
        of_a_group_s_content_what_stays_comes_first,
        a_group_is_found_in_any_case_and_knows_its_content,
    }
    peerings {
        peer_asns_are_found_by_name_number_and_state,
        a_peer_asn_in_use_cannot_be_deleted,
        names_compare_without_case_and_lists_are_paged,
        one_peering_per_asn_location_and_offering,
        of_other_subscriptions_only_approved_claims_are_in_each_other_s_way,
        connections_are_changed_listed_and_deleted,
        a_locked_peering_waits_for_the_other_writer,
        what_is_gone_is_not_found,
        connections_are_counted_by_state_those_that_leave_apart,
        a_peer_s_peerings_are_found_by_its_name,
        peerings_are_told_with_whether_they_carry_traffic,
    }
    prefixes {
        a_prefix_is_registered_once_whoever_asks,
        registrations_are_found_by_key_prefix_and_peer,
        what_a_service_uses_cannot_be_deleted,
        a_prefix_is_activated_once,
        events_are_kept_newest_first,
        paths_are_told_back_to_the_one_that_held_and_old_ones_go,
        connections_are_counted_where_they_are,
    }
    monitor_tests {
        a_connection_monitor_keeps_its_workspace,
        tests_are_found_by_name_and_site_and_go_with_their_service,
        every_change_of_what_is_probed_is_counted,
        the_newest_outcome_of_a_probe_is_kept_as_long_as_the_probe,
    }
    registered_asns {
        an_asn_is_registered_once_on_a_peering,
        registered_asns_go_with_their_peering,
    }
    schema {
        a_newer_schema_is_refused,
        opening_twice_migrates_once,
        peerings_come_through_the_migration_of_their_places,
        connections_come_through_the_migration_of_their_names,
        a_server_compiles_no_statement,
    }
    secrets {
        no_secret_is_written_in_clear,
        a_wrong_key_is_told_at_the_start,
    }
    shown {
        a_page_shows_its_peerings_connections_and_no_others,
        a_router_s_state_is_shown_as_it_is_now,
    }
    statements {
        every_statement_prepares,
    }
    tokens {
        a_token_stands_for_its_principal_until_it_ends,
        a_peer_s_token_needs_a_subscription,
        a_token_that_another_process_ends_works_a_second_longer_at_most,
    }
    transactions {
        what_is_not_committed_never_happened,
        change_audit_and_work_commit_together,
        readers_go_on_beside_a_writer,
    }
    work {
        work_is_claimed_once_and_at_the_earliest_time_asked_for,
        work_asked_for_during_a_run_is_done_once_more,
        a_reconciler_that_asks_for_its_next_run_waits_for_it,
        an_expired_lease_is_claimed_and_the_late_holder_ignored,
        failed_work_is_tried_again_and_counts,
        the_longest_due_comes_first,
        concurrent_claims_never_share_an_item,
        waiters_wake_when_work_commits,
    }
}
