"""What the command line queues, as an operator meets it: a process, a state file, a queue."""

import re
import sqlite3
from contextlib import closing

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import VideoRef
from tests.enqueue.command_line import CODES, EXTRACTION, Setup, first_line, objects, only_line


def test_everything_is_queued_once(setup: Setup) -> None:
    run = setup.run("--page-size", "7")
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"25 videos queued in 3 calls, \d+ a second", first_line(run))
    assert setup.queued() == [{"code": code} for code in CODES]


@pytest.mark.failure_row(45)
def test_what_waits_in_the_queue_is_not_queued_again_unless_it_is_asked_for(setup: Setup) -> None:
    setup.run("--limit", "20")
    assert first_line(setup.run()).startswith("5 videos queued in 1 call,")
    assert first_line(setup.run()).startswith("0 videos queued in 0 calls")
    assert len(setup.queued()) == 25
    assert first_line(setup.run("--requeue-after", "0")).startswith("25 videos queued")


@pytest.mark.failure_row(40)
def test_a_table_without_that_column_works_and_is_told_of_once(setup: Setup) -> None:
    with closing(sqlite3.connect(setup.folder / "state.sqlite")) as connection, connection:
        connection.execute("ALTER TABLE watched_content DROP COLUMN enqueued_at")
    setup.run()
    run = setup.run()
    assert (run.returncode, first_line(run)[:16]) == (0, "25 videos queued")
    assert only_line(run.stderr).startswith("note: the state has no column enqueued_at")
    assert len(setup.queued()) == 50
    assert setup.run("--requeue-after", "5").returncode == 2


def test_what_is_extracted_meanwhile_is_not_queued_again(setup: Setup) -> None:
    setup.run()
    setup.queued()
    for code in CODES:
        setup.state.mark_extracted(VideoRef(code), EXTRACTION)
    run = setup.run("--requeue-after", "0")
    assert (run.returncode, first_line(run)) == (0, "0 videos queued in 0 calls, 0 a second")
    assert run.stdout.splitlines()[1:] == ["no fetched video is waiting to be extracted"]
    assert setup.queued() == []


def test_failures_are_queued_only_for_those_who_ask_for_them_and_however_recent(setup: Setup) -> None:
    setup.run()
    setup.queued()
    setup.state.record_failure(VideoRef("code07"), "DECODER_CRASHED", "any")
    assert first_line(setup.run("--retry-failed")).startswith("1 video queued")
    assert setup.queued() == [{"code": "code07"}]


def test_only_what_was_fetched_since_then_is_queued(setup: Setup) -> None:
    with closing(sqlite3.connect(setup.folder / "state.sqlite")) as connection, connection:
        old = "UPDATE watched_content SET fetched_at = '2020-01-01T00:00:00+00:00' WHERE code < 'code20'"
        connection.execute(old)
    assert first_line(setup.run("--since", "2d")).startswith("5 videos queued")
    assert first_line(setup.run("--since", "2019-12-31")).startswith("20 videos queued")


@pytest.mark.parametrize("from_standard_input", [True, False])
def test_codes_that_are_written_down_are_queued_whatever_the_state_says(
    setup: Setup, from_standard_input: bool
) -> None:
    text = "new\ncode03\n\ncode03\nno/code\n"
    (setup.folder / "codes.txt").write_text(text)
    setup.state.mark_extracted(VideoRef("code03"), EXTRACTION)
    file = "-" if from_standard_input else "codes.txt"
    run = setup.run("--codes", file, stdin=text if from_standard_input else "")
    assert run.returncode == 1
    assert "1 video refused: 1 × 'INVALID_MESSAGE'; the first was 'no/code'" in run.stdout
    assert setup.queued() == [{"code": "code03"}, {"code": "new"}]


def test_a_budget_is_kept_and_what_it_would_cost_is_told_before(setup: Setup) -> None:
    prices = ["--seconds-per-video", "1", "--memory-mb", "1024", "--frames-per-video", "0"]
    (estimate,) = objects(setup.run("--dry-run", "--json", *prices))
    assert estimate["usd"] == pytest.approx(25 * estimate["usd_per_video"], rel=1e-3)
    budget = str(7.5 * estimate["usd_per_video"])
    run = setup.run("--max-usd", budget, *prices)
    assert (run.returncode, first_line(run)[:15]) == (0, "7 videos queued")
    assert run.stdout.splitlines()[-1] == "stopped: one more video would exceed --max-usd"
    assert len(setup.queued()) == 7


def test_a_budget_holds_for_all_runs_that_share_a_checkpoint(setup: Setup) -> None:
    options = ("--checkpoint", "c.json", "--frames-per-video", "0", "--seconds-per-video", "1", "--json")
    (estimate,) = objects(setup.run("--dry-run", *options))
    budget = ("--max-usd", str(20.5 * estimate["usd_per_video"]))
    first, second, third = (objects(setup.run(*options, *budget, "--limit", "15"))[0] for _ in range(3))
    assert [first["queued"], second["queued"], third["queued"]] == [15, 5, 0]


def test_machines_get_json_and_nothing_else(setup: Setup) -> None:
    setup.state.add("a/b", is_fetched=True)
    run = setup.run("--json")
    (summary,) = objects(run)
    assert (run.returncode, run.stderr) == (1, "")
    expected = {"event": "summary", "queued": 25, "calls": 3, "refused": {"INVALID_MESSAGE": 1}}
    assert {name: summary[name] for name in expected} == expected


def test_options_that_are_given_go_into_the_messages(setup: Setup) -> None:
    options = "--limit 1 --platform tiktok --interval 0.5 --strategy uniform --quality 80 --max-frames 9"
    assert setup.run(*options.split(), "--format", "webp").returncode == 0
    assert setup.queued() == [
        {
            "code": "code00",
            "platform": "tiktok",
            "interval": 0.5,
            "strategy": "uniform",
            "quality": 80,
            "max_frames": 9,
            "format": "webp",
        }
    ]


def test_videos_are_sent_in_the_group_of_the_backlog_unless_another_or_none_is_asked_for(
    setup: Setup,
) -> None:
    for options in ((), ("--message-group", "eu-1"), ("--message-group", "")):
        assert setup.run("--limit", "1", "--requeue-after", "0", *options).returncode == 0
    taken = setup.sqs.receive_message(
        QueueUrl=setup.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
    )["Messages"]
    groups = [message.get("Attributes", {}).get("MessageGroupId") for message in taken]
    assert groups == ["backlog", "eu-1", None]
    assert setup.run("--message-group", "two words").returncode == 2


def test_a_dry_run_sends_nothing_and_needs_no_queue(setup: Setup) -> None:
    run = setup.run("--dry-run", SQS_QUEUE_URL="")
    assert (run.returncode, first_line(run)) == (
        0,
        "25 videos would be queued; nothing was sent (dry run)",
    )
    assert setup.queued() == []


def test_either_name_of_the_region_will_do(setup: Setup) -> None:
    assert setup.run("--limit", "1", AWS_REGION="").returncode == 0
    assert setup.run("--limit", "1", AWS_DEFAULT_REGION="").returncode == 0


def test_a_file_with_settings_is_read_and_overrides_nothing(setup: Setup) -> None:
    (setup.folder / ".env").write_text("SQS_QUEUE_URL=http://127.0.0.1:1/wrong\nSTATE_TABLE=other\n")
    SqliteStateStore(setup.folder / "state.sqlite", "other").add("only", is_fetched=True)
    assert setup.run().returncode == 0
    assert setup.queued() == [{"code": "only"}]
