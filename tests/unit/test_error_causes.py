"""Every code that one process can give arises from a real cause in a test, which this table names."""

from __future__ import annotations

import ast
from pathlib import Path

from pingme.domain.errors import ErrorCode

TESTS = Path(__file__).parents[1]
OF_ENGINES = {20002}  # Redis

CAUSES: dict[int, str] = {
    10001: "unit/test_http_auth.py::test_an_exception_is_logged_and_leaks_nothing",
    10002: "unit/test_connection.py::test_an_unknown_type_is_answered_with_its_id",
    10003: "unit/test_http_auth.py::test_a_large_body_is_refused_announced_or_not",
    10004: "unit/test_groups_service.py::test_strangers_learn_nothing_and_members_only_what_they_may",
    10005: "unit/test_http_auth.py::test_unknown_paths_and_wrong_methods",
    10006: "contract/test_store.py::test_a_recalled_message_loses_its_content",
    10007: "unit/test_rates.py::test_a_burst_passes_and_the_next_is_told_how_long_to_wait",
    10008: "unit/test_messages_service.py::test_a_full_log_refuses_and_nobody_waits",
    10009: "unit/test_pending.py::test_silence_is_an_unknown_outcome_and_never_a_refusal",
    20001: "unit/test_worker.py::test_an_outage_refuses_after_1_5_s_and_not_earlier",
    20003: "unit/test_worker.py::test_an_unexpected_exception_costs_one_record",
    20004: "unit/test_sdk_reconnect.py::test_ends_that_would_only_repeat_stop_the_client",
    30001: "unit/test_connection.py::test_a_refusal_in_the_line_does_not_hold_it",
    30002: "unit/test_accounts_service.py::test_a_taken_name_is_refused_in_any_spelling",
    30003: "unit/test_accounts_service.py::test_unknown_user_and_wrong_password_get_one_answer_at_one_cost",
    30004: "unit/test_tokens.py::test_a_token_expires_also_after_it_was_seen",
    30005: "unit/test_connection.py::test_a_bad_token_is_told_and_closed",
    40001: "unit/test_connection.py::test_a_stranger_gets_the_answer_of_a_missing_conversation",
    40002: "unit/test_connection.py::test_a_stranger_gets_the_answer_of_a_missing_conversation",
    40003: "unit/test_messages_service.py::test_a_removed_writer_is_refused_and_a_repeat_of_old_is_answered",
    40004: "unit/test_connection.py::test_a_repeat_is_answered_and_not_delivered_again",
    40005: "unit/test_groups_service.py::test_a_group_is_handed_over_left_and_dissolved",
    40006: "unit/test_connection.py::test_too_large_content_is_refused_and_names_the_message",
    40007: "unit/test_rules.py::test_the_window_to_edit_and_recall",
    40008: "contract/test_store.py::test_the_group_limit_counts_within_the_batch",
    50001: "distributed/test_kafka.py::test_a_server_starts_and_serves_without_a_broker",
    50002: "distributed/test_kafka.py::test_rubbish_in_the_log_becomes_a_dead_letter",
    50003: "unit/test_worker.py::test_without_dead_letters_the_record_is_refused_in_writing",
    50004: "unit/test_worker.py::test_a_failed_publish_is_repaired_by_resync_and_ends_nothing",
    50005: "distributed/test_kafka.py::test_a_node_that_was_stopped_for_long_joins_again",
    50006: "unit/test_worker.py::test_a_poison_record_is_retried_three_times_and_then_dead_lettered",
    50007: "unit/test_worker_kept.py::test_a_dead_letter_that_cannot_be_written_stops_its_partition",
    50008: "unit/test_log_kafka.py::test_a_record_that_kafka_does_not_take_is_told_at_once",
}


def test_every_code_has_a_cause_or_a_reason_for_none():
    """A new code needs a row; a row for a code that is gone is refused."""
    codes = {int(code) for code in ErrorCode} - {0}

    assert codes == set(CAUSES) | OF_ENGINES
    assert not set(CAUSES) & OF_ENGINES


def test_the_tests_that_the_table_names_exist():
    """A renamed test takes its row with it."""
    for row in CAUSES.values():
        file, _, name = row.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        names = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}

        assert name in names, row
