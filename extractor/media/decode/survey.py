"""Keep the frames of a video that differ most: compare all in a decode with tiny images, and decode these."""

from array import array
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.frames import Frame, LeftOutFrame, Scene
from extractor.domain.policy import SamplingPolicy
from extractor.errors import UnreadableError
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.schedule import DecodeSchedule, schedule_some
from extractor.media.decode.session import DecodeAgainError, offset_seconds
from extractor.media.dedup import drop_redundant
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.frame_stream import Timestamp
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.video_index import VideoIndex
from extractor.media.sampling import Targets

_TINY: Final = 16
"""The largest side of the images of the first decode, in pixels. The hashes are not made from them."""


class FrameChoice(Struct, frozen=True):
    """The frames to make of a video.

    Attributes:
        index: The index of the video.
        schedule: The frames to decode.
        policy: What is still to be applied of the sampling policy.
        scenes: The scenes, if they are known before the frames are decoded.
        use_plan: Whether the decode plan of the schedule may be used.
        kept: If only some of the scheduled frames are kept: the time of each of them by its slot, ascending.
        left_out: The other frames of the policy.
    """

    index: VideoIndex
    schedule: DecodeSchedule
    policy: SamplingPolicy
    scenes: tuple[Scene, ...] | None = None
    use_plan: bool = True
    kept: Mapping[int, float] | None = None
    left_out: tuple[LeftOutFrame, ...] = ()

    def only_kept(self, frames: Iterable[Frame], done: int = 0) -> Iterator[Frame]:
        """Yield the kept ones of decoded frames, numbered from 0.

        Args:
            frames: The frames.
            done: The number of kept frames that are not decoded again.

        Raises:
            UnreadableError: At the end: there were not exactly the kept frames.
        """
        if self.kept is None:
            yield from frames
            return
        count = 0
        for frame in frames:
            if self.kept.get(frame.slot) == frame.pts_seconds:
                yield replace(frame, index=count)
                count += 1
        if done + count != len(self.kept):
            raise UnreadableError("two decodes of this video yield different frames")


def most_distinct(source: DecoderInput, choice: FrameChoice, budget: ProcessLimits) -> FrameChoice:
    """Choose the frames that differ most from each other, as the policy demands.

    Memory holds a hash of each frame, but no images: the kept frames are decoded again.

    Args:
        source: The file and its stream.
        choice: The frames to choose from.
        budget: The limits of FFmpeg.

    Raises:
        ExtractorError: The video cannot be decoded.
    """
    from extractor.media.distinct import farthest_first  # imports numpy

    policy = choice.policy
    tiny = replace(policy, image_format="jpg", max_width=_TINY, max_height=_TINY)
    decoder = FrameDecoder(source, choice.index, tiny, choice.schedule, budget, use_plan=choice.use_plan)
    slots, times, hashes = _compared(decoder)
    found = farthest_first(hashes, policy.distinct, policy.distinct_distance or 0)
    kept = {slots[position]: times[position] for position in found.kept}
    others = zip(slots, times, found.same_as, found.distances, strict=True)
    rest = replace(
        policy,
        scene_detector=None,
        skip_blank=False,
        skip_similar=None,
        max_frames=None if policy.max_frames is None else len(kept),
    )
    schedule = _without_others(choice.schedule, decoder, kept, rest)
    return replace(
        choice,
        index=decoder.index,
        schedule=schedule or choice.schedule,
        policy=rest if schedule else replace(rest, max_frames=policy.max_frames),
        scenes=decoder.scenes or choice.scenes,
        use_plan=decoder.use_plan,
        kept=kept,
        left_out=tuple(LeftOutFrame(*other) for other in others if other[0] not in kept),
    )


def _compared(decoder: FrameDecoder) -> tuple[Sequence[int], Sequence[float], Sequence[str]]:
    """Return the slot, the time and the hash of each frame that the policy does not skip."""
    slots, times, hashes = array("q"), array("d"), list[str]()
    try:
        with closing(cast("Generator[Frame]", iter(decoder))) as decoded:
            for frame in drop_redundant(decoded, decoder.policy):
                assert frame.measures is not None
                slots.append(frame.slot)
                times.append(frame.pts_seconds)
                hashes.append(frame.measures.perceptual_hash)
    except DecodeAgainError as again:
        decoder.restart_without_plan(again.picture)
        return _compared(decoder)
    return slots, times, hashes


def _without_others(
    schedule: DecodeSchedule, decoder: FrameDecoder, kept: Mapping[int, float], policy: SamplingPolicy
) -> DecodeSchedule | None:
    """Return the schedule of the kept frames alone; ``None`` if the index lacks their true times."""
    index = decoder.index
    if schedule.targets is None or index.first_pts is None:
        return None
    targets = schedule.plan.targets if schedule.plan and decoder.is_planned else schedule.targets
    start = Timestamp(index.first_pts, index.time_base)
    chosen = Targets.of(target for target in targets if target.slot in kept)
    times = [offset_seconds(Timestamp(pts, start.time_base), start) for pts in chosen.pts]
    return schedule_some(index, chosen, policy) if times == list(kept.values()) else None
