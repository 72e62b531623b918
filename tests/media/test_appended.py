"""For files that were joined byte by byte, the manifest notes the part that FFmpeg does not read."""

from pathlib import Path

import pytest

from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy
from extractor.pipeline.local import extract_to_folder, local_config
from tests.support.media import clips

_SECONDS = 3
_ENCODED = {
    "asf": "wmv2 -g 25",
    "avi": "mpeg4 -g 25",
    "mxf": "mpeg2video -g 10",
    "ogv": "libtheora -g 25",
}


def _joined(folder: Path, name: str, count: int, options: str = "") -> tuple[Path, int]:
    """Join a clip several times; return the file and the size of the clip."""
    ending = name.rpartition(".")[2]
    encoded = _ENCODED.get(ending, "libx264 -preset ultrafast -g 25 -pix_fmt yuv420p")
    clip = clips.plain(folder / f"part.{ending}", _SECONDS, encoded=f"{encoded} {options}")
    joined = folder / name
    joined.write_bytes(clip.read_bytes() * count)
    return joined, clip.stat().st_size


def _extract(clip: Path, policy: SamplingPolicy | None = None) -> Manifest:
    return extract_to_folder(clip, clip.with_suffix(".frames"), policy or SamplingPolicy(), local_config())


@pytest.mark.parametrize(
    ("ending", "count", "read"),
    [("mkv", 3, 2), ("mkv", 5, 2), ("flv", 2, 1), ("flv", 3, 1), ("mp4", 2, 1), ("mov", 3, 1), ("asf", 2, 1)],
)
def test_what_follows_the_part_that_ffmpeg_reads_is_noted(
    tmp_path: Path, ending: str, count: int, read: int
) -> None:
    joined, size = _joined(tmp_path, f"joined.{ending}", count)
    manifest = _extract(joined)
    assert [frame.pts_seconds for frame in manifest.frames] == list(range(read * _SECONDS))
    unread = (count - read) * size
    assert (
        f"another video follows in the last {unread} bytes of the file, which are not read" in manifest.notes
    )


@pytest.mark.parametrize(
    ("name", "count", "options"),
    [
        ("joined.mkv", 2, ""),
        ("live.mkv", 3, "-live 1"),
        ("joined.ts", 3, ""),
        ("joined.avi", 2, ""),
        ("fragments.mp4", 1, "-movflags frag_keyframe+empty_moov"),
    ],
)
def test_where_ffmpeg_reads_everything_nothing_is_noted(
    tmp_path: Path, name: str, count: int, options: str
) -> None:
    joined, _ = _joined(tmp_path, name, count, options)
    manifest = _extract(joined)
    assert [frame.pts_seconds for frame in manifest.frames] == list(range(count * _SECONDS))
    assert [note for note in manifest.notes if "not read" in note or "asked for" in note] == []


@pytest.mark.parametrize("serial", ["", "-serial_offset 77"], ids=["same number", "other number"])
def test_chained_ogg_gives_the_frames_of_every_part(tmp_path: Path, serial: str) -> None:
    """Each part loses its first three frames: FFmpeg reads its headers as video packets."""
    first, _ = _joined(tmp_path, "first.ogv", 1)
    second, _ = _joined(tmp_path, "second.ogv", 1, serial)
    chained = tmp_path / "chained.ogv"
    chained.write_bytes(first.read_bytes() + second.read_bytes())
    manifest = _extract(chained, SamplingPolicy(interval_seconds=0.04))
    times = [frame.pts_seconds for frame in manifest.frames]
    assert len(times) == 2 * _SECONDS * 25
    assert times == sorted(times)
    assert times[_SECONDS * 25] == pytest.approx(_SECONDS + 3 / 25, abs=0.001)
    assert len(manifest.video.discontinuities) == 1


def test_frames_at_the_time_of_others_are_noted(tmp_path: Path) -> None:
    """In MXF, FFmpeg gives all frames after the first part the same timestamp."""
    joined, _ = _joined(tmp_path, "joined.mxf", 2)
    manifest = _extract(joined, SamplingPolicy(interval_seconds=0.04))
    lost = manifest.video.frame_count - len(manifest.frames)
    assert lost > 1
    assert any(note.startswith(f"{lost} of {manifest.video.frame_count} frames") for note in manifest.notes)
