"""Checkpoint file, replaced atomically, from which an interrupted run resumes.

After a crash the file has its old or its new content. Videos up to the settled code are queued; later ones
are queued again.
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
    """The progress of a run.

    Attributes:
        selection: What was requested, as JSON values.
        started_at: When the first run started. Relative times refer to it.
        settled_through: See `Summary`.
        settled: See `Summary`.
    """

    selection: Mapping[str, Any]
    started_at: datetime
    settled_through: str | None = None
    settled: int = 0

    def advanced(self, summary: Summary) -> "Checkpoint":
        """Return this checkpoint after a run that started from it."""
        return Checkpoint(
            self.selection, self.started_at, summary.settled_through, self.settled + summary.settled
        )


def read_checkpoint(path: Path, fresh: Checkpoint) -> Checkpoint:
    """Read the checkpoint.

    Args:
        path: The file.
        fresh: The checkpoint of a new run, which is returned if there is no file.

    Raises:
        UsageError: The file cannot be read, or belongs to another selection than `fresh`.
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
    """Replace the file atomically.

    Raises:
        UsageError: The file cannot be written.
    """
    content = _Content(
        version=1,
        selection=dict(checkpoint.selection),
        started_at=checkpoint.started_at,
        settled_through=checkpoint.settled_through,
        settled=checkpoint.settled,
    )
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(content.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"--checkpoint {str(path)!r} cannot be written: {error.strerror}") from error


def keep_checkpoint(path: Path, start: Checkpoint, summaries: Iterator[Summary]) -> Iterator[Summary]:
    """Yield the summaries of a run and save the checkpoint, also when an exception ends the run.

    The file is removed when the request is complete.
    """
    write_checkpoint(path, start)  # fails before anything is sent if the file cannot be written
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
