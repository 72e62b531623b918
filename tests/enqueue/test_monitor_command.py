"""The view of the draining as an operator meets it: followed to the end, alone, on a terminal, closed."""

import json
import os
import signal
import subprocess
import sys
import termios
from functools import partial

from extractor.domain.jobs import VideoRef
from tests.enqueue.command_line import CODES, EXTRACTION, SCRIPT, Setup, first_line


def test_the_view_follows_the_queue_until_it_is_drained(setup: Setup) -> None:
    process = setup.start("--watch", "--watch-every", "0.1", "--json")
    assert process.stdout is not None
    summary, look = (json.loads(process.stdout.readline()) for _ in range(2))
    assert (summary["queued"], look["queue"]["waiting"], look["remaining"]) == (25, 25, 25)
    setup.state.record_failure(VideoRef("code00"), "TRUNCATED", "half of it")
    for code in CODES[1:]:
        setup.state.mark_extracted(VideoRef(code), EXTRACTION)
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
    assert run.stdout.splitlines()[-1].startswith("25 videos remaining")
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
    # Not longer: a signal just before Python falls asleep is heard when it wakes up.
    process = setup.start("--watch", "--watch-every", "5")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[-1].startswith("25 waiting")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "monitoring stopped; the workers continue\n")
    assert len(setup.queued()) == 25
