"""The floor of a video: bare FFmpeg that decodes only the needed packets, with a plan made beforehand.

The plan and the filters are those of this project, so that the images are the same. What the project needs
besides is left out: the listing of packets, the checks of the decode, the pipes, the sandbox, and Python.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.support.child import PATIENCE_SECONDS, run_well
from benchmarks.support.results import Floor
from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.schedule import make_schedule
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.expressions import select_expression
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import read_index

_QUIET = ("-hide_banner", "-loglevel", "error", "-nostdin")
_TO_NOWHERE = ("-f", "null", "-")
_STARTS = 3
_STATISTICS = ("-stats_mux_pre:v", "-stats_mux_pre_fmt:v")
ALL_PACKETS = "null"
"""The bitstream filter that drops nothing: without a plan, all packets are needed."""
IMAGES = "<images>"


@dataclass(frozen=True, slots=True)
class FloorCommands:
    """The command lines of the floor. In that of the images, `IMAGES` stands for the folder."""

    images: Sequence[str]
    decoding: Sequence[str]
    start: Sequence[str]


def plan_floor(video: Path, policy: SamplingPolicy, folder: Path) -> FloorCommands:
    """Plan the decode of a video, and write the plan into `folder`.

    Raises:
        ExtractorError: The video cannot be indexed.
    """
    limits = DecodeLimits(threads=1)
    budget = ProcessLimits(time.monotonic() + PATIENCE_SECONDS, limits.stall_seconds, limits.memory_bytes)
    source = DecoderInput(video, limits, find_ffmpeg(None))
    index = read_index(source, budget, policy)
    source = index.select(source)
    schedule = make_schedule(index, policy)
    packets = schedule.plan.packets if schedule.plan else ALL_PACKETS
    selection = schedule.plan.selection if schedule.plan else schedule.selection
    urls = {"packets": str(folder / "packets"), "selection": str(folder / "selection"), "images": "unused"}
    (folder / "packets").write_text(f"{source.correction},{packets}" if source.correction else packets)
    if selection is None:
        argv = command.build_keyframes(source, index.picture, policy, urls)
    else:
        (folder / "selection").write_text(select_expression(selection))
        argv = command.build_planned(source, index.picture, policy, urls)
    name, stream = f"file:{video.absolute()}", f"0:{source.stream}"
    plan = ("-copyts", "-noautorotate", "-threads", "1", "-/bsf:v", urls["packets"])
    return FloorCommands(
        images=_without_pipes(argv),
        decoding=(
            *(source.binary, *_QUIET, *plan, "-i", name),
            *("-map", stream, "-fps_mode", "passthrough", *_TO_NOWHERE),
        ),
        start=(source.binary, *_QUIET, "-i", name, "-map", stream, "-c", "copy", "-t", "0", *_TO_NOWHERE),
    )


def measure_floor(commands: FloorCommands) -> Floor:
    """Run the commands once."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        images = run_well([argument.replace(IMAGES, folder) for argument in commands.images])
    return Floor(
        images,
        run_well(commands.decoding).cpu_seconds,
        median(run_well(commands.start).cpu_seconds for _ in range(_STARTS)),
    )


def _without_pipes(argv: Sequence[str]) -> list[str]:
    """Return the command with files for the images, and without the statistics of each."""
    arguments = list(argv)
    for option in _STATISTICS:
        position = arguments.index(option)
        del arguments[position : position + 2]
    suffix = "jpg" if "mjpeg" in arguments else "webp"
    replaced = {"image2pipe": "image2", "pipe:1": f"{IMAGES}/%06d.{suffix}"}
    return [replaced.get(argument, argument) for argument in arguments]
