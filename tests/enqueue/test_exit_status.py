"""The exit status of the command line tells scripts what happened, and one clear line tells people."""

import signal
import threading
from dataclasses import dataclass, field

import httpx
import pytest

from tests.enqueue.command_line import CODES, SCRIPT, Setup, first_line, only_line
from tests.support.servers.http import Answer, Request, forward, serving


@pytest.mark.failure_row(45)
def test_a_checkpoint_of_another_selection_is_refused(setup: Setup) -> None:
    setup.run("--checkpoint", "c.json", "--limit", "10")
    run = setup.run("--checkpoint", "c.json", "--platform", "tiktok")
    assert run.returncode == 2
    assert "options differ" in only_line(run.stderr)
    assert len(setup.queued()) == 10


def test_a_video_that_cannot_be_queued_is_named_and_gives_1(setup: Setup) -> None:
    setup.state.add("a/\x1b[31m", is_fetched=True)
    run = setup.run()
    assert run.returncode == 1
    assert "1 video refused: 1 × 'INVALID_MESSAGE'; the first was 'a/\\x1b[31m'" in run.stdout
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
        (
            "SUPABASE_URL",
            {"STATE_BACKEND": "supabase", "SUPABASE_URL": "http://[::", "SUPABASE_KEY": "secret"},
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


@pytest.mark.failure_row(46)
def test_a_queue_out_of_reach_gives_3_and_one_clear_line(setup: Setup) -> None:
    with serving(lambda _: Answer(200)) as endpoint:
        pass  # the port is closed again
    run = setup.run(AWS_ENDPOINT_URL=endpoint)
    assert run.returncode == 3
    told, error = run.stderr.splitlines()
    assert told.startswith("cannot send to the queue")
    assert "trying again in " in told
    assert error.startswith("error: cannot send to the queue")
    assert first_line(run).startswith("0 videos queued in ")
    assert "up to 25 more may be queued" in run.stdout


@pytest.mark.failure_row(46)
def test_a_state_out_of_reach_gives_3_and_one_clear_line(setup: Setup) -> None:
    (setup.folder / "text").write_text("no database at all, but some text that is long enough to tell\n" * 20)
    run = setup.run(SQLITE_PATH=str(setup.folder / "text"))
    assert run.returncode == 3
    assert "SQLITE_PATH" in only_line(run.stderr)
    assert first_line(run).startswith("0 videos queued")


@pytest.mark.failure_row(47)
@pytest.mark.parametrize("command", [[str(SCRIPT), "--dry-run"], ["-m", "extractor.reconcile", "status"]])
def test_a_mistyped_database_or_table_is_named_and_not_made(setup: Setup, command: list[str]) -> None:
    path = setup.folder / "stat.sqlite"
    run = setup.python(*command, SQLITE_PATH=str(path))
    assert run.returncode == 2
    assert f"SQLITE_PATH: there is no database file {str(path)!r} (No such file" in only_line(run.stderr)
    assert not path.exists()
    run = setup.python(*command, STATE_TABLE="watched_contents")
    assert run.returncode == 2
    assert "STATE_TABLE: the database" in only_line(run.stderr)
    assert "has no table 'watched_contents'" in only_line(run.stderr)


def test_a_database_is_made_when_that_is_asked_for(setup: Setup) -> None:
    path = setup.folder / "new.sqlite"
    made = setup.python("-m", "local.state", "abc", "d-e.f", SQLITE_PATH=str(path), STATE_TABLE="mine")
    assert (made.returncode, made.stdout) == (0, f"{path}: table mine, 2 videos added\n"), made.stderr
    run = setup.python(str(SCRIPT), "--dry-run", SQLITE_PATH=str(path), STATE_TABLE="mine")
    assert first_line(run).startswith("2 videos would be queued")
    again = setup.python("-m", "local.state", SQLITE_PATH=str(path), STATE_TABLE="mine")
    assert again.stdout.endswith("0 videos added\n")
    assert setup.python("-m", "local.state", "a/b", SQLITE_PATH=str(path)).returncode == 2


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
    # On a busy machine, the silence before the signal is told of first.
    assert (process.returncode, errors.splitlines()[-1]) == (130, "interrupted")
    assert output.splitlines()[0].startswith("20 videos queued in 3 calls")
    assert output.splitlines()[1].startswith("up to 5 more may be queued")
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
