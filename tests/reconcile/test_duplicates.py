"""Videos that show the same content are grouped, with the evidence, and nothing else is."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from extractor.domain.frames import FrameMetrics
from extractor.reconcile.duplicates.alignment import compare
from extractor.reconcile.duplicates.command import DuplicateRecord, duplicate_records, read_hashes
from extractor.reconcile.duplicates.corpus import gather
from extractor.reconcile.duplicates.fingerprint import MOST_FRAMES, Fingerprint, make_fingerprint
from extractor.reconcile.duplicates.groups import Groups, Thresholds, find_groups
from extractor.reconcile.scan import scan_all
from extractor.reconcile.snapshot import Snapshot
from tests.handler.conftest import World
from tests.reconcile.fixtures import Ground
from tests.reconcile.test_command_line import Run, run, server, settings, world
from tests.support.samples import a_manifest

__all__ = ["run", "server", "settings", "world"]  # fixtures

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]


def hashes(seed: int, count: int = 20) -> Hashes:
    """Unlike pictures: half of the bits of each are set."""
    random = np.random.default_rng(seed)
    bits = np.array([random.permutation(64) < 32 for _ in range(count)])
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def fingerprint(values: Hashes) -> Fingerprint:
    return Fingerprint(values, np.arange(len(values), dtype=np.float32))


def damaged(values: Hashes, bits: int, seed: int = 99) -> Hashes:
    """The hashes with so many bits flipped, others in each."""
    random = np.random.default_rng(seed)
    flips = [sum(1 << int(bit) for bit in random.permutation(64)[:bits]) for _ in values]
    return values ^ np.array(flips, np.uint64)


def groups_of(*videos: Fingerprint) -> Groups:
    return find_groups(gather(videos), Thresholds())


def plant(ground: Ground, code: str, pictures: Hashes | None, **wrong: str) -> None:
    """An extracted video with these hashes; without measures if there are none."""
    manifest = ground.sound(code, frame_count=len(pictures) if pictures is not None else 3)
    if pictures is not None:
        measures = [FrameMetrics(90.0, 0.5, f"{int(bits):016x}", False) for bits in pictures]
        frames = tuple(
            replace(frame, measures=replace(one, **wrong))
            for frame, one in zip(manifest.frames, measures, strict=True)
        )
        manifest = replace(manifest, frames=frames)
    ground.frames.add(ground.manifest_key(manifest), manifest.to_json())


def test_a_copy_that_starts_later_is_found_with_its_offset_and_what_has_no_hashes_is_listed(
    tmp_path: Path,
) -> None:
    ground, snapshot = Ground(tmp_path / "state.db"), Snapshot()
    plant(ground, "a", hashes(1))
    plant(ground, "b", damaged(hashes(1)[5:], 4))
    plant(ground, "c", hashes(2))
    plant(ground, "few", hashes(3, 2))
    plant(ground, "none", None)
    plant(ground, "odd", hashes(1), perceptual_hash="../../etc/passwd")
    scope = ground.survey()
    scan_all(scope, snapshot, datetime.now(UTC))
    hashed = read_hashes(scope, snapshot)
    assert list(duplicate_records(hashed, find_groups(hashed.corpus, Thresholds()))) == [
        DuplicateRecord("duplicate", "a", "a/", 1),
        DuplicateRecord("duplicate", "b", "b/", 1, "a/", 15, 4.0, 5.0, 1.0, 1.0, 0.75),
        DuplicateRecord("too few frames", "few", "few/"),
        DuplicateRecord("no hashes", "none", "none/"),
        DuplicateRecord("no hashes", "odd", "odd/"),
    ]


def test_a_copy_at_another_speed_has_that_speed_in_the_evidence() -> None:
    values = hashes(1)
    faster = Fingerprint(values, np.arange(20, dtype=np.float32) / 1.25)
    evidence = compare(faster, fingerprint(values), 10)
    assert evidence is not None
    assert (evidence.speed, evidence.offset_seconds, evidence.matching_frames) == (1.25, 0.0, 20)


def test_frames_match_in_the_same_order_only() -> None:
    values = hashes(1, 6)
    evidence = compare(fingerprint(values[::-1]), fingerprint(values), 10)
    assert evidence is not None
    assert evidence.matching_frames == 1
    repeated = fingerprint(np.repeat(values, 3))
    for one, other in ((repeated, fingerprint(values)), (fingerprint(values), repeated)):
        evidence = compare(one, other, 10)
        assert evidence is not None
        assert evidence.matching_frames == 6


def test_ten_bits_are_alike_and_eleven_are_not() -> None:
    values = hashes(1, 60)
    assert groups_of(fingerprint(values), fingerprint(damaged(values, 10))).members == [[0, 1]]
    assert groups_of(fingerprint(values), fingerprint(damaged(values, 11))).members == []


def test_half_of_the_shorter_video_must_match() -> None:
    long, other = hashes(1, 40), hashes(2, 40)
    half = np.concatenate([long[:5], other[:5]])
    less = np.concatenate([long[:5], other[:6]])
    assert groups_of(fingerprint(long), fingerprint(half)).members == [[0, 1]]
    assert groups_of(fingerprint(long), fingerprint(less)).members == []


def test_a_picture_that_many_videos_share_links_none_of_them() -> None:
    logo = hashes(0, 3)
    videos = [fingerprint(np.concatenate([logo, hashes(seed, 3)])) for seed in range(1, 61)]
    found = groups_of(*videos)
    assert (found.members, found.common_frames) == ([], 180)
    # Fewer videos than that are linked by it: it is half of each.
    assert groups_of(*videos[:40]).members == [list(range(40))]


def test_equal_videos_are_one_group_however_many_there_are() -> None:
    found = groups_of(*(fingerprint(hashes(1)) for _ in range(200)), fingerprint(hashes(2)))
    assert found.members == [list(range(200))]
    assert len(found.links) == 199
    assert all(found.compared)


@pytest.mark.parametrize(
    "measures",
    [
        FrameMetrics(90.0, 0.0, "8000000000000000", False),  # degenerate hash
        FrameMetrics(90.0, 0.0, "f0f0f0f0f0f0f0f0", True),  # blank
        FrameMetrics(0.2, 0.5, "f0f0f0f0f0f0f0f0", False),  # a gradient
    ],
)
def test_frames_without_content_are_no_part_of_a_fingerprint(measures: FrameMetrics) -> None:
    frame = replace(a_manifest().frames[0], measures=measures)
    found = make_fingerprint([frame])
    assert found is not None
    assert len(found.hashes) == 0
    content = replace(frame, measures=FrameMetrics(90.0, 0.5, "f0f0f0f0f0f0f0f0", False))
    kept = make_fingerprint([content, content])
    assert kept is not None
    assert len(kept.hashes) == 1


def test_of_a_long_video_evenly_distributed_frames_are_used() -> None:
    frame = a_manifest().frames[0]
    frames = [
        replace(frame, pts_seconds=float(n), measures=FrameMetrics(90.0, 0.5, f"{int(bits):016x}", False))
        for n, bits in enumerate(hashes(1, 2 * MOST_FRAMES))
    ]
    found = make_fingerprint(frames)
    assert found is not None
    assert found.seconds.tolist() == list(range(0, 2 * MOST_FRAMES, 2))


def test_the_command_says_what_it_found_and_what_it_could_not_compare(
    world: World, run: Run, plain_clip: Path, tmp_path: Path
) -> None:
    for code, measured in (("one", True), ("two", True), ("three", False)):
        world.add_video(code, plain_clip)
        assert world.deliver({"code": code, "measures": measured}) == []
    status, printed = run("duplicates", "--json", "found.json")
    records = json.loads((tmp_path / "found.json").read_text())
    assert [(one["status"], one["code"], one["same_as"]) for one in records] == [
        ("duplicate", "one", None),
        ("duplicate", "two", "one/"),
        ("no hashes", "three", None),
    ]
    assert "group 1: two/ = one/: " in printed
    assert "2 videos compared: 1 group of 2 videos that show the same" in printed
    assert "not compared: 1 video without hashes (extract them with MEASURES=true)" in printed
    assert status == 1
