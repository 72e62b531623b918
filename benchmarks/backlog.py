"""`python -m benchmarks.backlog`: throughput and CPU time per message of the enqueuer.

The same codes are sent by one sender with one message per call, as `send_message` in a loop does, by one
sender with ten messages per call, and by several senders. The queue is a small HTTP server in another process
that delays every response like a queue in the same region (`--latency-ms`), so the CPU time of the client
limits the throughput. Prints Markdown.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.support.environment import describe_machine
from benchmarks.support.tables import render_table
from extractor.backends.queues.base import OutgoingMessage
from extractor.backends.queues.sqs import SqsQueue, build_sqs_client
from extractor.enqueue.enqueuer import enqueue
from extractor.enqueue.request import CodeList, EnqueueRequest, encode
from tests.support.servers.sqs_endpoint import SqsEndpoint, sqs_endpoint

_SENDERS = (1, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Rate:
    """The result of one way of sending."""

    way: str
    messages: int
    calls: int
    wall_seconds: float
    cpu_seconds: float


def main() -> int:
    """Measure every way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--latency-ms", type=float, default=10.0)
    arguments = parser.parse_args()
    with _queue(arguments.latency_ms / 1000) as queue:
        codes = [f"code{number:07d}" for number in range(arguments.messages)]
        rates = [_singly(queue, codes[: len(codes) // 20])]
        rates += [_in_batches(queue, codes, senders) for senders in _SENDERS]
    print(f"{describe_machine()}; {arguments.latency_ms:g} ms to each answer.\n")
    print(render_table(_HEADINGS, [_row(rate) for rate in rates]))
    return 0


_HEADINGS = ("way", "messages", "calls", "messages a second", "CPU ms a message")


def _row(rate: Rate) -> Sequence[str]:
    return (
        rate.way,
        f"{rate.messages:,}",
        f"{rate.calls:,}",
        f"{rate.messages / rate.wall_seconds:,.0f}",
        f"{1000 * rate.cpu_seconds / rate.messages:.2f}",
    )


def _singly(queue: SqsQueue, codes: Sequence[str]) -> Rate:
    messages = [message for code in codes if (message := encode(code, {})) is not None]
    with _clock() as clock:
        for message in messages:
            _send_one(queue, message)
    return Rate("one message a call", len(codes), len(codes), *clock)


def _send_one(queue: SqsQueue, message: OutgoingMessage) -> None:
    if queue.send([message]):
        raise RuntimeError("the queue refused a message")


def _in_batches(queue: SqsQueue, codes: Sequence[str], senders: int) -> Rate:
    with _clock() as clock:
        *_, summary = enqueue(CodeList(codes), queue, EnqueueRequest(), lambda _: None, senders=senders)
    return Rate(f"ten a call, senders: {senders}", summary.queued, summary.calls, *clock)


@contextmanager
def _clock() -> Iterator[list[float]]:
    """Measure wall and CPU seconds of the block."""
    seconds: list[float] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield seconds
    seconds += [time.perf_counter() - wall, time.process_time() - cpu]


@contextmanager
def _queue(latency_seconds: float) -> Iterator[SqsQueue]:
    """Run the queue server in a process of its own, so that its CPU time does not count."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, latency_seconds))
    process.start()
    url, queue_url = ours.recv()
    os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    try:
        yield SqsQueue(build_sqs_client(attempts=1), queue_url)
    finally:
        ours.send(None)
        process.join()


def _serve(pipe: Connection, latency_seconds: float) -> None:
    with sqs_endpoint(SqsEndpoint(on_call=lambda _: time.sleep(latency_seconds))) as endpoint:
        pipe.send((endpoint.url, endpoint.create_queue("q")))
        pipe.recv()


if __name__ == "__main__":
    sys.exit(main())
