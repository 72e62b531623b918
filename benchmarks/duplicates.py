"""`python -m benchmarks.duplicates`: time, memory, precision and recall of `reconcile duplicates`.

Without `--clips`: synthetic fingerprints, of which some are damaged copies of others, and of which many share
a title card. With `--clips DIR`: real clips and altered copies of them, made here with FFmpeg; the clips must
show different content. Prints Markdown.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.support.environment import describe_machine
from benchmarks.support.tables import render_table
from extractor import ExtractorError, extract_frames
from extractor.domain.frames import StoredFrame
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.reconcile.duplicates.corpus import gather
from extractor.reconcile.duplicates.fingerprint import Fingerprint, make_fingerprint
from extractor.reconcile.duplicates.groups import Groups, Thresholds, find_groups

_COPIES = 0.05  # share of the synthetic videos that copy another one
_FLIPPED = 0.06  # share of the bits that differ in a copy
_WITH_TITLE = 0.2  # share of the videos that start with the same picture
_INTERVALS = (1.0, 0.5)  # seconds; the frames of the first are among those of the last
_WIDTH = 320  # of the clips that are copied
_ALL, _WRONG = "all of them", "links between different clips"
_CAPTION = "drawbox=x=iw*0.1:y=ih*0.8:w=iw*0.8:h=ih*0.12:color=white:t=fill"

ALTERATIONS: dict[str, Sequence[str]] = {
    "encoded again, strongly (CRF 40)": ("-crf", "40"),
    "scaled to half of the width": ("-vf", "scale=iw/2:-2"),
    "aspect ratio changed to 1:1": ("-vf", "scale=320:320"),
    "2% cropped from each side": ("-vf", "crop=iw*0.96:ih*0.96"),
    "5% cropped from each side": ("-vf", "crop=iw*0.9:ih*0.9"),
    "10% cropped from each side": ("-vf", "crop=iw*0.8:ih*0.8"),
    "caption: a white box over 10% of the picture": ("-vf", _CAPTION),
    "black bars above and below": ("-vf", "pad=iw:ih*1.3:0:oh*0.115"),
    "brighter, less contrast": ("-vf", "eq=brightness=0.1:contrast=0.8"),
    "mirrored": ("-vf", "hflip"),
    "faster by a quarter": ("-vf", "setpts=PTS/1.25"),
    "slower by a quarter": ("-vf", "setpts=PTS*1.25"),
    "10 frames per second": ("-r", "10"),
    "first 2.3 seconds cut": ("-ss", "2.3"),
    "together: cropped 2%, caption, faster, 15 fps, cut": (
        *("-ss", "1.3", "-r", "15"),
        *("-vf", f"crop=iw*0.96:ih*0.96,{_CAPTION},setpts=PTS/1.1"),
    ),
}
"""Options of FFmpeg for each kind of copy."""

Copies = Mapping[str, Sequence[StoredFrame]]


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--seconds", type=float, default=15.0, help="how much of each clip is used")
    parser.add_argument("--distance", type=int, nargs="+", default=[8, 10, 12, 14, 16])
    arguments = parser.parse_args()
    print(f"{describe_machine()}.\n")
    if arguments.clips:
        _measure_clips(arguments.clips, arguments.seconds, arguments.distance)
        return 0
    headings = ("videos", "frames", "seconds", "peak MB", "copies found", "wrong links", "pairs compared")
    print(render_table(headings, [_synthetic(videos) for videos in arguments.videos]))
    return 0


def _synthetic(videos: int) -> Sequence[str]:
    random = np.random.default_rng(videos)
    title = random.integers(0, 1 << 63, dtype=np.uint64)
    originals: dict[int, int] = {}
    made: list[Fingerprint] = []
    for number in range(videos):
        if number and random.random() < _COPIES:
            originals[number] = int(random.integers(number))
            made.append(_damaged_copy(made[originals[number]], random))
        else:
            hashes = random.integers(0, 1 << 63, random.integers(10, 61), dtype=np.uint64) << np.uint64(1)
            if random.random() < _WITH_TITLE:
                hashes[0] = title
            made.append(Fingerprint(hashes, np.arange(len(hashes), dtype=np.float32)))
    corpus = gather(made)
    del made
    started = time.perf_counter()
    groups = find_groups(corpus, Thresholds())
    seconds = time.perf_counter() - started
    family = {number: number for number in range(videos)}
    for number, original in originals.items():
        family[number] = family[original]
    wrong = sum(family[link.video] != family[link.other] for link in groups.links)
    found = _group_numbers(groups)
    recalled = sum(number in found and found[number] == found.get(of) for number, of in originals.items())
    return (
        f"{videos:,}",
        f"{len(corpus.hashes):,}",
        f"{seconds:.1f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f}",
        f"{recalled:,} of {len(originals):,}",
        str(wrong),
        f"{groups.candidates:,}",
    )


def _damaged_copy(video: Fingerprint, random: np.random.Generator) -> Fingerprint:
    """Return a copy that lacks its first frames, and in which some bits of each hash differ."""
    hashes = video.hashes[len(video.hashes) // 5 :]
    flipped = np.packbits(random.random((len(hashes), 64)) < _FLIPPED, axis=1).view(np.uint64)[:, 0]
    return Fingerprint(hashes ^ flipped, np.arange(len(hashes), dtype=np.float32))


def _group_numbers(groups: Groups) -> dict[int, int]:
    return {video: number for number, members in enumerate(groups.members) for video in members}


def _measure_clips(folder: Path, seconds: float, distances: Sequence[int]) -> None:
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = list(pool.map(lambda path: _with_copies(path, seconds), paths))
    compared = [(path.name, copies) for path, copies in zip(paths, made, strict=True) if copies]
    print(f"{len(compared)} clips, up to {seconds:g} s of each.\n")
    _print_found(compared, distances)


def _print_found(compared: Sequence[tuple[str, Copies]], distances: Sequence[int]) -> None:
    usual = Thresholds()
    results = [_found(compared, interval, usual) for interval in _INTERVALS]
    heads = ["copy", *(f"found, a frame every {interval:g} s" for interval in _INTERVALS)]
    kinds = (*ALTERATIONS, _ALL, _WRONG)
    print(render_table(heads, [(kind, *(found[kind] for found in results)) for kind in kinds]))
    results = [_found(compared, _INTERVALS[0], Thresholds(distance, usual.share)) for distance in distances]
    rows = [
        (str(distance), found[_ALL], found[_WRONG])
        for distance, found in zip(distances, results, strict=True)
    ]
    print(f"\n{render_table(('--distance', f'found, a frame every {_INTERVALS[0]:g} s', _WRONG), rows)}")


def _found(compared: Sequence[tuple[str, Copies]], interval: float, thresholds: Thresholds) -> dict[str, str]:
    """Return a text for each kind of copy: how many are in the group of their original."""
    names: list[tuple[str, str]] = []
    fingerprints: list[Fingerprint] = []
    for clip, copies in compared:
        for kind, frames in copies.items():
            chosen = [frame for frame in frames if frame.slot % round(interval / _INTERVALS[-1]) == 0]
            if fingerprint := make_fingerprint(chosen):
                names.append((clip, kind))
                fingerprints.append(fingerprint)
    groups = find_groups(gather(fingerprints), thresholds)
    group = _group_numbers(groups)
    originals = {clip: number for number, (clip, kind) in enumerate(names) if not kind}
    comparable = {clip for clip, number in originals.items() if groups.compared[number]}
    hits, tried = Counter[str](), Counter[str]()
    for number, (clip, kind) in enumerate(names):
        if kind and clip in comparable:
            tried[kind] += 1
            hits[kind] += number in group and group[number] == group.get(originals[clip])
    wrong = sum(names[link.video][0] != names[link.other][0] for link in groups.links)
    texts = {kind: f"{hits[kind]} of {tried[kind]}" for kind in ALTERATIONS}
    return {
        **texts,
        _ALL: f"{hits.total()} of {tried.total()}",
        _WRONG: f"{wrong} of {len(groups.links)}",
    }


def _with_copies(path: Path, seconds: float) -> Copies | None:
    """Return the frames of a clip, under an empty name, and of its copies; ``None`` if it is no video."""
    with tempfile.TemporaryDirectory(prefix="duplicates-") as folder:
        original, copy = Path(folder) / "original.mkv", Path(folder) / "copy.mkv"
        if not _encode(path, original, ("-t", str(seconds), "-vf", f"scale={_WIDTH}:-2", "-crf", "18")):
            print(f"{path.name}: is no video", file=sys.stderr)
            return None
        copies = {"": _frames(original)}
        for kind, options in ALTERATIONS.items():
            if not _encode(original, copy, options):
                raise RuntimeError(f"{path.name}: no copy can be made: {kind}")
            copies[kind] = _frames(copy)
        print(path.name, file=sys.stderr)
        return copies


def _encode(source: Path, target: Path, options: Sequence[str]) -> bool:
    common = ("-an", "-sn", "-dn", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", str(source), *common, *options]
    return subprocess.run([*command, str(target)], capture_output=True, check=False).returncode == 0


def _frames(path: Path) -> Sequence[StoredFrame]:
    """Return the frames; none if the video is too short for this copy."""
    folder = path.parent / "frames"
    try:
        return extract_frames(path, folder, frame_interval=_INTERVALS[-1], measures=True).manifest.frames
    except ExtractorError:
        return ()


if __name__ == "__main__":
    sys.exit(main())
