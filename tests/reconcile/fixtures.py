"""A table and two buckets, filled with videos in every state there is: sound, unfinished, and wrong."""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from extractor.backends.queues.base import OutgoingMessage, SendFailure
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.frames import StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import Layout, parse_layout
from extractor.domain.manifest import Archive, Manifest
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.reconcile.findings import FindingKind
from extractor.reconcile.scan import ScanScope
from tests.reconcile.memory import MemoryStore
from tests.support.samples import a_manifest

TABLE = "watched_content"
FRAMES, VIDEOS = "frames-bucket", "videos-bucket"
TEMPLATES = ("{platform}/{code}/video.mp4", "{code}.mp4")


@dataclass(slots=True)
class Queue:
    """Takes messages in memory; refuses those at the positions of `refused`."""

    refused: frozenset[int] = frozenset()
    bodies: list[str] = field(default_factory=list)

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        self.bodies += [one.body for place, one in enumerate(messages) if place not in self.refused]
        return [SendFailure(place, "Refused", sender_fault=True) for place in sorted(self.refused)]


@dataclass(slots=True)
class Ground:
    """Where videos are planted. `rows` are written by `settle`."""

    path: Path
    frames: MemoryStore = field(default_factory=MemoryStore)
    videos: MemoryStore = field(default_factory=MemoryStore)
    layout: Layout = field(default_factory=lambda: parse_layout("default"))
    policy: SamplingPolicy = field(default_factory=SamplingPolicy)
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def settle(self) -> SqliteStateStore:
        """The table, with all rows that were planted so far."""
        table = SqliteStateStore(self.path, TABLE)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(
                f"INSERT INTO {TABLE} (code, is_fetched, is_extracted, extract_error, frame_count,"
                " extracted_at) VALUES (?, ?, ?, ?, ?, ?)",
                self.rows,
            )
        self.rows.clear()
        return table

    def survey(self, table: SqliteStateStore | None = None, workers: int = 4) -> ScanScope:
        stores = {FRAMES: self.frames, VIDEOS: self.videos}
        return ScanScope(
            table or self.settle(), stores.__getitem__, FRAMES, VIDEOS, self.layout, TEMPLATES, workers
        )

    def row(
        self,
        code: str,
        *,
        fetched: bool = True,
        extracted: bool = True,
        error: str | None = None,
        count: int | None = None,
    ) -> None:
        moment = "2026-01-02T03:04:05+00:00" if extracted else None
        self.rows.append((code, fetched, extracted, error, count, moment))

    def video(self, code: str, platform: str | None = None) -> SourceVideo:
        key = f"{platform}/{code}/video.mp4" if platform else f"{code}.mp4"
        data = f"video of {code}".encode()
        return SourceVideo(VIDEOS, key, self.videos.add(key, data), len(data))

    def frame(self, code: str, platform: str | None, index: int, policy: SamplingPolicy) -> StoredFrame:
        data = f"frame {index} of {code}".encode()
        frame_keys = self.layout.frame_keys(
            code=code,
            platform=platform,
            video_id=None,
            interval_seconds=policy.interval_seconds,
            extension=policy.image_format,
        )
        key = frame_keys.frame_key(index, index, float(index))
        self.frames.add(key, data)
        return StoredFrame(
            index=index,
            slot=index,
            key=key,
            pts_seconds=float(index),
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            width=320,
            height=240,
        )

    def sound(
        self,
        code: str,
        platform: str | None = None,
        *,
        policy: SamplingPolicy | None = None,
        marked: bool = True,
        frame_count: int = 3,
    ) -> Manifest:
        """A video that is extracted as it should be; the manifest that was written."""
        policy = policy or self.policy
        source = self.video(code, platform)
        frames = tuple(self.frame(code, platform, index, policy) for index in range(frame_count))
        manifest = replace(
            a_manifest(code, source, policy),
            platform=platform,
            frames=frames,
            timings={"download": 0.1, "extract": 0.4},
        )
        assert manifest.policy_fingerprint == fingerprint(policy)
        self.frames.add(self.manifest_key(manifest), manifest.to_json())
        self.row(code, extracted=marked, count=frame_count if marked else None)
        return manifest

    @staticmethod
    def manifest_key(manifest: Manifest) -> str:
        return manifest.frames[0].key.rpartition("/")[0] + "/manifest.json"


