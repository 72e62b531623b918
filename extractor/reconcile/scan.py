"""Reads everything once into a ledger: the table by keyset, the buckets by complete, parallel listings.

The table is read first. A row that says extracted then had its manifest before the listing began, so what
the listing does not show is not there. Whatever breaks off raises; `Ledger.complete` tells what did not.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeVar

from msgspec import Struct

from extractor.backends.state.base import Inventory
from extractor.backends.state.keyset import Keyset
from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.cli.terminal import complain
from extractor.cli.waiting_notice import noticing
from extractor.domain import keys
from extractor.domain.layout import Layout
from extractor.errors import UsageError
from extractor.reconcile.key_parser import TRASH, Places
from extractor.reconcile.key_ranges import Shard, cut, folders
from extractor.reconcile.observations import FolderFacts, VideoFacts, look, written_at
from extractor.reconcile.parallel import in_parallel
from extractor.reconcile.snapshot import Ledger

T = TypeVar("T")

_ROWS = 1_000  # rows of the table at once
_MOST_CUTS, _ROWS_FOR_CUT = 256, 500  # of each top folder
_HEX_PAIRS = [f"{number:02x}" for number in range(256)]
_FLUSH = 500  # facts that wait to be written


class Watch(Protocol):
    """Shows the progress through `things`, of which there are `total`, if that is known."""

    def __call__(self, things: Iterable[T], label: str, total: int | None) -> Iterable[T]: ...


def unwatched(things: Iterable[T], label: str, total: int | None) -> Iterable[T]:  # noqa: ARG001
    return things


class Field(Struct, frozen=True):
    """What is surveyed. `store` gives a bucket by its name; all may be used from several threads."""

    inventory: Inventory
    store: Callable[[str], ObjectStore]
    frames_bucket: str
    videos_bucket: str
    layout: Layout
    video_keys: tuple[str, ...]
    workers: int = 16
    watch: Watch = unwatched

    @property
    def frames(self) -> ObjectStore:
        return self.store(self.frames_bucket)

    @property
    def places(self) -> Places:
        return Places(self.layout)

    @property
    def identity(self) -> str:
        """What must be the same for a survey to go on."""
        return repr((self.frames_bucket, self.videos_bucket, self.layout.template, self.video_keys))


def take(field: Field, ledger: Ledger, moment: datetime) -> None:
    """Survey all of it, or what is left of it. `moment` is now.

    Raises `TransientError` if any part cannot be read to its end."""
    if ledger.note("of", field.identity) != field.identity:
        raise UsageError("--checkpoint: the file belongs to a survey under other settings")
    ledger.note("begun", moment.isoformat())
    _read_rows(field, ledger)
    _scan_frames(field, ledger)
    for bucket in sorted({field.videos_bucket, *ledger.source_buckets()}):
        _scan_videos(field, ledger, bucket)


def _read_rows(field: Field, ledger: Ledger) -> None:
    for _ in field.watch(_row_pages(field.inventory, ledger), "rows", None):
        pass


def _row_pages(inventory: Inventory, ledger: Ledger) -> Iterator[str]:
    """Only an empty page is the end: servers cut pages short."""
    pages = Keyset(ledger.last_code)
    while not ledger.rows_complete:
        with noticing("the state", complain):
            page = inventory.rows(pages.after, _ROWS)
        if page:
            pages.advance(page[-1].code)
        ledger.add_rows(page)
        yield from (row.code for row in page)


def _scan_frames(field: Field, ledger: Ledger) -> None:
    store, places = field.frames, field.places

    def facts(shard: Shard) -> Iterator[FolderFacts]:
        for folder in folders(shard.entries(store), places):
            if shard.cuts_through(folder.place.prefix):
                ledger.add_fragments(folder.objects.values())
            else:
                yield look(folder, store, field.layout)

    _scan(field, ledger, "frames", store, lambda shard: _in_parts(facts(shard), ledger.add_folders))
    ledger.add_folders(look(folder, store, field.layout) for folder in folders(ledger.fragments(), places))


def _scan_videos(field: Field, ledger: Ledger, bucket: str) -> None:
    store, places = field.store(bucket), field.places

    def facts(shard: Shard) -> Iterator[VideoFacts]:
        for entry in shard.entries(store):
            if not entry.key.startswith(TRASH) and not places.find(entry.key):
                yield _video(bucket, entry, field)

    _scan(
        field, ledger, f"videos in {bucket}", store, lambda shard: _in_parts(facts(shard), ledger.add_videos)
    )


def _scan(field: Field, ledger: Ledger, scan: str, store: ObjectStore, work: Callable[[Shard], None]) -> None:
    total, left = ledger.shards(scan)
    if not total:
        hashes = field.layout.needs_video_id and store is field.frames
        cuts = min(_MOST_CUTS, ledger.count("row") // _ROWS_FOR_CUT)
        ledger.add_shards(scan, cut(store, _HEX_PAIRS if hashes else ledger.some_codes(cuts), field.places))
        total, left = ledger.shards(scan)

    def do(shard: Shard) -> None:
        work(shard)
        ledger.finish(scan, shard)

    for _ in field.watch(in_parallel(left, do, field.workers), scan, len(left)):
        pass


def _in_parts(facts: Iterator[T], add: Callable[[Iterable[T]], None]) -> None:
    while part := list(islice(facts, _FLUSH)):
        add(part)


def _video(bucket: str, entry: StoredObject, field: Field) -> VideoFacts:
    platform, code = keys.identify(field.video_keys, entry.key)
    known = bucket == field.videos_bucket and code != keys.made_up_code(entry.key)
    return VideoFacts(
        bucket=bucket,
        key=entry.key,
        etag=entry.etag,
        size_bytes=entry.size_bytes,
        modified=written_at(entry),
        code=code if known else None,
        platform=platform if known else None,
    )
