"""Deep check: download frames and compare their SHA-256 with the manifest."""

import hashlib
from collections.abc import Iterator

from extractor.backends.storage.base import ObjectStore
from extractor.domain.frames import StoredFrame
from extractor.domain.manifest import StoredFile, parse_manifest
from extractor.errors import VideoMissingError
from extractor.reconcile.findings import Finding, FindingKind
from extractor.reconcile.observations import manifest_key
from extractor.reconcile.parallel import in_parallel
from extractor.reconcile.scan import ScanScope
from extractor.reconcile.snapshot import Snapshot

_SHARES = 1 << 32


def check_contents(scope: ScanScope, snapshot: Snapshot, share: float) -> dict[str, Finding]:
    """Check a sample of the extracted videos, which is the same for the same share.

    Args:
        scope: The buckets.
        snapshot: The scan.
        share: The share of videos to check, 0-1.

    Returns:
        The findings by code.
    """
    store = scope.frames
    sample = list(_sample(snapshot, share))

    def check(video: tuple[str, str]) -> Finding | None:
        code, prefix = video
        wrong = wrong_frames(store, prefix)
        detail = f"{len(wrong)} objects have another SHA-256 than the manifest states"
        return Finding(code, FindingKind.FRAMES_WRONG_CONTENT, detail, prefix) if wrong else None

    results = scope.watch(in_parallel(sample, check, scope.workers), "videos read", len(sample))
    return {finding.code: finding for finding in results if finding}


def wrong_frames(store: ObjectStore, prefix: str) -> list[str]:
    """Return the keys of objects that have the right size and the wrong content."""
    found = store.read(manifest_key(prefix))
    manifest = parse_manifest(found.data) if found else None
    return [item.key for item in manifest.objects if _is_wrong(store, item)] if manifest else []


def _is_wrong(store: ObjectStore, item: StoredFrame | StoredFile) -> bool:
    digest = hashlib.sha256()
    try:
        with store.open(item.key) as stream:
            if stream.size_bytes != item.size_bytes:
                return False
            for chunk in stream.chunks():
                digest.update(chunk)
    except VideoMissingError:
        return False
    return digest.hexdigest() != item.sha256


def _sample(snapshot: Snapshot, share: float) -> Iterator[tuple[str, str]]:
    for row in snapshot.rows():
        if row.is_extracted and stable_hash(row.code) < share * _SHARES:
            for item in snapshot.observation(row.code):
                if item.folder.manifest == "in place":
                    yield row.code, item.folder.prefix


def stable_hash(code: str) -> int:
    """Return a stable 32-bit hash of the code, for deterministic sampling."""
    return int.from_bytes(hashlib.sha256(code.encode()).digest()[:4], "big")
