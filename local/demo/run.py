"""Run the function: two workers behind the event source mapping, until every video has an outcome."""

import queue
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from tqdm import tqdm

from extractor.domain.messages import VideoMessage
from local.cloud import EmbeddedCloud
from local.demo.outcomes import Finished, Outcome, OutcomeReader
from local.demo.workspace import Workspace
from local.errors import DemoError
from local.lambda_runtime.event_source_mapping import EventSourceMapping, Invocation, QueueSource
from local.lambda_runtime.function import FunctionConfig, InitError, LocalFunction

WORKERS = 2
FUNCTION_SECONDS = 900
VISIBILITY_SECONDS = 6 * FUNCTION_SECONDS  # as AWS recommends: no redelivery while a message is processed
_RETRY_SECONDS = 2
_TICK_SECONDS = 0.3
# Every message ends within this time, whatever happens, so some video always does.
_PATIENCE_SECONDS = (EmbeddedCloud.MAX_RECEIVES + 1) * FUNCTION_SECONDS


@dataclass(slots=True)
class _Work:
    """The invocations for a video so far: their total duration, and the slices that they were for."""

    seconds: float = 0.0
    slices: set[tuple[int, int]] = field(default_factory=set)

    def finished(self, code: str, outcome: Outcome) -> Finished:
        return Finished(code, outcome, self.seconds, len(self.slices))


def process(
    cloud: EmbeddedCloud, workspace: Workspace, environment: Mapping[str, str], codes: Sequence[str]
) -> dict[str, Finished]:
    """Process all messages, and the slices of videos that are split.

    Returns:
        The outcomes by code.

    Raises:
        DemoError: The handler cannot be loaded, or no video finishes.
    """
    reader = OutcomeReader(workspace.state, cloud.sqs(), cloud.dead_letter_queue_url)
    work: dict[str, _Work] = {}
    outcomes: dict[str, Outcome] = {}
    with (
        tqdm(total=len(codes), unit="video", disable=not sys.stderr.isatty(), leave=False) as bar,
        _mapping(cloud, workspace, environment) as (mapping, seen),
    ):
        for code, outcome in _finishing(set(codes), reader, mapping, seen, work, workspace):
            outcomes[code] = outcome
            bar.update()
            tqdm.write(_line(work[code].finished(code, outcome), len(outcomes), len(codes)))
            sys.stdout.flush()
    while not seen.empty():  # the invocations that have ended since
        _add(seen.get(), work, workspace)
    return {code: work[code].finished(code, outcome) for code, outcome in outcomes.items()}


@contextmanager
def _mapping(
    cloud: EmbeddedCloud, workspace: Workspace, environment: Mapping[str, str]
) -> Iterator[tuple[EventSourceMapping, "queue.SimpleQueue[Invocation]"]]:
    """Start the mapping with one video per invocation, so that each duration is that of one video."""
    seen: queue.SimpleQueue[Invocation] = queue.SimpleQueue()
    source = QueueSource(
        cloud.sqs(), cloud.queue_url, cloud.queue_arn, batch_size=1, retry_seconds=_RETRY_SECONDS
    )
    with ExitStack() as stack:
        functions = [
            stack.enter_context(LocalFunction(_config(workspace, environment, number)))
            for number in range(1, WORKERS + 1)
        ]
        with EventSourceMapping(source, functions, seen.put) as mapping:  # Ctrl-C cannot come between the two
            yield mapping, seen


def _config(workspace: Workspace, environment: Mapping[str, str], number: int) -> FunctionConfig:
    work = workspace.work / f"worker-{number}"
    return FunctionConfig(
        {**environment, "WORK_DIR": str(work)}, workspace.logs / f"worker-{number}.log", FUNCTION_SECONDS
    )


def _finishing(
    pending: set[str],
    reader: OutcomeReader,
    mapping: EventSourceMapping,
    seen: "queue.SimpleQueue[Invocation]",
    work: dict[str, _Work],
    workspace: Workspace,
) -> Iterator[tuple[str, Outcome]]:
    last = time.monotonic()
    while pending:
        mapping.check()
        with suppress(queue.Empty):
            _add(seen.get(timeout=_TICK_SECONDS), work, workspace)
        outcomes = reader.read()
        for code in sorted(pending & outcomes.keys() & work.keys()):
            pending.remove(code)
            last = time.monotonic()
            yield code, outcomes[code]
        if time.monotonic() - last > _PATIENCE_SECONDS:
            raise DemoError(
                f"nothing was finished for {_PATIENCE_SECONDS} s; see the logs in {workspace.logs}"
            )


def _add(invocation: Invocation, work: dict[str, _Work], workspace: Workspace) -> None:
    """Add an invocation to those of its video."""
    if isinstance(invocation.error, InitError):
        raise DemoError(
            f"the handler cannot be loaded ({invocation.error}); see the logs in {workspace.logs}"
        )
    for record in invocation.records:
        message = VideoMessage.model_validate_json(record["body"])
        code = message.code or ""
        done = work.setdefault(code, _Work())
        done.seconds += invocation.seconds
        if message.part is not None:
            done.slices.add((message.part.first, message.part.stop))
        if record["messageId"] in invocation.failed:
            tqdm.write(f"  {code}: this attempt failed; the message goes back to the queue")


def _line(item: Finished, count: int, total: int) -> str:
    what = f"failed: {item.outcome.reason}" if item.outcome.reason else "extracted"
    return f"  [{count}/{total}] {item.code}  {what}  ({item.seconds:.2f} s)"
