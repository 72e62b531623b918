"""The command line as an operator meets it: a process, a state file, a queue, an exit status."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from extractor.adapters.sqlite import SqliteStateStore
from extractor.models import Extraction, Subject
from tests.servers.http import Answer, Request, forward, serving

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SCRIPT = Path(__file__).parents[2] / "run_sqs_batches.py"
CODES = [f"code{number:02d}" for number in range(25)]
EXTRACTION = Extraction(1, "frames/", None, 1.0, 30, 30.0)


@dataclass(frozen=True)
class Setup:
    """A state with all codes fetched, a queue, and the environment that names both."""

    state: SqliteStateStore
    sqs: "SQSClient"
    queue_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *options: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        """Variables given as empty are not set at all."""
        variables = {name: value for name, value in (self.environment | environment).items() if value}
        return subprocess.run(
            [sys.executable, SCRIPT, *options],
            env=variables,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *options: str, **environment: str) -> "subprocess.Popen[str]":
        # A shell may have started the tests in the background, where Ctrl-C is ignored, also by children.
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [sys.executable, SCRIPT, *options],
                env=self.environment | environment,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, previous)

    def queued(self) -> list[dict[str, object]]:
        """Takes all messages out of the queue."""
        return sorted(self._receive(), key=lambda message: str(message["code"]))

    def _receive(self) -> Iterator[dict[str, object]]:
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            yield from (json.loads(message["Body"]) for message in messages)


@pytest.fixture
def setup(
    tmp_path: Path,
    aws_environment: dict[str, str],
    sqs_client: "SQSClient",
    new_queue: Callable[[], str],
) -> Setup:
    state = SqliteStateStore(tmp_path / "state.sqlite", "watched_content")
    for code in CODES:
        state.add(code, is_fetched=True)
    queue_url = new_queue()
    environment = {
        **aws_environment,
        "PATH": os.environ["PATH"],
        "STATE_BACKEND": "sqlite",
        "SQLITE_PATH": str(tmp_path / "state.sqlite"),
        "SQS_QUEUE_URL": queue_url,
    }
    return Setup(state, sqs_client, queue_url, tmp_path, environment)


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def first_line(run: "subprocess.CompletedProcess[str]") -> str:
    return run.stdout.splitlines()[0]


def objects(run: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """Standard output as lines of JSON; there may be nothing else."""
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_everything_is_queued_once(setup: Setup) -> None:
    run = setup.run("--page-size", "7")
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"25 videos queued in 3 calls, \d+ a second", first_line(run))
    assert setup.queued() == [{"code": code} for code in CODES]


@pytest.mark.failure_row(45)
def test_what_waits_in_the_queue_is_not_queued_again_unless_it_is_asked_for(setup: Setup) -> None:
    setup.run("--limit", "20")
    assert first_line(setup.run()).startswith("5 videos queued in 1 calls")
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
        setup.state.mark_extracted(Subject(code), EXTRACTION)
    run = setup.run("--requeue-after", "0")
    assert (run.returncode, first_line(run)) == (0, "0 videos queued in 0 calls, 0 a second")
    assert setup.queued() == []


def test_failures_are_queued_only_for_those_who_ask_for_them_and_however_recent(setup: Setup) -> None:
    setup.run()
    setup.queued()
    setup.state.record_failure(Subject("code07"), "DECODER_CRASHED", "any")
    assert first_line(setup.run("--retry-failed")).startswith("1 videos queued")
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
    setup.state.mark_extracted(Subject("code03"), EXTRACTION)
    file = "-" if from_standard_input else "codes.txt"
    run = setup.run("--codes", file, stdin=text if from_standard_input else "")
    assert run.returncode == 1
    assert "1 videos refused: 1 × 'INVALID_MESSAGE'; the first was 'no/code'" in run.stdout
    assert setup.queued() == [{"code": "code03"}, {"code": "new"}]


def test_a_budget_is_kept_and_what_it_would_cost_is_told_before(setup: Setup) -> None:
    prices = ["--seconds-per-video", "1", "--memory-mb", "1024", "--frames-per-video", "0"]
    (estimate,) = objects(setup.run("--dry-run", "--json", *prices))
    assert estimate["usd"] == pytest.approx(25 * estimate["usd_per_video"], rel=1e-3)
    budget = str(7.5 * estimate["usd_per_video"])
    run = setup.run("--max-usd", budget, *prices)
    assert (run.returncode, first_line(run)[:15]) == (0, "7 videos queued")
    assert run.stdout.splitlines()[-1] == "stopped there: one more would pass --max-usd"
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


def test_the_view_follows_the_queue_until_it_is_drained(setup: Setup) -> None:
    process = setup.start("--watch", "--watch-every", "0.1", "--json")
    assert process.stdout is not None
    summary, look = (json.loads(process.stdout.readline()) for _ in range(2))
    assert (summary["queued"], look["queue"]["waiting"], look["remaining"]) == (25, 25, 25)
    setup.state.record_failure(Subject("code00"), "TRUNCATED", "half of it")
    for code in CODES[1:]:
        setup.state.mark_extracted(Subject(code), EXTRACTION)
    setup.sqs.purge_queue(QueueUrl=setup.queue_url)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    *looks, end = map(json.loads, output.splitlines())
    assert (looks[-1]["drained"], looks[-1]["settled"], looks[-1]["failed"]) == (True, 25, 1)
    assert end == {"event": "drained", "remaining": 0, "failures": {"TRUNCATED": 1}}


def test_the_view_alone_queues_nothing_and_tells_what_is_left(setup: Setup) -> None:
    run = setup.run("--watch-only", "--watch-every", "0.1")
    assert (run.returncode, run.stderr) == (0, "")
    assert first_line(run) == "0 waiting, 0 in flight; 25 to do, 0 settled, 0 failed"
    assert run.stdout.splitlines()[-2] == "the queue is drained"
    assert run.stdout.splitlines()[-1].startswith("25 videos are still to do")
    assert setup.queued() == []


def test_on_a_terminal_the_view_is_one_line_that_is_written_over(setup: Setup) -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    command = [sys.executable, str(SCRIPT), "--watch-only", "--watch-every", "0.1"]
    with subprocess.Popen(command, env=setup.environment, cwd=setup.folder, stdout=theirs) as process:
        os.close(theirs)
        shown = b"".join(iter(partial(read_terminal, ours), b"")).decode()
    os.close(ours)
    assert process.returncode == 0
    view = shown.split("the queue is drained")[0].rstrip()
    assert view.count("0 waiting, 0 in flight; 25 to do") >= 3
    assert "\n" not in view


def read_terminal(descriptor: int) -> bytes:
    """Empty when nobody is left who writes to it, which Linux reports as an error."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_closing_the_view_does_no_harm(setup: Setup) -> None:
    process = setup.start("--watch", "--watch-every", "600")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[-1].startswith("25 waiting")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "the view is closed; the workers go on\n")
    assert len(setup.queued()) == 25


