"""A file that remembers how far an order has come, so that a run that was killed can be gone on with.

It is replaced as a whole: whenever the machine stops, the file holds what it held before or what it holds
after. What it says is settled is queued; whatever came later is queued again.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from extractor.enqueue.summary import Summary
from extractor.errors import UsageError

_SAVED_EVERY = 300  # videos


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1]
    selection: dict[str, Any]
    started_at: AwareDatetime
    settled_through: str | None
    settled: int


class Checkpoint(Struct, frozen=True):
    """The `selection` says what was asked for, in terms of JSON; `started_at` is when it was first asked
    for, and what its relative times relate to. See `Summary` for the others."""

    selection: Mapping[str, Any]
    started_at: datetime
    settled_through: str | None = None
    settled: int = 0

    def advanced(self, summary: Summary) -> "Checkpoint":
        """This checkpoint after a run that started from it."""
        return Checkpoint(
            self.selection, self.started_at, summary.settled_through, self.settled + summary.settled
        )


def read_checkpoint(path: Path, fresh: Checkpoint) -> Checkpoint:
    """What the file holds; `fresh` if there is none yet.

    Raises `UsageError` if it belongs to another selection than that of `fresh`, or cannot be read.
    """
    try:
        content = _Content.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return fresh
    except OSError as error:
        raise UsageError(f"--checkpoint {str(path)!r} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"--checkpoint {str(path)!r} holds something else than a checkpoint") from error
    if others := [name for name in fresh.selection if content.selection.get(name) != fresh.selection[name]]:
        raise UsageError(
            f"--checkpoint {str(path)!r} belongs to another selection: {', '.join(others)} differ; "
            "repeat the command that it comes from, or name another file"
        )
    return Checkpoint(content.selection, content.started_at, content.settled_through, content.settled)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file as a whole. Raises `UsageError` if it cannot be written."""
    content = _Content(
        version=1,
        selection=dict(checkpoint.selection),
        started_at=checkpoint.started_at,
        settled_through=checkpoint.settled_through,
        settled=checkpoint.settled,
    )
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(content.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"--checkpoint {str(path)!r} cannot be written: {error.strerror}") from error


def keep_checkpoint(path: Path, start: Checkpoint, summaries: Iterator[Summary]) -> Iterator[Summary]:
    """The summaries of a run, with the checkpoint kept in step, whatever ends the run. When the order is
    complete, the file is removed: there is nothing to go on with."""
    write_checkpoint(path, start)  # before anything is sent, see that it can be written at all
    summary, saved = Summary(settled_through=start.settled_through), 0
    try:
        for summary in summaries:
            if summary.settled - saved >= _SAVED_EVERY:
                write_checkpoint(path, start.advanced(summary))
                saved = summary.settled
            yield summary
    finally:
        write_checkpoint(path, start.advanced(summary))
    if summary.complete:
        path.unlink()
