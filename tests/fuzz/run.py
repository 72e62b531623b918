"""Many cases, several at a time, and an account of them."""

import json
import selectors
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Final, TextIO

from msgspec.structs import replace as with_changes

from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.local import local_config
from tests.fuzz.cases import Case, make_case
from tests.fuzz.trial import Trial, Verdict, start

_FILES_PER_LINE: Final = 500


@dataclass(frozen=True, slots=True)
class Findings:
    """Keeps each file that shows a fault, and what is known of it, under its seed."""

    directory: Path | None

    def keep(self, case: Case, verdict: Verdict) -> None:
        if self.directory is None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / f"{case.seed}.bin").write_bytes(case.data)
        facts = {"case": str(case), "outcome": verdict.outcome, "wrong": verdict.wrong, "text": verdict.text}
        (self.directory / f"{case.seed}.json").write_text(json.dumps(facts, indent=1) + "\n")


@dataclass(slots=True)
class Account:
    """What came of the cases so far."""

    outcomes: "Counter[str]" = field(default_factory=Counter)
    faults: int = 0
    most_seconds: float = 0.0
    most_memory_mb: int = 0
    started: float = field(default_factory=monotonic)

    def add(self, verdict: Verdict) -> None:
        self.outcomes[verdict.outcome] += 1
        self.faults += bool(verdict.wrong)
        self.most_seconds = max(self.most_seconds, verdict.seconds)
        self.most_memory_mb = max(self.most_memory_mb, verdict.memory_mb)

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        seconds = monotonic() - self.started
        return (
            f"{self.outcomes.total()} files in {seconds:.0f} s: {self.faults} with faults; "
            f"at most {self.most_seconds:.1f} s and {self.most_memory_mb} MB; {outcomes}"
        )


def fuzz(
    seeds: Iterable[int],
    jobs: int,
    clips: Mapping[str, bytes],
    findings: Findings,
    output: TextIO,
) -> int:
    """Try the files of those seeds and tell of them on `output`; 1 if there are findings, else 0."""
    account = Account()
    cases = (make_case(seed, clips) for seed in seeds)
    for case, verdict in _tried(cases, jobs, _tools()):
        account.add(verdict)
        if verdict.wrong:
            findings.keep(case, verdict)
            print(f"{case}\n  {'; '.join(verdict.wrong)}\n  {verdict.text}", file=output, flush=True)
        if account.outcomes.total() % _FILES_PER_LINE == 0:
            print(account, file=output, flush=True)
    print(account, file=output, flush=True)
    return int(account.faults > 0)


def replay(seed: int, clips: Mapping[str, bytes], output: TextIO) -> int:
    """The one case of that seed; 1 if it shows a fault."""
    ((case, verdict),) = _tried([make_case(seed, clips)], 1, _tools())
    print(f"{case}\n{verdict.outcome} after {verdict.seconds:.2f} s, {verdict.memory_mb} MB", file=output)
    print(verdict.text, *verdict.wrong, sep="\n", file=output)
    return int(bool(verdict.wrong))


def _tools() -> ExtractorConfig:
    tools = local_config()
    return with_changes(tools, limits=with_changes(tools.limits, threads=1))


def _tried(cases: Iterable[Case], jobs: int, tools: ExtractorConfig) -> Iterator[tuple[Case, Verdict]]:
    """The verdicts as they come."""
    _load_engine()
    waiting = iter(cases)
    with selectors.DefaultSelector() as running, ExitStack() as on_leaving:
        on_leaving.callback(_abandon, running)
        while True:
            while len(running.get_map()) < jobs and (case := next(waiting, None)):
                trial = start(case, tools)
                running.register(trial.result, selectors.EVENT_READ, trial)
            trials: list[Trial] = [key.data for key in running.get_map().values()]
            if not trials:
                return
            ready = running.select(max(0.0, min(trial.seconds_left for trial in trials)))
            done = [key.data for key, _ in ready] or [trial for trial in trials if trial.seconds_left <= 0]
            for trial in done:
                running.unregister(trial.result)
                yield trial.case, trial.finish()


def _abandon(running: selectors.BaseSelector) -> None:
    """Leave no case behind when the run is interrupted."""
    for key in list(running.get_map().values()):
        key.data.abandon()


def _load_engine() -> None:
    """What the engine imports when it is needed, once for all cases."""
    for module in ("media.scenes.detectors", "media.metrics", "output.tar", "output.storyboard.storyboard"):
        import_module(f"extractor.{module}")