@pytest.mark.failure_row(45)
def test_a_checkpoint_of_another_selection_is_refused(setup: Setup) -> None:
    setup.run("--checkpoint", "c.json", "--limit", "10")
    run = setup.run("--checkpoint", "c.json", "--platform", "tiktok")
    assert run.returncode == 2
    assert "options differ" in only_line(run.stderr)
    assert len(setup.queued()) == 10


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


def test_a_dry_run_sends_nothing_and_needs_no_queue(setup: Setup) -> None:
    run = setup.run("--dry-run", SQS_QUEUE_URL="")
    assert (run.returncode, first_line(run)) == (
        0,
        "25 videos would be queued; nothing was sent (dry run)",
    )
    assert setup.queued() == []


def test_a_video_that_cannot_be_queued_is_named_and_gives_1(setup: Setup) -> None:
    setup.state.add("a/\x1b[31m", is_fetched=True)
    run = setup.run()
    assert run.returncode == 1
    assert "1 videos refused: 1 × 'INVALID_MESSAGE'; the first was 'a/\\x1b[31m'" in run.stdout
    assert len(setup.queued()) == 25


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--strategy", "random"], ["uniform", "keyframe"]),
        (["--format", "gif"], ["jpg", "webp", "png"]),
        (["--quality", "101"], ["100"]),
        (["--quality", "high"], ["--quality"]),
        (["--interval", "0"], ["greater than 0"]),
        (["--interval", "nan"], ["--interval"]),
        (["--max-frames", "0"], ["1"]),
        (["--limit", "0"], ["over 0"]),
        (["--page-size", "-1"], ["over 0"]),
        (["--platform", "../x"], ["--platform"]),
        (["--senders", "65"], ["64"]),
        (["--since", "yesterday"], ["2026-01-31", "2d"]),
        (["--max-usd", "-1"], ["at least 0"]),
        (["--max-usd", "nan"], ["at least 0"]),
        (["--requeue-after", "soon"], ["soon"]),
        (["--codes", "missing.txt"], ["missing.txt"]),
        (["--checkpoint", "missing/file"], ["missing/file"]),
        (["--dry-run", "--watch-only"], ["not allowed"]),
    ],
)
def test_wrong_usage_gives_2_and_tells_what_is_allowed(
    setup: Setup, options: list[str], told: list[str]
) -> None:
    run = setup.run(*options)
    assert run.returncode == 2
    assert all(text in run.stderr.splitlines()[-1] for text in told)
    assert setup.queued() == []


