"""What a drop-in for CodeCarbon must do, line by line, and the tests that hold each line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
UNIT = "unit/tracker/test_"
SIMULATED = "simulated/test_tracker.py"
SAME = "compat/test_same.py::test_it_sees_the_same"  # of the pattern in parentheses

# number: what holds, and where it is shown (files below tests/unit/tracker by their short names).
LINES: dict[int, tuple[str, list[str]]] = {
    1: ("four names and every import", ["names::test_every_import_works"]),
    2: (
        "found by find_spec, twice is harmless, shadowed on request only",
        [
            "names::test_the_specs_are_found_and_an_installed_one_is_shadowed_only_on_request",
            "names::test_every_import_works",
        ],
    ),
    3: (
        "all arguments, unknown ones refused",
        [
            "arguments::test_every_argument_is_there_in_its_order",
            "arguments::test_the_project_is_the_first",
            "arguments::test_an_unknown_argument_is_refused",
            "decorators::test_an_unknown_argument_is_refused_at_once",
        ],
    ),
    4: (
        "defaults, explicit None",
        [
            "arguments::test_defaults",
            "arguments::test_none_where_it_makes_no_sense_is_the_default",
        ],
    ),
    5: (
        "precedence, types, garbage",
        [
            "arguments::test_argument_before_environment_before_local_before_home",
            "arguments::test_settings_are_read_as_what_they_are",
            "arguments::test_what_cannot_be_read_is_warned_of_and_the_default_holds",
            f"{SAME} (settings)",
        ],
    ),
    6: (
        "save_to_* deprecated, output_methods wins",
        [
            "arguments::test_save_to_is_deprecated_once",
            "arguments::test_output_methods_win_and_take_words",
        ],
    ),
    7: ("a missing folder is named", ["arguments::test_a_missing_folder_is_named"]),
    8: ("bad words are refused", ["arguments::test_what_cannot_be_is_refused"]),
    9: ("double start", ["life::test_a_second_start_changes_nothing"]),
    10: (
        "stop in kg, once",
        [
            "life::test_start_gives_none_and_stop_kilograms",
            "life::test_a_second_stop_gives_the_same_and_writes_nothing",
        ],
    ),
    11: ("stop and flush without start", ["life::test_stop_and_flush_without_start"]),
    12: (
        "flush gives running totals",
        ["life::test_flush_gives_running_totals", "life::test_update_keeps_one_row_a_run"],
    ),
    13: (
        "restart",
        [
            "life::test_restart_is_a_run_of_its_own",
            f"{SIMULATED}::test_a_second_run_of_a_tracker_has_its_own_energy",
        ],
    ),
    14: ("with-block", ["life::test_the_block_gives_the_tracker_and_lets_exceptions_pass"]),
    15: ("nothing raises", ["life::test_a_broken_handler_costs_nothing"]),
    16: ("sums and rate", ["rows::test_sums_and_rates"]),
    17: ("power times duration", ["rows::test_sums_and_rates"]),
    18: ("pue and wue", ["rows::test_pue_and_wue"]),
    19: (
        "forced powers and intensity",
        [
            "rows::test_powers_that_are_given_are_exact",
            "rows::test_nothing_is_a_power",
            "rows::test_a_given_processor_power_is_that_of_full_load",
            "rows::test_garbage_is_left_out_with_a_warning",
        ],
    ),
    20: (
        "tasks and their names",
        ["tasks::test_a_task_needs_no_start_and_has_its_own_figures", "tasks::test_names"],
    ),
    21: (
        "open and stopped tasks",
        [
            "tasks::test_stop_ends_an_open_task_and_a_flush_leaves_it_open",
            "tasks::test_stopping_a_task_again_gives_what_it_had_come_to",
        ],
    ),
    22: (
        "tasks and gaps make up the run",
        [
            "tasks::test_tasks_and_what_lies_between_make_up_the_run",
            f"{SIMULATED}::test_tasks_are_the_truth_and_add_up_with_the_gaps",
        ],
    ),
    23: ("file of tasks", ["tasks::test_the_file_of_tasks_has_all_columns"]),
    24: (
        "TaskEmissionsTracker, track_task_emissions",
        ["tasks::test_a_block_is_a_task", "tasks::test_every_call_is_a_task"],
    ),
    25: (
        "decorator",
        [
            "decorators::test_bare_and_with_arguments",
            "decorators::test_methods_recursion_and_exceptions",
        ],
    ),
    26: (
        "coroutines and generators",
        [
            "decorators::test_a_coroutine_is_measured_while_it_runs_and_stays_one",
            "decorators::test_a_generator_is_measured_while_it_runs_and_stays_one",
            "decorators::test_what_is_sent_and_thrown_reaches_the_generator",
        ],
    ),
    27: ("offline decorator without a country", ["decorators::test_offline"]),
    28: ("columns", ["rows::test_columns_and_forms", f"{SAME} (three_forms)"]),
    29: (
        "append, other order, .bak",
        [
            "file::test_rows_follow_the_order_of_the_file",
            "file::test_other_columns_are_kept_aside_under_free_names",
        ],
    ),
    30: (
        "empty file, missing line end, CRLF",
        [
            "file::test_new_and_empty_files_get_a_header",
            "file::test_a_missing_line_end_is_mended",
            "file::test_windows_line_ends_survive",
        ],
    ),
    31: (
        "update",
        [
            "file::test_update_keeps_others_and_one_of_its_own",
            "file::test_update_leaves_the_old_file_where_it_cannot_write",
        ],
    ),
    32: (
        "threads and processes on a fresh file",
        [
            "file::test_eight_threads_on_a_fresh_file",
            "file::test_eight_processes_append_and_one_is_killed",
            "file::test_eight_processes_of_a_thousand_rows_and_one_killed_at_random_fifty_times",
        ],
    ),
    33: ("kill -9", ["life::test_a_killed_program_keeps_what_was_flushed"]),
    34: (
        "unwritable or full",
        [
            "life::test_an_unwritable_folder_costs_the_row_and_not_the_number",
            "file::test_a_full_disk_leaves_no_part_of_a_line",
        ],
    ),
    35: (
        "handlers in order",
        [
            "outputs::test_calls_come_in_order_with_total_and_delta",
            f"{SIMULATED}::test_what_came_between_flushes_adds_up_to_the_run",
            f"{SAME} (handlers)",
        ],
    ),
    36: ("live output", ["outputs::test_live_output_comes_every_so_many_measurements"]),
    37: (
        "logger, HTTP, Prometheus, BoAmps",
        [
            "outputs::test_a_logger_gets_all_fields_as_json",
            "outputs::test_an_address_gets_the_row_and_an_empty_user",
            "outputs::test_prometheus_gets_the_delta_and_the_group_goes",
            "outputs::test_a_boamps_report",
        ],
    ),
    38: (
        "a dead or slow endpoint",
        [
            "outputs::test_a_dead_address_costs_nothing",
            "outputs::test_a_slow_address_is_not_waited_for",
        ],
    ),
    39: (
        "places",
        [
            "place::test_a_country_in_every_spelling",
            "place::test_an_unknown_country_is_the_world_and_says_so",
            "place::test_a_region",
            "place::test_a_cloud_region",
            f"{SAME} (places)",
        ],
    ),
    40: ("nothing leaves the machine", ["place::test_online_asks_nobody"]),
    41: (
        "process mode, gpu_ids, CUDA_VISIBLE_DEVICES",
        [
            f"{SIMULATED}::test_a_process_has_its_share_of_the_processors",
            f"{SIMULATED}::test_a_process_has_its_share_of_each_gpu",
            f"{SIMULATED}::test_the_gpus_that_were_named_count",
            f"{SIMULATED}::test_an_unknown_gpu_is_warned_of_and_left_out",
            f"{SAME} (process_mode)",
        ],
    ),
    42: (
        "one at a time",
        [
            "life::test_one_tracker_at_a_time_for_who_asks_for_it",
            "life::test_a_lock_goes_with_its_process",
        ],
    ),
    43: (
        "threads, a hundred in a row",
        [
            "names::test_trackers_in_threads",
            "life::test_start_and_stop_in_different_threads",
            "life::test_an_overlap_is_named_in_the_reason",
            "life::test_a_hundred_in_a_row_leave_no_thread",
        ],
    ),
    44: (
        "fork, exit, signals",
        [
            "life::test_a_forked_worker_has_trackers_of_its_own",
            "life::test_a_child_writes_no_row_of_the_parents_run",
            "life::test_the_end_of_the_process_is_as_without_a_tracker",
            "life::test_service_shutdown",
        ],
    ),
    45: (
        "quiet",
        [
            "life::test_nothing_is_said_at_error_level",
            "names::test_other_peoples_handlers_stay",
        ],
    ),
    46: (
        "private names, rows taken apart",
        [
            "rows::test_private_names_are_there_during_and_after",
            "rows::test_the_run_has_a_name_that_can_be_given",
            "rows::test_a_row_as_callers_take_it_apart",
        ],
    ),
    47: (
        "the twelve callers",
        [
            f"{SAME} (callers, stages)",
            "compat/test_transformers.py::test_the_trainer_reports_here",
        ],
    ),
    48: (
        "light (benchmarks/bench_tracker.py has the figures)",
        ["names::test_a_start_loads_nothing_heavy"],
    ),
    49: (
        "measured or estimated, said by the tracker",
        [
            f"{SIMULATED}::test_what_was_measured_says_so",
            f"{SIMULATED}::test_processors_and_gpus_together",
        ],
    ),
    50: (
        "one sampler",
        [f"{SIMULATED}::test_ten_trackers_cost_one_sampler_and_no_sensor_is_read_twice"],
    ),
}


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_line_is_numbered() -> None:
    assert sorted(LINES) == list(range(1, 51))


@pytest.mark.parametrize("number", sorted(LINES))
def test_the_tests_of_a_line_are_there(number: int) -> None:
    _, claims = LINES[number]
    assert claims
    for claim in claims:
        file, _, rest = claim.partition("::")
        name, _, patterns = rest.partition(" ")
        path = TESTS / (file if file.endswith(".py") else f"{UNIT}{file}.py")
        assert name in names_in(path), claim
        for pattern in patterns.strip("()").split(", ") if patterns else ():
            assert (TESTS / "compat" / "patterns" / f"{pattern}.py").exists(), claim
