"""The worker outside of Lambda: real processes, which take real messages and are killed."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

import lambda_function
from extractor.backends.queues.sqs.source import Record, SqsSource
from extractor.errors import QueueUnavailableError
from extractor.serve.worker import Loop, handle
from tests.handler.conftest import World, assert_complete
from tests.handler.test_failures import fake_ffmpeg
from tests.proof.processes import survivors
from tests.proof.worker_process import OPTIONS

ROOT = Path(__file__).parents[2]
BLOCKED = "import time\ntime.sleep(600)"


@dataclass(frozen=True, slots=True)
class Serving:
    """A running ``python -m extractor.serve``, its log lines, and the address that it listens at."""

    process: "subprocess.Popen[str]"
    url: str

    def line(self, message: str) -> dict[str, Any]:
        """The next log line with this message, as soon as it is there."""
        return _line(self.process, message)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path)

    def metric(self, name: str) -> float:
        found = re.search(
            rf"^frame_extractor_{re.escape(name)} (\S+)$", self.get("/metrics").text, re.MULTILINE
        )
        return float(found[1]) if found else 0.0

    def wait_for(self, least: float, *names: str) -> None:
        """Wait until these metrics together are no less."""
        while sum(map(self.metric, names)) < least:
            os.sched_yield()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


def _line(process: "subprocess.Popen[str]", message: str) -> dict[str, Any]:
    assert process.stdout is not None
    for text in process.stdout:
        line: dict[str, Any] = json.loads(text)
        if line.get("message") == message:
            return line
    raise AssertionError(f"it ended without {message!r}")


@contextmanager
def serving(*options: str) -> Iterator[Serving]:
    command = [sys.executable, "-m", "extractor.serve", "--processes", "1", "--wait", "1"]
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Serving(process, f"http://{_line(process, 'started')['listen']}")
        finally:
            process.kill()


def send(world: World, code: str) -> None:
    world.sqs.send_message(QueueUrl=world.queue_url, MessageBody=json.dumps({"code": code}))


def counts(world: World) -> tuple[int, int]:
    """How many messages are visible, and how many are not."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found: Any = world.sqs.get_queue_attributes(QueueUrl=world.queue_url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def test_messages_are_handled_as_by_lambda_and_settled(world: World, plain_clip: Path) -> None:
    world.add_video("good", plain_clip)
    world.add_video("bad", b"not a video at all")
    world.add_row("waiting", is_fetched=False)
    with serving() as served:
        for code in ("good", "bad", "waiting"):
            send(world, code)
        assert (served.line("done")["code"], served.line("failed for good")["code"]) == ("good", "bad")
        assert served.line("another delivery is needed")["reason"] == "NOT_FETCHED"
        served.wait_for(3, 'messages_total{outcome="returned"}', 'messages_total{outcome="deleted"}')
        assert served.get("/healthz").text == "1 of 1 processes run\n"
        assert served.metric('messages_total{outcome="received"}') == 3
        assert served.metric('messages_total{outcome="deleted"}') == 2
        assert served.metric("frames_total") == 4
        assert served.metric('videos_total{outcome="extracted"}') == 1
        assert served.metric('failures_total{reason="UNREADABLE",outcome="final"}') == 1
        assert served.metric("messages_in_hand") == 0
        assert served.get("/other").status_code == 404
        assert served.stop() == 0
    assert counts(world) == (0, 1)  # that which failed stays hidden for the time-out of the queue
    assert [letter["reason"] for letter in world.dead_letters()] == ["UNREADABLE"]
    assert_complete(world, "good")


@pytest.mark.failure_row(60)
def test_a_killed_process_is_replaced_and_what_the_next_cannot_finish_in_time_is_given_back(
    world: World, settings: Callable[..., None], tmp_path: Path, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, BLOCKED))
    with serving("--visibility", "3", "--grace", "0") as served:
        send(world, "abc")
        first = served.line("a worker process has started")["pid"]
        served.wait_for(1, "messages_in_hand")
        os.kill(first, signal.SIGKILL)
        assert served.line("a worker process has ended; another one is started")["status"] == -signal.SIGKILL
        served.wait_for(2, 'messages_total{outcome="received"}')
        assert served.metric("process_ends_total") == 1
        served.wait_for(1, "messages_in_hand")
        assert served.stop() == 0
    assert counts(world) == (1, 0)
    assert not survivors(world.work_dir)
    assert not world.is_extracted("abc")


