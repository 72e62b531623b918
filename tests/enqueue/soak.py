"""A large backlog on real PostgreSQL and PostgREST, a queue with faults, and an enqueuer that is killed
again and again: `python -m tests.enqueue.soak --rows 100000` runs it at full size, and prints what it saw.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from random import Random

from tests.support.servers.sqs_endpoint import Faults, SqsEndpoint, sqs_endpoint
from tests.support.servers.supabase import Supabase, supabase

ROOT = Path(__file__).parents[2]
FULL_SCHEMA = (ROOT / "scripts" / "schema.sql").read_text()
BARE_SCHEMA = "create table watched_content (code text primary key, is_fetched boolean, is_extracted boolean)"

_QUEUE = "videos"
_FAULTS = Faults(refused_entries=0.05, lost_answers=0.02)
_NOBODY = "nobody"
# Every 20th is extracted before anything begins, and every 25th is not fetched.
_FILL = """
insert into watched_content (code, is_fetched, is_extracted)
select substr(md5(i::text), 1, 11) || i, i % 25 <> 1, i % 20 = 0 from generate_series(1, {rows}) i
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`flipped` is the share of the rows that somebody else extracts meanwhile."""

    rows: int
    kills: int
    schema: str = FULL_SCHEMA
    flipped: float = 0.03
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """`missing`: codes that had to be queued, and were not. `stale`: codes that were queued by a run that
    began when they were extracted already. `duplicates` are messages beyond the first of each code, `lost`
    those whose sender got no answer."""

    missing: Sequence[str]
    stale: Sequence[str]
    statuses: Sequence[int]
    num_queued: int
    duplicates: int
    lost: int
    calls: int
    seconds: float
    checkpoint_left: bool


@dataclass
class _Stage:
    scenario: Scenario
    server: Supabase
    endpoint: SqsEndpoint
    folder: Path
    chance: Random
    unflipped: list[str]
    flipped: set[str] = field(default_factory=set)
    gone: dict[str, int] = field(default_factory=dict)  # code: how many messages there were at that time

    @property
    def messages(self) -> list[str]:
        return self.endpoint.messages[_QUEUE]

    def flip(self, count: int) -> list[str]:
        """Extract so many rows, wherever they are."""
        codes = [self.unflipped.pop() for _ in range(min(count, len(self.unflipped)))]
        self.flipped.update(codes)
        listed = ", ".join(f"'{code}'" for code in codes) or "''"
        self.server.database.sql(f"update watched_content set is_extracted = true where code in ({listed})")
        return codes

    def run(self, name: str, queue_url: str, kill_at_call: int | None) -> int:
        """One process, until its end or until the moment at which it is killed; returns its status."""
        interval = max(50, self.scenario.rows // 400)  # calls; each flip costs a process
        flips_each = int(interval * 10 * self.scenario.flipped / 2)
        first = self.endpoint.calls
        process: subprocess.Popen[bytes] | None = None

        def on_call(number: int) -> None:
            if (number - first) % interval == 0:
                self.flip(flips_each)
            if process is not None and number - first == kill_at_call:
                process.kill()
                self.endpoint.admitted = _NOBODY

        self.endpoint.on_call, self.endpoint.admitted = on_call, name
        process = subprocess.Popen(
            [sys.executable, ROOT / "run_sqs_batches.py", "--checkpoint", self.folder / "checkpoint.json"],
            env=self._environment(name, queue_url),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return process.wait()

    def _environment(self, name: str, queue_url: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": name,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SQS_QUEUE_URL": queue_url,
            "STATE_BACKEND": "supabase",
            "SUPABASE_URL": self.server.url,
            "SUPABASE_KEY": self.server.service_key,
        }


def play(scenario: Scenario, tell: Callable[[str], None] = lambda _: None) -> Outcome:
    """Run the scenario on servers of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        supabase(scenario.schema) as server,
        sqs_endpoint(SqsEndpoint(_FAULTS)) as endpoint,
    ):
        server.database.sql(_FILL.format(rows=scenario.rows))
        wanted = _pending(server)
        chance = Random(scenario.seed)
        stage = _Stage(scenario, server, endpoint, Path(folder), chance, _shuffled(wanted, chance))
        queue_url = endpoint.create_queue(_QUEUE)
        started = time.monotonic()
        statuses = []
        for number, kill_at in enumerate((*_kills(scenario, chance), None)):
            statuses.append(stage.run(f"run{number:02d}", queue_url, kill_at))
            tell(f"run {number}: status {statuses[-1]}, {len(stage.messages)} messages so far")
            between = int(scenario.rows * scenario.flipped / 2 / scenario.kills)
            stage.gone |= dict.fromkeys(stage.flip(between), len(stage.messages))
        return _outcome(stage, wanted, statuses, time.monotonic() - started)


def _kills(scenario: Scenario, chance: Random) -> Iterator[int]:
    """After how many calls each run but the last is killed; most of the way is left to none."""
    fair_share = scenario.rows // 10 // (scenario.kills + 2)
    return (chance.randint(fair_share // 2, fair_share) for _ in range(scenario.kills))


def _pending(server: Supabase) -> list[str]:
    query = "select code from watched_content where is_fetched and not is_extracted"
    return server.database.sql(query).split()


def _shuffled(codes: Sequence[str], chance: Random) -> list[str]:
    return chance.sample(codes, len(codes))


def _outcome(stage: _Stage, wanted: Sequence[str], statuses: Sequence[int], seconds: float) -> Outcome:
    codes = [json.loads(body)["code"] for body in stage.messages]
    queued = set(codes)
    excused = queued | stage.flipped
    latest = {code: place for place, code in enumerate(codes)}
    stale = [code for code, since in stage.gone.items() if latest.get(code, -1) >= since]
    return Outcome(
        missing=[code for code in wanted if code not in excused],
        stale=[*stale, *(queued - set(wanted))],
        statuses=statuses,
        num_queued=len(queued),
        duplicates=len(codes) - len(queued),
        lost=stage.endpoint.lost,
        calls=stage.endpoint.calls,
        seconds=seconds,
        checkpoint_left=(stage.folder / "checkpoint.json").exists(),
    )


def main() -> int:
    """Play it as the command line says; the status is 1 if anything is missing or stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--bare", action="store_true", help="a table of three columns, without enqueued_at")
    arguments = parser.parse_args()
    scenario = Scenario(arguments.rows, arguments.kills, BARE_SCHEMA if arguments.bare else FULL_SCHEMA)
    with redirect_stderr(StringIO()):  # where the servers complain of clients that are killed
        outcome = play(scenario, tell=_say)
    _say(
        f"{outcome.num_queued} videos queued in {outcome.calls} calls and {outcome.seconds:.0f} s; "
        f"{outcome.duplicates} duplicates, {outcome.lost} of them for lost answers; "
        f"{len(outcome.missing)} missing, {len(outcome.stale)} stale"
    )
    return 1 if outcome.missing or outcome.stale else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