def plant(ground: Ground, kind: FindingKind, code: str, platform: str | None) -> None:
    """A video with exactly this trouble."""
    _PLANTS[kind](ground, code, platform)


def _no_manifest(ground: Ground, code: str, platform: str | None) -> None:
    ground.frames.delete([ground.manifest_key(ground.sound(code, platform))])


def _unreadable(ground: Ground, code: str, platform: str | None) -> None:
    ground.frames.add(ground.manifest_key(ground.sound(code, platform)), b'{"code": "half of')


def _missing(ground: Ground, code: str, platform: str | None) -> None:
    ground.frames.delete([ground.sound(code, platform).frames[1].key])


def _wrong_size(ground: Ground, code: str, platform: str | None) -> None:
    ground.frames.add(ground.sound(code, platform).frames[-1].key, b"cut")


def _wrong_content(ground: Ground, code: str, platform: str | None) -> None:
    frame = ground.sound(code, platform).frames[0]
    ground.frames.add(frame.key, b"x" * frame.size_bytes)


def _source_changed(ground: Ground, code: str, platform: str | None) -> None:
    ground.videos.add(ground.sound(code, platform).source.key, b"another video")


def _source_gone(ground: Ground, code: str, platform: str | None) -> None:
    ground.videos.delete([ground.sound(code, platform).source.key])


def _other_policy(ground: Ground, code: str, platform: str | None) -> None:
    ground.sound(code, platform, policy=SamplingPolicy(quality=50))


def _other_output(ground: Ground, code: str, platform: str | None) -> None:
    manifest = ground.sound(code, platform)
    data = b"a tar of frames"
    key = ground.manifest_key(manifest).replace("manifest.json", "frames.tar")
    archive = Archive(
        key=key, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), offsets=(0, 1, 2)
    )
    ground.frames.delete(sorted(manifest.keys))
    ground.frames.add(key, data)
    ground.frames.add(ground.manifest_key(manifest), replace(manifest, archive=archive).to_json())


def _other_layout(ground: Ground, code: str, platform: str | None) -> None:
    manifest = ground.sound(code, platform)
    old = ground.manifest_key(manifest)
    ground.frames.add(f"older/{code}/frames/manifest.json", manifest.to_json())
    ground.frames.delete([old, *manifest.keys])


def _wrong_count(ground: Ground, code: str, platform: str | None) -> None:
    ground.sound(code, platform)
    ground.rows.pop()
    ground.row(code, count=99)


def _not_marked(ground: Ground, code: str, platform: str | None) -> None:
    ground.sound(code, platform, marked=False)


_PLANTS: dict[FindingKind, Callable[[Ground, str, str | None], None]] = {
    FindingKind.NO_MANIFEST: _no_manifest,
    FindingKind.UNREADABLE_MANIFEST: _unreadable,
    FindingKind.FRAMES_MISSING: _missing,
    FindingKind.FRAMES_WRONG_SIZE: _wrong_size,
    FindingKind.FRAMES_WRONG_CONTENT: _wrong_content,
    FindingKind.SOURCE_CHANGED: _source_changed,
    FindingKind.SOURCE_GONE: _source_gone,
    FindingKind.OTHER_POLICY: _other_policy,
    FindingKind.OTHER_OUTPUT: _other_output,
    FindingKind.OTHER_LAYOUT: _other_layout,
    FindingKind.WRONG_FRAME_COUNT: _wrong_count,
    FindingKind.NOT_MARKED: _not_marked,
}
