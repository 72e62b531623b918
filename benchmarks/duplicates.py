"""`python -m benchmarks.duplicates`: time, memory, precision and recall of `reconcile duplicates`.

Without `--clips`: synthetic fingerprints, of which some are damaged copies of others, and of which many share
a title card. With `--clips DIR`: real clips and altered copies of them, made here with FFmpeg; the clips must
show different content. Prints Markdown.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.support.environment import describe_machine
from benchmarks.support.tables import render_table
from extractor import ExtractorError, extract_frames
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.reconcile.duplicates.corpus import gather
from extractor.reconcile.duplicates.fingerprint import FEWEST_FRAMES, Fingerprint, make_fingerprint
from extractor.reconcile.duplicates.groups import Groups, Thresholds, find_groups

_COPIES = 0.05  # share of the synthetic videos that copy another one
_FLIPPED = 0.06  # share of the bits that differ in a copy
_WITH_TITLE = 0.2  # share of the videos that start with the same picture
_CAPTION = "drawbox=x=iw*0.1:y=ih*0.8:w=iw*0.8:h=ih*0.12:color=white:t=fill"

ALTERATIONS: dict[str, Sequence[str]] = {
    "encoded again, strongly (CRF 40)": ("-crf", "40"),
    "scaled to a quarter of the width": ("-vf", "scale=iw/4:-2"),
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
    "all of it: cropped 2%, caption, faster, 15 fps, cut": (
        *("-ss", "1.3", "-r", "15"),
        *("-vf", f"crop=iw*0.96:ih*0.96,{_CAPTION},setpts=PTS/1.1"),
    ),
}
"""Options of FFmpeg for each kind of copy."""


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between frames of the clips")
    parser.add_argument("--seconds", type=float, default=20.0, help="how much of each clip is used")
    arguments = parser.parse_args()
    print(f"{describe_machine()}.\n")
    if arguments.clips:
        _measure_clips(arguments.clips, arguments.interval, arguments.seconds)
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


def _measure_clips(folder: Path, interval: float, seconds: float) -> None:
    names: list[tuple[str, str]] = []
    fingerprints: list[Fingerprint] = []
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        for kind, fingerprint in _with_copies(path, interval, seconds):
            names.append((path.name, kind))
            fingerprints.append(fingerprint)
    if not fingerprints:
        sys.exit(f"{folder}: no clip has {FEWEST_FRAMES} distinct frames")
    groups = find_groups(gather(fingerprints), Thresholds())
    found = _group_numbers(groups)
    original = {clip: number for number, (clip, kind) in enumerate(names) if not kind}
    rows = []
    for kind in ALTERATIONS:
        copies = [number for number, name in enumerate(names) if name[1] == kind]
        missed = [
            names[number][0]
            for number in copies
            if found.get(number) is None or found.get(number) != found.get(original[names[number][0]])
        ]
        rows.append((kind, f"{len(copies) - len(missed)} of {len(copies)}"))
        print(f"{kind}: missed {', '.join(missed) or 'none'}", file=sys.stderr)
    wrong = [(names[link.video], names[link.other]) for link in groups.links]
    wrong = [pair for pair in wrong if pair[0][0] != pair[1][0]]
    print(f"wrong links: {wrong}", file=sys.stderr)
    print(render_table(("copy", "found"), rows))
    print(
        f"\n{len(original)} clips, {len(groups.links)} links, {len(wrong)} of them between different clips."
    )


def _with_copies(path: Path, interval: float, seconds: float) -> Iterator[tuple[str, Fingerprint]]:
    """Yield the fingerprints of a clip, whose kind is empty, and of its copies."""
    with tempfile.TemporaryDirectory(prefix="duplicates-") as folder:
        original = Path(folder) / "original.mkv"
        if not _encode(path, original, ("-t", str(seconds), "-vf", "scale='min(640,iw)':-2", "-crf", "18")):
            print(f"{path.name}: cannot be encoded", file=sys.stderr)
            return
        fingerprint = _fingerprint(original, interval)
        if fingerprint is None or len(fingerprint.hashes) < FEWEST_FRAMES:
            print(f"{path.name}: too few distinct frames", file=sys.stderr)
            return
        yield "", fingerprint
        for kind, options in ALTERATIONS.items():
            copy = original.with_name("copy.mkv")
            if _encode(original, copy, options) and (fingerprint := _fingerprint(copy, interval)):
                yield kind, fingerprint


def _encode(source: Path, target: Path, options: Sequence[str]) -> bool:
    common = ("-an", "-sn", "-dn", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", str(source), *common, *options]
    return subprocess.run([*command, str(target)], capture_output=True, check=False).returncode == 0


def _fingerprint(path: Path, interval: float) -> Fingerprint | None:
    try:
        frames = extract_frames(path, path.parent / "frames", frame_interval=interval, measures=True)
    except ExtractorError:
        return None
    return make_fingerprint(frames.manifest.frames)


if __name__ == "__main__":
    sys.exit(main())