def test_a_video_in_hand_is_waited_for_and_a_second_signal_ends_at_once(
    world: World, settings: Callable[..., None], tmp_path: Path, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, BLOCKED))
    with serving("--grace", "600") as served:
        send(world, "abc")
        served.wait_for(1, "messages_in_hand")
        served.process.send_signal(signal.SIGINT)
        served.line("draining: no more messages are taken")
        assert (served.get("/healthz").status_code, served.get("/healthz").text) == (503, "draining\n")
        assert served.stop() == 137
    assert counts(world) == (0, 1)


def test_processes_whose_parent_is_killed_give_their_messages_back(
    world: World, settings: Callable[..., None], tmp_path: Path, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    settings(FFMPEG_BINARY=fake_ffmpeg(tmp_path, BLOCKED))
    with serving("--grace", "0") as served:
        send(world, "abc")
        served.wait_for(1, "messages_in_hand")
        served.process.kill()
        while counts(world) != (1, 0):
            os.sched_yield()


def test_a_queue_that_is_not_there_ends_the_worker_with_a_status_of_its_own(
    world: World, settings: Callable[..., None]
) -> None:
    settings(SQS_QUEUE_URL=f"{world.queue_url}-gone")
    with serving() as served:
        assert "SQS_QUEUE_URL" in served.line("the settings are wrong")["detail"]
        assert served.process.wait() == 2


class Watched(SqsSource):
    """Tells of each prolongation, which may fail."""

    fails = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.beats = threading.Semaphore(0)

    def hide(self, record: Record, seconds: int) -> None:
        if self.fails:
            raise QueueUnavailableError("the answer was lost")
        super().hide(record, seconds)
        self.beats.release()


def test_a_message_stays_hidden_for_as_long_as_it_is_worked_on(world: World) -> None:
    source = Watched(world.sqs, world.queue_url)
    options = replace(OPTIONS, grace_seconds=600, visibility_seconds=1)
    seen: list[object] = []

    def work(record: Record) -> bool:
        for _ in range(5):  # longer than the visibility
            assert source.beats.acquire(timeout=60)
        seen.append(SqsSource(world.sqs, world.queue_url).receive(record["eventSourceARN"], 30, 0))
        threading.Thread(target=loop.drain).start()
        return True

    send(world, "abc")
    loop = Loop(source, work, options, lambda _: None, longest_seconds=60)
    loop.run()
    assert seen == [None]
    assert counts(world) == (0, 0)


def test_a_message_that_arrives_after_the_signal_is_given_back_untouched(world: World) -> None:
    class Late(SqsSource):
        def receive(self, queue_arn: str, visibility_seconds: int, wait_seconds: int) -> Record | None:
            record = super().receive(queue_arn, visibility_seconds, wait_seconds)
            loop._draining.set()
            return record

    handled: list[Record] = []

    def work(record: Record) -> bool:
        handled.append(record)
        return True

    loop = Loop(Late(world.sqs, world.queue_url), work, OPTIONS, lambda _: None, 60.0)
    send(world, "abc")
    loop.step()
    assert (counts(world), handled) == ((1, 0), [])


@pytest.mark.failure_row(60)
def test_a_message_that_became_visible_meanwhile_is_done_twice_with_one_result(
    world: World, plain_clip: Path
) -> None:
    world.add_video("abc", plain_clip)
    send(world, "abc")
    work = partial(handle, lambda_function._app(), 60.0)
    source = Watched(world.sqs, world.queue_url)
    source.fails = True
    results: list[dict[str, bytes]] = []

    def overtaken(record: Record) -> bool:
        Loop(SqsSource(world.sqs, world.queue_url), work, OPTIONS, lambda _: None, 60.0).step()
        results.append(world.objects())
        return work(record)

    Loop(source, overtaken, OPTIONS, lambda _: None, 60.0).step()
    assert counts(world) == (0, 0)
    assert world.objects() == results[0]
    assert_complete(world, "abc")
