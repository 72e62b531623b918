"""The whole proof by hand: every point of the crash table, and as many simulations as one likes.

    python -m tests.proof crash [--store sqlite --store dynamodb …]
    python -m tests.proof simulate [--seeds 20000] [--setup "two policies"]
    python -m tests.proof simulate --setup "two policies" --seed 79     one of them, line by line
    python -m tests.proof pair                                          two videos at a time in one worker
    python -m tests.proof warm [--invocations 1000]

Ends with status 1 if a promise is broken.
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.proof.crash import FRESH, SCENARIOS
from tests.proof.crash_table import HEADING, aws, crash_test, every_point_once, whole_table
from tests.proof.pair import VARIABLES, run_pair
from tests.proof.scenarios import RISKY, SAFE, Setup
from tests.proof.simulation import simulate
from tests.proof.stores import STORES
from tests.proof.warm import is_flat, run_warm


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    logging.getLogger("extractor").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        if options.what == "crash":
            return _crash(options.store or list(STORES), Path(name))
        if options.what == "pair":
            return _pair(Path(name))
        if options.what == "warm":
            return _warm(options.invocations, Path(name))
        setups = [setup for setup in (*SAFE, *RISKY) if options.setup in setup.name]
        if options.seed is not None:
            return _replay(setups, options.seed, Path(name, "work"))
        return _simulate(setups, options.seeds, Path(name, "work"))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="what", required=True)
    crash = commands.add_parser("crash", help="every effect in every mode")
    crash.add_argument(
        "--store", action="append", choices=list(STORES), help="only this one; may be repeated"
    )
    simulation = commands.add_parser("simulate", help="many workers in virtual time")
    simulation.add_argument("--seeds", type=int, default=5_000, help="so many of each setup")
    simulation.add_argument("--setup", default="", help="only those with this in their name")
    simulation.add_argument("--seed", type=int, help="this one only, and what happens in it")
    commands.add_parser("pair", help="every effect of a batch of two videos, handled at the same time")
    warm = commands.add_parser("warm", help="many invocations in one process, a fifth of which go wrong")
    warm.add_argument("--invocations", type=int, default=1_000)
    return parser.parse_args(arguments)


def _crash(stores: list[str], directory: Path) -> int:
    broken = 0
    started = time.monotonic()
    _say(HEADING)
    with aws(directory) as clip:
        for store in stores:
            for scenario in SCENARIOS:
                place = Path(tempfile.mkdtemp(dir=directory))
                with crash_test(store, scenario, clip, place) as test:
                    for line in whole_table(test):
                        _say(str(line))
                        for case in line.broken:
                            broken += 1
                            _say(f"  {case.fault}: {'; '.join(case.violations)}")
    _say(f"{broken} broken in {time.monotonic() - started:.0f} s")
    return min(broken, 1)


def _pair(directory: Path) -> int:
    broken = 0
    with aws(directory) as clip, crash_test("sqlite", FRESH, clip, directory, VARIABLES) as test:
        points = sorted(run_pair(test, None).effects)
        for number, fault in enumerate(every_point_once(points), start=1):
            pair = run_pair(test, fault)
            broken += bool(pair.violations)
            _say(f"{number} of {len(points)}, {fault}: {'; '.join(pair.violations) or 'both end well'}")
    return min(broken, 1)


def _warm(invocations: int, directory: Path) -> int:
    with aws(directory) as clip, crash_test("sqlite", FRESH, clip, directory) as test:
        looks = run_warm(test, invocations)
    for number, look in enumerate(looks, start=1):
        _say(f"after {number * invocations // len(looks)} invocations: {look}")
    return int(not is_flat(looks))


def _simulate(setups: list[Setup], seeds: int, directory: Path) -> int:
    broken = 0
    _say(f"{'setup':45}{'seeds':>8}{'deliveries':>12}{'for a while':>12}{'for good':>10}  first seed")
    for setup in setups:
        runs = [simulate(setup, seed, directory) for seed in range(seeds)]
        bad = [run for run in runs if run.violation]
        lasting = sum(1 for run in bad if run.damage)
        deliveries = sum(run.deliveries for run in runs)
        first = bad[0].seed if bad else ""
        _say(f"{setup.name:45}{seeds:8}{deliveries:12}{len(bad):12}{lasting:10}  {first}")
        broken += len(bad) if setup in SAFE else 0
    return min(broken, 1)


def _replay(setups: list[Setup], seed: int, directory: Path) -> int:
    runs = [simulate(setup, seed, directory) for setup in setups]
    for setup, run in zip(setups, runs, strict=True):
        _say(f"{setup.name}, seed {seed}")
        _say("\n".join(f"  {line}" for line in run.trace))
    return int(any(run.violation for run in runs))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
