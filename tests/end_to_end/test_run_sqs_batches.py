"""The command line as an operator meets it: a process, a state file, a queue, an exit status."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from extractor.adapters.sqlite import SqliteStateStore
from tests.servers.http import Answer, Request, forward, serving

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SCRIPT = Path(__file__).parents[2] / "run_sqs_batches.py"
CODES = [f"code{number:02d}" for number in range(25)]


@dataclass(frozen=True)
class Setup:
    """A state with all codes fetched, a queue, and the environment that names both."""

    state: SqliteStateStore
    sqs: "SQSClient"
    queue_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Variables given as empty are not set at all."""
        variables = {name: value for name, value in (self.environment | environment).items() if value}
        return subprocess.run(
            [sys.executable, SCRIPT, *options],
            env=variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, **environment: str) -> "subprocess.Popen[str]":
        # A shell may have started the tests in the background, where Ctrl-C is ignored, also by children.
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [sys.executable, SCRIPT],
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


def test_everything_is_queued_once(setup: Setup) -> None:
    run = setup.run("--page-size", "7")
    assert (run.returncode, run.stdout, run.stderr) == (0, "25 videos queued in 3 calls\n", "")
    assert setup.queued() == [{"code": code} for code in CODES]


def test_what_is_extracted_meanwhile_is_not_queued_again(setup: Setup) -> None:
    setup.run()
    setup.queued()
    for code in CODES:
        setup.state.mark_extracted(code, 1)
    run = setup.run()
    assert (run.returncode, run.stdout) == (0, "0 videos queued in 0 calls\n")
    assert setup.queued() == []


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
    assert (run.returncode, run.stdout) == (0, "25 videos would be queued; nothing was sent (dry run)\n")
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
    assert run.stdout.startswith("0 videos queued in 5 calls\n")


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
        process = setup.start(AWS_ENDPOINT_URL=endpoint)
        assert gate.reached.wait(60)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        gate.released.set()
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert output.splitlines()[0] == "20 videos queued in 3 calls"
    assert output.splitlines()[1].startswith("up to 5 more may have been queued")
    assert setup.queued() == [{"code": code} for code in CODES[:20]]
    assert setup.run().returncode == 0
    assert setup.queued() == [{"code": code} for code in CODES]


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
