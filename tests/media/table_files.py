"""Files whose tables are read, and FFmpeg's listing of them to compare with."""

import time
from pathlib import Path
from typing import Any

import pytest

from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode import full, planned, scene_pass, single_pass
from extractor.media.ffmpeg import process
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.stream_packets import StreamPackets
from extractor.media.probe import packet_scan
from extractor.media.probe.decode_order import scan_request_for
from extractor.media.probe.packet_scan import PacketScan, scan_packets
from extractor.media.probe.table_scan import scan_tables
from tests.support.media import clips

X265 = "-c:v libx265 -x265-params log-level=none"


def make(tmp_path: Path, name: str, encoded: str, seconds: int = 3) -> Path:
    """Make a clip of moving pictures."""
    clip = tmp_path / name
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=192x144:rate=25:duration={seconds} {encoded} {{0}}", clip)
    return clip


def source_of(clip: Path) -> DecoderInput:
    """Return the input for a file."""
    return DecoderInput(clip, DecodeLimits(), find_ffmpeg())


def budget() -> ProcessLimits:
    """Return the limits of a run of FFmpeg."""
    return ProcessLimits(time.monotonic() + 60, 60, DecodeLimits().memory_bytes)


def listing_of(source: DecoderInput, codec: str) -> PacketScan:
    """List the packets with FFmpeg."""
    return scan_packets(source, budget(), scan_request_for(codec, SamplingPolicy()))


def assert_read_as_listed(clip: Path, *, first_dts: bool = True) -> None:
    """Compare what is read from the tables of a file with what FFmpeg lists.

    Args:
        clip: The file.
        first_dts: Whether the first dts is compared as well: FFmpeg may round a derived one otherwise.
    """
    source = source_of(clip)
    read = scan_tables(source, SamplingPolicy())
    assert read is not None
    listed = listing_of(source, read.stream.codec)
    assert _facts(read.packets, first_dts=first_dts) == _facts(listed.listing, first_dts=first_dts)
    assert (listed.dependencies is None) == (read.dependencies is None)
    if listed.dependencies is not None and read.dependencies is not None:
        assert read.dependencies.shown == listed.dependencies.shown
        for frame in range(len(read.packets)):
            assert read.dependencies.needed_frames([frame]) == listed.dependencies.needed_frames([frame])
    count = len(listed.listing)
    for role, marks in listed.passing.items():
        if role != "parameters":
            assert read.marks[role] == marks.ljust(count, b"\0"), role


def _facts(found: StreamPackets, *, first_dts: bool) -> tuple[object, ...]:
    table, size = found.packets, (found.width, found.height)
    (part,) = found.parts
    return (
        found.codec, size, table.time_base, list(table.pts), bytes(table.flags), table.end_pts,
        part.first_dts if first_dts else None, part.last_dts, part.start_pts, part.end_pts,
        found.ticks, found.is_reordered, found.far_times,
    )  # fmt: skip


def count_runs(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that gets an entry for each run of FFmpeg from now on."""
    runs: list[object] = []
    run = process.run_ffmpeg

    def counted(*arguments: Any) -> Any:
        runs.append(arguments)
        return run(*arguments)

    for module in (full, packet_scan, planned, scene_pass, single_pass):
        monkeypatch.setattr(module, "run_ffmpeg", counted)
    return runs