@pytest.mark.failure_row(47)
def test_wrong_settings_give_2_and_are_named_all_at_once(setup: Setup) -> None:
    run = setup.run(STATE_BACKEND="supabase", QUALITY="0", SQS_QUEUE_URL="")
    assert run.returncode == 2
    assert run.stdout == ""
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "QUALITY", "SQS_QUEUE_URL"):
        assert name in only_line(run.stderr)


@pytest.mark.failure_row(47)
@pytest.mark.parametrize(
    ("variable", "others"),
    [
        ("AWS_REGION", {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}),
        ("AWS_PROFILE", {"AWS_PROFILE": "no-such-profile"}),
        ("AWS_ENDPOINT_URL", {"AWS_ENDPOINT_URL": "no address"}),
        (
            "SUPABASE_URL",
            {"STATE_BACKEND": "supabase", "SUPABASE_URL": "no address", "SUPABASE_KEY": "secret"},
        ),
    ],
)
def test_settings_that_only_a_client_can_check_give_2_as_well(
    setup: Setup, variable: str, others: dict[str, str]
) -> None:
    run = setup.run(**others)
    assert run.returncode == 2
    assert variable in only_line(run.stderr)
    assert "secret" not in run.stderr


def test_either_name_of_the_region_will_do(setup: Setup) -> None:
    assert setup.run("--limit", "1", AWS_REGION="").returncode == 0
    assert setup.run("--limit", "1", AWS_DEFAULT_REGION="").returncode == 0


@pytest.mark.failure_row(46)
def test_a_queue_out_of_reach_gives_3_and_one_clear_line(setup: Setup) -> None:
    with serving(lambda _: Answer(200)) as endpoint:
        pass  # the port is closed again
    run = setup.run(AWS_ENDPOINT_URL=endpoint)
    assert run.returncode == 3
    assert only_line(run.stderr).startswith("error: cannot send to the queue")
    assert first_line(run).startswith("0 videos queued in ")
    assert "up to 25 more may have been queued" in run.stdout


@pytest.mark.failure_row(46)
def test_a_state_out_of_reach_gives_3_and_one_clear_line(setup: Setup) -> None:
    run = setup.run(SQLITE_PATH=str(setup.folder / "missing" / "state.sqlite"))
    assert run.returncode == 3
    assert "SQLITE_PATH" in only_line(run.stderr)


def test_a_file_with_settings_is_read_and_overrides_nothing(setup: Setup) -> None:
    (setup.folder / ".env").write_text("SQS_QUEUE_URL=http://127.0.0.1:1/wrong\nSTATE_TABLE=other\n")
    SqliteStateStore(setup.folder / "state.sqlite", "other").add("only", is_fetched=True)
    assert setup.run().returncode == 0
    assert setup.queued() == [{"code": "only"}]


@pytest.mark.failure_row(45)
def test_an_interrupted_run_gives_130_and_a_true_summary_and_the_next_one_completes_it(
    setup: Setup, moto_url: str
) -> None:
    gate = Gate(moto_url, open_calls=2)
    with serving(gate) as endpoint:
        process = setup.start("--senders", "1", "--checkpoint", "c.json", AWS_ENDPOINT_URL=endpoint)
        assert gate.reached.wait(60)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        gate.released.set()
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert output.splitlines()[0].startswith("20 videos queued in 3 calls")
    assert output.splitlines()[1].startswith("up to 5 more may have been queued")
    assert setup.queued() == [{"code": code} for code in CODES[:20]]
    assert setup.run("--senders", "1", "--checkpoint", "c.json").returncode == 0
    assert {"code": "code24"} in (rest := setup.queued())
    assert all(message in [{"code": code} for code in CODES] for message in rest)
    assert not (setup.folder / "c.json").exists()


@dataclass
class Gate:
    """Forwards the first calls; holds the next one until it is released, and never forwards that."""

    upstream_url: str
    open_calls: int
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> Answer:
        if self.open_calls == 0:
            self.reached.set()
            self.released.wait(60)
            return Answer(503)
        self.open_calls -= 1
        with httpx.Client(base_url=self.upstream_url) as upstream:
            return forward(request, upstream)
