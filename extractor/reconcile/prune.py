"""Frames and videos that no row speaks of: found in a complete survey, removed after a second look.

The table decides what is an orphan, so a table that was read in part would make orphans of live data. The
survey must be complete, the table must not be empty, and before anything of a video is touched the table is
asked for that very row, and the objects are listed again. Whatever is young is left alone.
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
    """`place` is the folder of frames with its closing slash, or the key of the video."""

    code: str
    what: OrphanKind
    bucket: str
    place: str
    object_count: int
    size_bytes: int


def orphans(scope: ScanScope, snapshot: Snapshot, before: float) -> Iterator[Orphan]:
    """What is older than `before` (seconds since 1970) and has no row, the frames first.

    Raises `StorageUnavailableError` unless the survey is complete, `StateUnavailableError` if the table has
    no rows at all: then it is more likely that they are hidden than that they are gone."""
    if not snapshot.complete:
        raise StorageUnavailableError("the survey is not complete, so nothing can be called an orphan")
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
    """Remove the orphans that still are. `tally` counts objects, and is true whenever this ends."""

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
    """What there is now of it, and belongs to nobody else."""
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
