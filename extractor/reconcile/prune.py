"""Find frames and videos without a row in a complete scan, and remove them after a second check.

An incomplete table would turn live data into orphans. Therefore the scan must be complete and the table must
not be empty. Before an orphan is removed, its row is queried again and its objects are listed again. New
objects are left alone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from extractor.backends.state.base import StateStore
from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.jobs import VideoRef
from extractor.domain.manifest import parse_manifest
from extractor.errors import StateUnavailableError, StorageUnavailableError
from extractor.reconcile.observations import manifest_key, written_at
from extractor.reconcile.parallel import in_parallel
from extractor.reconcile.scan import ScanScope
from extractor.reconcile.snapshot import Snapshot
from extractor.reconcile.trash import Trash

OrphanKind = Literal["frames", "video"]


class Orphan(Struct, frozen=True):
    """Objects without a row.

    Attributes:
        code: The code of the video.
        what: Whether these are frames or the video.
        bucket: The bucket.
        place: The prefix of the frames, or the key of the video.
        object_count: The number of objects.
        size_bytes: Their total size.
    """

    code: str
    what: OrphanKind
    bucket: str
    place: str
    object_count: int
    size_bytes: int


def orphans(scope: ScanScope, snapshot: Snapshot, before: float) -> Iterator[Orphan]:
    """Yield orphans, frames before videos.

    Args:
        scope: The buckets.
        snapshot: The scan.
        before: Only objects written before this time, in seconds since 1970.

    Raises:
        StorageUnavailableError: The scan is incomplete.
        StateUnavailableError: The table has no rows, so they are probably hidden rather than absent.
    """
    if not snapshot.complete:
        raise StorageUnavailableError("the scan is incomplete, so orphans cannot be determined")
    if not snapshot.count("row"):
        raise StateUnavailableError("the table shows no rows at all: check STATE_TABLE and the key's rights")
    for folder in snapshot.folders_without_row():
        if folder.code and folder.newest <= before:
            yield Orphan(
                folder.code,
                "frames",
                scope.frames_bucket,
                folder.prefix,
                folder.object_count,
                folder.size_bytes,
            )
    for video in snapshot.videos_without_row(scope.videos_bucket):
        if video.code and video.modified <= before:
            yield Orphan(video.code, "video", video.bucket, video.key, 1, video.size_bytes)


def prune(
    found: Sequence[Orphan],
    scope: ScanScope,
    state: StateStore,
    before: float,
    trash: Trash,
    tally: "Counter[str]",
) -> None:
    """Remove the orphans that are still orphans.

    Args:
        found: The orphans.
        scope: The buckets.
        state: The state.
        before: Objects written after this time, in seconds since 1970, are kept.
        trash: Moves or deletes objects.
        tally: Counts objects by what was done; accurate whatever ends the call.
    """

    def remove(orphan: Orphan) -> tuple[str, int]:
        if state.begin(VideoRef(orphan.code), 0) is not None:
            return "kept: there is a row after all", orphan.object_count
        store = scope.store(orphan.bucket)
        objects = _objects(orphan, store, scope)
        if any(written_at(entry) > before for entry in objects):
            return "kept: written meanwhile", len(objects)
        trash.remove(store, [entry.key for entry in objects])
        return "removed", len(objects)

    results = scope.watch(in_parallel(found, remove, scope.workers), "orphans", len(found))
    for what, count in results:
        tally[what] += count


def _objects(orphan: Orphan, store: ObjectStore, scope: ScanScope) -> list[StoredObject]:
    """List the current objects of an orphan, without those that belong to another video."""
    if orphan.what == "video":
        return [entry for entry in store.list(orphan.place) if entry.key == orphan.place]
    found = store.read(manifest_key(orphan.place))
    manifest = parse_manifest(found.data) if found else None
    named = manifest.keys if manifest else frozenset()
    places = scope.places
    return [
        entry
        for entry in store.list(orphan.place)
        if entry.key in named or ((place := places.find(entry.key)) and place.prefix == orphan.place)
    ]
