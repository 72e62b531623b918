"""Read the table and all buckets into a snapshot: the table page by page, the buckets in parallel ranges.

The table is read first. A row that is marked extracted then had its manifest before the listing started, so
an object that is not listed does not exist. Interruptions raise; `Snapshot.complete` says whether all was
read.
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

_ROWS = 1_000  # rows per query
_MOST_CUTS, _ROWS_FOR_CUT = 256, 500  # per top-level folder
_HEX_PAIRS = [f"{number:02x}" for number in range(256)]
_FLUSH = 500  # records per transaction


class ProgressReporter(Protocol):
    """Shows the progress through `items`, of which there are `total`, if known."""

    def __call__(self, items: Iterable[T], label: str, total: int | None) -> Iterable[T]: ...


def no_progress(items: Iterable[T], label: str, total: int | None) -> Iterable[T]:  # noqa: ARG001
    """Return the items without showing anything."""
    return items


class ScanScope(Struct, frozen=True):
    """What to scan.

    Attributes:
        inventory: The state table.
        store: Returns a bucket by its name. Thread-safe.
        frames_bucket: The bucket of frames.
        videos_bucket: The bucket of videos.
        layout: The keys of frames.
        video_keys: The key templates of videos.
        workers: The number of concurrent calls.
        watch: Shows the progress.
    """

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
        """What must be equal for a scan to resume."""
        return repr((self.frames_bucket, self.videos_bucket, self.layout.template, self.video_keys))


def scan_all(scope: ScanScope, snapshot: Snapshot, moment: datetime) -> None:
    """Scan everything, or what an interrupted scan left out.

    Args:
        scope: What to scan.
        snapshot: Where the results are stored.
        moment: The current time.

    Raises:
        UsageError: The snapshot belongs to a scan under other settings.
        TransientError: Something could not be read completely.
    """
    if snapshot.remember_once("of", scope.identity) != scope.identity:
        raise UsageError("--checkpoint: the file belongs to a scan under other settings")
    snapshot.remember_once("begun", moment.isoformat())
    _read_rows(scope, snapshot)
    _scan_frames(scope, snapshot)
    for bucket in sorted({scope.videos_bucket, *snapshot.source_buckets()}):
        _scan_videos(scope, snapshot, bucket)


def _read_rows(scope: ScanScope, snapshot: Snapshot) -> None:
    for _ in scope.watch(_row_pages(scope.inventory, snapshot), "rows", None):
        pass


def _row_pages(inventory: RowReader, snapshot: Snapshot) -> Iterator[str]:
    """Yield codes. Only an empty page is the end, because servers shorten pages."""
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
