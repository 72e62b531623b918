"""The crash test with everything that it needs around it, and its table."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch

from extractor import container
from tests.proof.clip import make_clip
from tests.proof.cloud import moto
from tests.proof.crash import Case, Clip, CrashTest, Scenario, faults
from tests.proof.effects import MODES, Fault, Mode
from tests.proof.environment import open_world
from tests.proof.stores import STORES
from tests.proof.worker_process import open_lane


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: one store, scenario and mode."""

    store: str
    scenario: str
    mode: Mode
    cases: Sequence[Case]

    @property
    def deliveries(self) -> int:
        return sum(case.deliveries for case in self.cases)

    @property
    def broken(self) -> list[Case]:
        return [case for case in self.cases if case.violations]

    def __str__(self) -> str:
        counts = f"{len(self.cases):7}{self.deliveries:12}{len(self.broken):12}"
        return f"{self.store:10}{self.scenario:18}{self.mode:13}{counts}"


HEADING = f"{'store':10}{'scenario':18}{'mode':13}{'points':>7}{'deliveries':>12}{'violations':>12}"


@contextmanager
def aws(directory: Path) -> Iterator[Clip]:
    """A cloud, to which the AWS variables lead; gives the video to do there."""
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with moto() as variables, patch.dict(os.environ, {**foreign, **variables}, clear=True):
        container._s3_client.cache_clear()  # it may lead to another cloud
        yield make_clip(directory)
        container._s3_client.cache_clear()


@contextmanager
def crash_test(
    store_name: str,
    scenario: Scenario,
    clip: Clip,
    directory: Path,
    variables: Mapping[str, str] = MappingProxyType({}),
    *,
    is_served: bool = False,
) -> Iterator[CrashTest]:
    """A test of `scenario` over the store of that name, in a world of its own, with these settings."""
    with STORES[store_name](directory) as store, open_world(store) as world:
        settings = {"NOTIFY_TARGET": world.events_url, "SQS_QUEUE_URL": world.queue_url, **variables}
        lane = open_lane(store, directory, world.dead_letter_url, settings)
        if is_served:
            world.give_back_at_once()
        yield CrashTest(world, lane, clip, scenario, is_served)


def whole_table(test: CrashTest) -> Iterator[Line]:
    """Every point in every mode."""
    points = test.points()
    for mode in MODES:
        cases = [test.run(fault) for fault in faults(points, [mode])]
        yield Line(test.world.store.name, test.scenario.name, mode, cases)


def every_point_once(points: Sequence[str]) -> Iterator[Fault]:
    """Every point in one mode and every mode at some point: what the test run has time for."""
    for number, point in enumerate(points):
        possible = list(faults([point]))
        yield possible[number % len(possible)]
