"""Decode the scheduled frames of a video, one after the other, while FFmpeg runs.

Images arrive through pipes, not through files. FFmpeg prints the timestamp and the size in bytes of each
image, so timestamps are those of the decoder, and images are not parsed to find their end.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from extractor.domain.frames import Frame, Scene
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ExtractorError, NoFramesError, TooLargeError
from extractor.media.decode import exit_check
from extractor.media.decode.full import full_frames
from extractor.media.decode.planned import keyframes, planned_frames
from extractor.media.decode.schedule import DecodeSchedule
from extractor.media.decode.session import DecodeSession
from extractor.media.decode.single_pass import SinglePass
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.filters import SignalFormat
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.video_index import VideoIndex
from extractor.media.scenes.finder import SceneFinder


class FrameDecoder:
    """An iterable over the frames of one video, to be iterated once.

    If the iteration ends without an exception, it has yielded all frames. An exception may come even after
    the last frame; then none of the frames may be used. `decoded_seconds`, `decode_errors`, `unordered` and
    `scenes` are valid after the iteration.

    Attributes:
        source: The file and its stream.
        index: The index of the video.
        policy: The sampling policy.
        schedule: The frames to extract.
        budget: The limits of FFmpeg.
        use_plan: Whether the decode plan of the schedule may be used.
        precomputed: The images of a single pass, which need no further decoding.

    Raises:
        DecodeAgainError: On iteration: call `restart_without_plan` and iterate again.
        UnconfirmedIndexError: On iteration: the index was predicted and is wrong.
        ExtractorError: On iteration: the frames cannot be decoded.
    """

    def __init__(
        self,
        source: DecoderInput,
        index: VideoIndex,
        policy: SamplingPolicy,
        schedule: DecodeSchedule,
        budget: ProcessLimits,
        use_plan: bool = True,
        precomputed: SinglePass | None = None,
    ) -> None:
        self.source = source
        self.index = index
        self.policy = policy
        self.schedule = schedule
        self.budget = budget
        self.use_plan = use_plan
        self.precomputed = precomputed
        self._session = DecodeSession(source, index, policy, budget)

    @property
    def confirmed_index(self) -> VideoIndex:
        """The index; if it was predicted, the one that FFmpeg has confirmed, known after the iteration."""
        return self._session.index

    @property
    def decoded_seconds(self) -> float:
        """The duration that was decoded."""
        return self._session.decoded_seconds

    @property
    def decode_errors(self) -> int:
        """The number of packets or frames that the decoder reported as damaged."""
        return self._session.decode_errors

    @property
    def unordered(self) -> int:
        """The number of frames whose timestamp does not follow that of the frame before: never selected."""
        return max(self._session.unordered, self._session.index.frames_with_shared_times)

    @property
    def scenes(self) -> tuple[Scene, ...] | None:
        """The scenes; ``None`` if the policy requests none, or they are not known yet."""
        return self._session.scenes

    @property
    def is_planned(self) -> bool:
        """Whether only the packets of the decode plan are decoded."""
        return self.use_plan and self.schedule.plan is not None and not self.policy.watches_every_frame

    def restart_without_plan(self, picture: SignalFormat | None = None) -> None:
        """Prepare another iteration, which decodes all frames.

        Args:
            picture: The actual signal format of the frames; ``None`` if it is that of the index.
        """
        self.use_plan = False
        self.index = self.confirmed_index
        if picture is not None:
            self.index = replace(self.index, picture=picture)
        self._session = DecodeSession(self.source, self.index, self.policy, self.budget)

    def __iter__(self) -> Iterator[Frame]:
        if error := self._precheck():
            raise error
        if self.precomputed is not None:
            return _precomputed_frames(self._session, self.precomputed)
        if self.is_planned and self.schedule.plan:
            return planned_frames(self._session, self.schedule.plan)
        if self.schedule.selection is None:
            return keyframes(self._session)
        finder = SceneFinder(self.index, self.policy) if self.policy.watches_every_frame else None
        return full_frames(self._session, self.schedule.selection, finder)

    def _precheck(self) -> ExtractorError | None:
        """Return the error that follows from the index alone, if any."""
        index, limits, targets = self.index, self.source.limits, self.schedule.targets
        if error := exit_check.check_truncation(
            index.duration_seconds, index.expected_seconds, limits, certain=index.truncated
        ):
            return error
        if targets is not None and not targets:
            return NoFramesError("the video has none of the requested frames")
        if targets is not None and len(targets) > limits.max_frames:
            return TooLargeError(
                f"{len(targets)} frames are requested, MAX_FRAMES_CEILING allows {limits.max_frames}"
            )
        return None


def _precomputed_frames(session: DecodeSession, precomputed: SinglePass) -> Iterator[Frame]:
    start = precomputed.start
    for slot, image in precomputed.images:
        yield session.frame(image, slot, start)
    session.decoded_seconds = session.seconds_until(precomputed.last, start)
    expected = session.index.duration_seconds if session.index.shown_pts else 0.0
    if error := exit_check.check_truncation(session.decoded_seconds, expected, session.source.limits):
        raise error
