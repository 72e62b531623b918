"""Reads everything once into a ledger: the table by keyset, the buckets by complete, parallel listings.

The table is read first. A row that says extracted then had its manifest before the listing began, so what
the listing does not show is not there. Whatever breaks off raises; `Snapshot.complete` tells what did not.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeVar

from msgspec import Struct

from extractor.backends.state.base import RowReader
from extractor.backends.state.keyset import Keyset
from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.cli.terminal import complain
from extractor.cli.waiting_notice import noticing
from extractor.domain import keys
from extractor.domain.key_parser import TRASH, KeyParser
from extractor.domain.layout import Layout
from extractor.errors import UsageError
from extractor.reconcile.key_ranges import KeyRange, cut, folders
from extractor.reconcile.observations import FolderState, VideoObject, inspect_folder, written_at
from extractor.reconcile.parallel import in_parallel
from extractor.reconcile.snapshot import Snapshot

T = TypeVar("T")

_ROWS = 1_000  # rows of the table at once
_MOST_CUTS, _ROWS_FOR_CUT = 256, 500  # of each top folder
_HEX_PAIRS = [f"{number:02x}" for number in range(256)]
_FLUSH = 500  # facts that wait to be written


class ProgressReporter(Protocol):
    """Shows the progress through `things`, of which there are `total`, if that is known."""

    def __call__(self, things: Iterable[T], label: str, total: int | None) -> Iterable[T]: ...


def no_progress(things: Iterable[T], label: str, total: int | None) -> Iterable[T]:  # noqa: ARG001
    return things


class ScanScope(Struct, frozen=True):
    """What is surveyed. `store` gives a bucket by its name; all may be used from several threads."""

    inventory: RowReader
    store: Callable[[str], ObjectStore]
    frames_bucket: str
    videos_bucket: str
    layout: Layout
    video_keys: tuple[str, ...]
    workers: int = 16
    watch: ProgressReporter = no_progress

    @property
    def frames(self) -> ObjectStore:
        return self.store(self.frames_bucket)

    @property
    def places(self) -> KeyParser:
        return KeyParser(self.layout)

    @property
    def identity(self) -> str:
        """What must be the same for a survey to go on."""
        return repr((self.frames_bucket, self.videos_bucket, self.layout.template, self.video_keys))


def scan_all(scope: ScanScope, snapshot: Snapshot, moment: datetime) -> None:
    """Survey all of it, or what is left of it. `moment` is now.

    Raises `TransientError` if any part cannot be read to its end."""
    if snapshot.remember_once("of", scope.identity) != scope.identity:
        raise UsageError("--checkpoint: the file belongs to a survey under other settings")
    snapshot.remember_once("begun", moment.isoformat())
    _read_rows(scope, snapshot)
    _scan_frames(scope, snapshot)
    for bucket in sorted({scope.videos_bucket, *snapshot.source_buckets()}):
        _scan_videos(scope, snapshot, bucket)


def _read_rows(scope: ScanScope, snapshot: Snapshot) -> None:
    for _ in scope.watch(_row_pages(scope.inventory, snapshot), "rows", None):
        pass


def _row_pages(inventory: RowReader, snapshot: Snapshot) -> Iterator[str]:
    """Only an empty page is the end: servers cut pages short."""
    pages = Keyset(snapshot.last_code)
    while not snapshot.rows_complete:
        with noticing("the state", complain):
            page = inventory.rows(pages.after, _ROWS)
        if page:
            pages.advance(page[-1].code)
        snapshot.add_rows(page)
        yield from (row.code for row in page)


def _scan_frames(scope: ScanScope, snapshot: Snapshot) -> None:
    store, places = scope.frames, scope.places

    def facts(key_range: KeyRange) -> Iterator[FolderState]:
        for folder in folders(key_range.entries(store), places):
            if key_range.cuts_through(folder.place.prefix):
                snapshot.add_fragments(folder.objects.values())
            else:
                yield inspect_folder(folder, store, scope.layout)

    _scan(
        scope, snapshot, "frames", store, lambda key_range: _in_parts(facts(key_range), snapshot.add_folders)
    )
    snapshot.add_folders(
        inspect_folder(folder, store, scope.layout) for folder in folders(snapshot.fragments(), places)
    )


def _scan_videos(scope: ScanScope, snapshot: Snapshot, bucket: str) -> None:
    store, places = scope.store(bucket), scope.places

    def facts(key_range: KeyRange) -> Iterator[VideoObject]:
        for entry in key_range.entries(store):
            if not entry.key.startswith(TRASH) and not places.find(entry.key):
                yield _video(bucket, entry, scope)

    _scan(
        scope,
        snapshot,
        f"videos in {bucket}",
        store,
        lambda key_range: _in_parts(facts(key_range), snapshot.add_videos),
    )


def _scan(
    scope: ScanScope, snapshot: Snapshot, scan: str, store: ObjectStore, work: Callable[[KeyRange], None]
) -> None:
    total, left = snapshot.key_ranges(scan)
    if not total:
        hashes = scope.layout.needs_video_id and store is scope.frames
        cuts = min(_MOST_CUTS, snapshot.count("row") // _ROWS_FOR_CUT)
        snapshot.add_key_ranges(
            scan, cut(store, _HEX_PAIRS if hashes else snapshot.some_codes(cuts), scope.places)
        )
        total, left = snapshot.key_ranges(scan)

    def do(key_range: KeyRange) -> None:
        work(key_range)
        snapshot.finish(scan, key_range)

    for _ in scope.watch(in_parallel(left, do, scope.workers), scan, len(left)):
        pass


def _in_parts(facts: Iterator[T], add: Callable[[Iterable[T]], None]) -> None:
    while part := list(islice(facts, _FLUSH)):
        add(part)


def _video(bucket: str, entry: StoredObject, scope: ScanScope) -> VideoObject:
    platform, code = keys.parse_video_key(scope.video_keys, entry.key)
    known = bucket == scope.videos_bucket and code != keys.derived_code(entry.key)
    return VideoObject(
        bucket=bucket,
        key=entry.key,
        etag=entry.etag,
        size_bytes=entry.size_bytes,
        modified=written_at(entry),
        code=code if known else None,
        platform=platform if known else None,
    )
