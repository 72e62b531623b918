"""The tables of a data set in Parquet: a row for each frame, and a row for each video."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from msgspec.structs import asdict
from pyarrow import parquet

from extractor.dataset.plan import Shard, Video
from extractor.domain.frames import FrameMetrics, Scene

FRAMES_TABLE = "frames.parquet"
VIDEOS_TABLE = "videos.parquet"

_ROWS = 20_000  # in memory at a time: a row group
_NO_MEASURES: Mapping[str, None] = dict.fromkeys(FrameMetrics.__struct_fields__)

_SHARED = {"code": pa.string(), "platform": pa.string(), "split": pa.string(), "shard": pa.string()}
_FRAME_COLUMNS = {
    **_SHARED,
    "sample": pa.string(),
    "offset": pa.int64(),
    "size_bytes": pa.int64(),
    "sha256": pa.string(),
    "index": pa.int64(),
    "slot": pa.int64(),
    "pts_seconds": pa.float64(),
    "width": pa.int32(),
    "height": pa.int32(),
    "scene": pa.int32(),
    "sharpness": pa.float64(),
    "brightness": pa.float64(),
    "perceptual_hash": pa.string(),
    "blank": pa.bool_(),
    "key": pa.string(),
}
_VIDEO_COLUMNS = {
    **_SHARED,
    "samples": pa.string(),
    "frames": pa.int32(),
    "size_bytes": pa.int64(),
    "duration_seconds": pa.float64(),
    "video_frames": pa.int64(),
    "frame_rate": pa.float64(),
    "width": pa.int32(),
    "height": pa.int32(),
    "container": pa.string(),
    "codec": pa.string(),
    "scenes": pa.int32(),
    "truncated": pa.bool_(),
    "source_bucket": pa.string(),
    "source_key": pa.string(),
    "policy_fingerprint": pa.string(),
    "folder": pa.string(),
}


class Tables:
    """Writes both tables into a folder, a row group at a time.

    Args:
        folder: An existing folder.
    """

    def __init__(self, folder: Path) -> None:
        self._frames = _Table(folder / FRAMES_TABLE, _FRAME_COLUMNS)
        self._videos = _Table(folder / VIDEOS_TABLE, _VIDEO_COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._frames.close()
        self._videos.close()

    def add(self, shard: Shard) -> None:
        """Add the rows of a shard."""
        for video, start in zip(shard.videos, shard.starts, strict=True):
            shared = {
                "code": video.manifest.code,
                "platform": video.manifest.platform,
                "split": shard.split,
                "shard": shard.name,
            }
            for row in _frame_rows(video, start):
                self._frames.add({**shared, **row})
            self._videos.add({**shared, **_video_row(video)})


def _frame_rows(video: Video, start: int) -> Iterator[dict[str, object]]:
    scenes = video.manifest.scenes
    for frame, offset in video.offsets(start):
        yield {
            "sample": video.sample(frame),
            "offset": offset,
            "size_bytes": frame.size_bytes,
            "sha256": frame.sha256,
            "index": frame.index,
            "slot": frame.slot,
            "pts_seconds": frame.pts_seconds,
            "width": frame.width,
            "height": frame.height,
            "scene": _scene_at(frame.pts_seconds, scenes) if scenes else None,
            **(asdict(frame.measures) if frame.measures else _NO_MEASURES),
            "key": frame.key,
        }


def _scene_at(seconds: float, scenes: tuple[Scene, ...]) -> int:
    """Return the number of the scene at a time; times before the first scene belong to it."""
    after = bisect_right(scenes, seconds, key=lambda scene: scene.start_seconds)
    return scenes[max(0, after - 1)].index


def _video_row(video: Video) -> dict[str, object]:
    manifest = video.manifest
    return {
        "samples": video.samples,
        "frames": len(manifest.frames),
        "size_bytes": manifest.size_bytes,
        "duration_seconds": manifest.video.duration_seconds,
        "video_frames": manifest.video.frame_count,
        "frame_rate": manifest.video.frame_rate,
        "width": manifest.video.width,
        "height": manifest.video.height,
        "container": manifest.video.container,
        "codec": manifest.video.codec,
        "scenes": manifest.scene_count,
        "truncated": manifest.truncated,
        "source_bucket": manifest.source.bucket,
        "source_key": manifest.source.key,
        "policy_fingerprint": manifest.policy_fingerprint,
        "folder": video.folder,
    }


class _Table:
    """One Parquet file. The rows of a row group are in memory."""

    def __init__(self, path: Path, columns: Mapping[str, Any]) -> None:
        self._schema = pa.schema(list(columns.items()))
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[dict[str, object]] = []

    def add(self, row: dict[str, object]) -> None:
        self._rows.append(row)
        if len(self._rows) == _ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows.clear()
