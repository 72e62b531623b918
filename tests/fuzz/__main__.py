"""Give the engine damaged and hostile files, and see that it fails as it should.

Clips in every container and codec that is read are made first, then damaged, each file by its own seed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no threads of a library when processes are forked

from tests.fuzz.cases import seeds_of, seeds_of_each
from tests.fuzz.run import Findings, fuzz, replay
from tests.fuzz.seeds import load_clips

_EPILOG = """\
exit status: 0 if nothing was found, 1 if something was, 2 for wrong usage

examples:
  python -m tests.fuzz --files 20000 --jobs 2 --findings findings
  python -m tests.fuzz --only h264,matroska,av1-mp4
  python -m tests.fuzz --replay 1234
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        clips = load_clips(options.clips or Path(scratch))
        if options.replay is not None:
            return replay(options.replay, clips, sys.stdout)
        only = [word for word in options.only.split(",") if word]
        if options.each is not None:
            seeds = seeds_of_each(options.seed, options.each)
        else:
            seeds = seeds_of(options.seed, options.files, only)
        return fuzz(seeds, options.jobs, clips, Findings(options.findings), sys.stdout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=(__doc__ or "").partition("\n")[0],
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=_positive, default=1_000, help="how many (default: 1,000)")
    parser.add_argument("--each", type=_positive, metavar="N", help="instead, so many of each clip")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first one (default: 0)")
    parser.add_argument(
        "--only",
        default="",
        metavar="WORD,…",
        help="only clips of these codecs and containers, by FFmpeg's names of them",
    )
    parser.add_argument(
        "--jobs", type=_positive, default=os.cpu_count() or 1, help="files at a time (default: processors)"
    )
    parser.add_argument(
        "--findings", type=Path, metavar="DIR", help="keep each file that shows a fault there, with its seed"
    )
    parser.add_argument("--clips", type=Path, metavar="DIR", help="keep the undamaged clips there")
    parser.add_argument("--replay", type=int, metavar="SEED", help="only this one, and what happens")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
