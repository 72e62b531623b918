"""Decoding: a file and a policy in, frames out, one after the other, while FFmpeg goes on.

Images travel through pipes, never over the disk. For each one FFmpeg prints its presentation time
and its size in bytes, so times are those of the decoder and no image format is parsed for its end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from extractor.domain.frames import Frame, Scene
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ExtractorError, NoFramesError, TooLargeError
from extractor.media.decode import exit_check
from extractor.media.decode.full import full_frames
from extractor.media.decode.planned import keyframes, planned_frames
from extractor.media.decode.schedule import DecodeSchedule
from extractor.media.decode.session import DecodeSession
from extractor.media.decode.single_pass import SinglePass
from extractor.media.ffmpeg.command import DecoderInput
from extractor.media.ffmpeg.filters import SignalFormat
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import VideoIndex
from extractor.media.scenes.finder import SceneFinder


@dataclass(slots=True)
class FrameDecoder:
    """Iterate over it once; afterwards `decoded_seconds`, `decode_errors` and `scenes` tell what was met.

    Iterating raises the `ExtractorError` that forbids to use the frames, or `DecodeAgainError`, possibly
    after the last of them: only a loop that ends by itself has all frames of the video. What was `made`
    with the index is not decoded again.
    """

    source: DecoderInput
    index: VideoIndex
    policy: SamplingPolicy
    schedule: DecodeSchedule
    budget: ProcessLimits
    use_plan: bool = True
    precomputed: SinglePass | None = None
    _decode: DecodeSession = field(init=False)

    def __post_init__(self) -> None:
        self._decode = DecodeSession(self.source, self.index, self.policy, self.budget)

    @property
    def decoded_seconds(self) -> float:
        return self._decode.decoded_seconds

    @property
    def decode_errors(self) -> int:
        return self._decode.decode_errors

    @property
    def unordered(self) -> int:
        """How many frames have no time after that of the one before, so that nothing asks for them."""
        return max(self._decode.unordered, self._decode.index.frames_with_shared_times)

    @property
    def scenes(self) -> tuple[Scene, ...] | None:
        return self._decode.scenes

    @property
    def is_planned(self) -> bool:
        return self.use_plan and self.schedule.plan is not None and not self.policy.watches_every_frame

    def restart_without_plan(self, picture: SignalFormat | None = None) -> None:
        """Make ready to be iterated over once more, decoding everything, now that the frames are known to
        be as `picture` says."""
        self.use_plan = False
        if picture is not None:
            self.index = replace(self.index, picture=picture)
        self._decode = DecodeSession(self.source, self.index, self.policy, self.budget)

    def __iter__(self) -> Iterator[Frame]:
        if objection := self._precheck():
            raise objection
        if self.precomputed is not None:
            return _made_frames(self._decode, self.precomputed)
        if self.is_planned and self.schedule.plan:
            return planned_frames(self._decode, self.schedule.plan)
        if self.schedule.selection is None:
            return keyframes(self._decode)
        watch = SceneFinder(self.index, self.policy) if self.policy.watches_every_frame else None
        return full_frames(self._decode, self.schedule.selection, watch)

    def _precheck(self) -> ExtractorError | None:
        """What the index alone forbids."""
        index, limits, targets = self.index, self.source.limits, self.schedule.targets
        if objection := exit_check.check_truncation(
            index.duration_seconds, index.expected_seconds, limits, certain=index.truncated
        ):
            return objection
        if targets is not None and not targets:
            return NoFramesError(
                "no frame of the video is asked for: it has none at or after the times wanted"
            )
        if targets is not None and len(targets) > limits.max_frames:
            return TooLargeError(
                f"{len(targets)} frames are wanted, MAX_FRAMES_CEILING allows {limits.max_frames}"
            )
        return None


def _made_frames(decode: DecodeSession, precomputed: SinglePass) -> Iterator[Frame]:
    for slot, image in precomputed.images:
        yield decode.frame(image, slot, decode.start)
    decode.decoded_seconds = decode.seconds_until(precomputed.last, decode.start)
    if objection := exit_check.check_truncation(
        decode.decoded_seconds, decode.index.duration_seconds, decode.source.limits
    ):
        raise objection
