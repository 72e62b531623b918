"""One case in a process of its own: the real engine, and what it must never do."""

import hashlib
import json
import os
import resource
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from extractor.domain.keys import MANIFEST_NAME
from extractor.domain.manifest import Manifest
from extractor.errors import ExtractorError, reason_of
from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.local import extract_to_folder
from tests.fuzz.cases import POLICIES, Case
from tests.proof.processes import children_of

MOST_SECONDS: Final = 30
MOST_MEMORY_MB: Final = 512
POSSIBLE_REASONS: Final = frozenset(
    {
        "DECODER_CRASHED",
        "FORBIDDEN_FORMAT",
        "NO_FRAMES",
        "NO_VIDEO_STREAM",
        "TOO_LARGE",
        "TRUNCATED",
        "UNREADABLE",
    }
)
"""What may be wrong with a file. Any other reason speaks of the machine, and nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` is "ok" or a reason code; `wrong` are the promises that were broken."""

    outcome: str
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory_mb: int = 0
    text: str = ""


@dataclass(slots=True)
class Trial:
    """A running case. Its process ends by itself, or is killed after `MOST_SECONDS` on an idle machine."""

    case: Case
    process: int
    result: int
    directory: "tempfile.TemporaryDirectory[str]"
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float:
        """The more processes wait for a processor of this machine, the longer a case may take."""
        share = (os.cpu_count() or 1) / max(1.0, os.getloadavg()[0])
        return self.started + MOST_SECONDS / min(1.0, share) - time.monotonic()

    def finish(self) -> Verdict:
        """The verdict of a process that has written it, died, or runs too long."""
        late = self.seconds_left <= 0
        if late:
            self._kill_all()
        with os.fdopen(self.result, "rb") as pipe:
            written = pipe.readline()  # not to its end: what is left behind may hold the other side open
        _, status = os.waitpid(self.process, 0)
        self._kill_all()
        self.directory.cleanup()
        if late:
            return Verdict("HUNG", [f"it took more than {MOST_SECONDS} s"], time.monotonic() - self.started)
        if not written:
            return Verdict("DEAD", [f"the process of the engine ended with status {status}"])
        return Verdict(**json.loads(written))

    def abandon(self) -> None:
        """End it without a verdict."""
        self._kill_all()
        os.close(self.result)
        os.waitpid(self.process, 0)
        self.directory.cleanup()

    def _kill_all(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)


def start(case: Case, tools: ExtractorConfig) -> Trial:
    """Start the case in a fork: what it leaves behind is seen there and gone with it."""
    directory = tempfile.TemporaryDirectory(prefix="fuzz-")
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.setpgid(0, 0)
            os.close(reader)
            verdict = _run(case, tools, Path(directory.name))
            facts = {name: getattr(verdict, name) for name in Verdict.__dataclass_fields__}
            with os.fdopen(writer, "w") as pipe:
                pipe.write(json.dumps(facts) + "\n")
        finally:
            os._exit(0)
    os.close(writer)
    with suppress(OSError):  # whichever of the two is first; the group must be there before it can be killed
        os.setpgid(process, process)
    return Trial(case, process, reader, directory)


def _run(case: Case, tools: ExtractorConfig, directory: Path) -> Verdict:
    policy, output = POLICIES[case.policy]
    video, folder = directory / "clip", directory / "frames"
    video.write_bytes(case.data)
    (directory / "temporary").mkdir()
    tempfile.tempdir = str(directory / "temporary")
    before = _descriptors()
    memory_before = _peak_kb(resource.RUSAGE_SELF)
    started = time.monotonic()
    wrong: list[str] = []
    text = ""
    try:
        manifest = extract_to_folder(video, folder, policy, replace(tools, output=output))
        outcome = "ok"
        wrong += _faults(manifest, folder, may_skip=policy.skip_blank)
    except ExtractorError as error:
        outcome, text = reason_of(error), str(error)
        if outcome not in POSSIBLE_REASONS:
            wrong.append(f"the reason is {outcome}")
        if not text.isprintable():
            wrong.append("the error is not printable")
    except Exception:  # noqa: BLE001 - that there is none is what is tried
        outcome, text = "TRACEBACK", traceback.format_exc()
        wrong.append("an exception that is no ExtractorError")
    seconds = time.monotonic() - started
    wrong += _leftovers(directory, before, outcome)
    memory_mb = _memory_taken_mb(memory_before)
    if memory_mb > MOST_MEMORY_MB:
        wrong.append(f"{memory_mb} MB of memory")
    return Verdict(outcome, wrong, seconds, memory_mb, text)


def _faults(manifest: Manifest, folder: Path, *, may_skip: bool) -> Iterator[str]:
    """What is wrong with a success."""
    if not manifest.frames and not may_skip:
        yield "a success without a frame"
    times = [frame.pts_seconds for frame in manifest.frames]
    if any(later <= earlier for earlier, later in pairwise(times)):
        yield "the times do not ascend"
    if any(time < 0 for time in times):
        yield "a frame before the first"
    numbers = [frame.index for frame in manifest.frames]
    if numbers != (sorted(set(numbers)) if may_skip else list(range(len(times)))):
        yield "the frames are not numbered one after the other"
    for item in manifest.objects:
        path = folder / item.key
        data = path.read_bytes() if path.exists() else b""
        if len(data) != item.size_bytes or hashlib.sha256(data).hexdigest() != item.sha256:
            yield f"{item.key} is not what the manifest says"
    if {path.name for path in folder.iterdir()} != {*manifest.keys, MANIFEST_NAME}:
        yield "other files than those of the manifest"


def _leftovers(directory: Path, descriptors: set[str], outcome: str) -> Iterator[str]:
    if left := list(children_of(os.getpid())):
        yield f"{len(left)} processes are left"
    if threading.active_count() > 1:
        yield "a thread is left"
    if _descriptors() - descriptors:
        yield "descriptors are left open"
    expected = {"clip", "temporary", *(("frames",) if outcome == "ok" else ())}
    if {path.name for path in directory.iterdir()} != expected or any((directory / "temporary").iterdir()):
        yield "files are left"


def _descriptors() -> set[str]:
    """What is open, by number and kind."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists them
            found.add(f"{entry.name} {entry.readlink()}")
    return found


def _memory_taken_mb(before_kb: int) -> int:
    """At most: what this process took on top of `before_kb`, and the largest FFmpeg, as if at the same time.

    A fork begins with the memory of its parent, and Linux counts the memory before `exec` as the child's. A
    child whose peak is not above that of this process has therefore no figure of its own.
    """
    own, largest_child = _peak_kb(resource.RUSAGE_SELF), _peak_kb(resource.RUSAGE_CHILDREN)
    return (own - before_kb + (largest_child if largest_child > own else 0)) // 1024


def _peak_kb(who: int) -> int:
    return resource.getrusage(who).ru_maxrss
