"""Decoding: a file and a policy in, frames out, one after the other, while FFmpeg goes on.

Images travel through pipes, never over the disk. For each one FFmpeg prints its presentation time
and its size in bytes, so times are those of the decoder and no image format is parsed for its end.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import imagesize

from extractor.errors import TooLargeError
from extractor.media import command, sampling, verdict
from extractor.media.command import Source
from extractor.media.index import VideoIndex
from extractor.media.process import Budget, Child, running
from extractor.media.timeline import Image, OtherStartError, Timeline, images
from extractor.models import Frame, SamplingPolicy


@dataclass(slots=True)
class FrameDecoder:
    """Iterate over it once; afterwards `decoded_seconds` and `decode_errors` tell what was met.

    Iterating raises the `ExtractorError` that forbids to use the frames, possibly after the last
    of them: only a loop that ends by itself has all frames of the video.
    """

    source: Source
    index: VideoIndex
    policy: SamplingPolicy
    budget: Budget
    decoded_seconds: float = 0.0
    decode_errors: int = 0
    _images: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)
    _last_pts: int | None = field(default=None, init=False)

    def __iter__(self) -> Iterator[Frame]:
        objection = verdict.shortfall(
            self.index.duration_seconds,
            self.index.expected_seconds,
            self.source.limits,
            certain=self.index.truncated,
        )
        if objection:
            raise objection
        self._refuse_too_many()
        yield from self._keyframes() if self.policy.strategy == "keyframe" else self._uniform()

    def _refuse_too_many(self) -> None:
        wanted = self.index.frame_count
        if self.policy.strategy == "uniform" and self.index.shown_pts:
            wanted = sampling.count_targets(self.index.shown_pts, self.index.time_base, self.policy.interval)
        most = self.source.limits.max_frames
        if min(wanted, self.policy.max_frames or wanted) > most:
            raise TooLargeError(f"{wanted} frames are wanted, MAX_FRAMES_CEILING allows {most}")

    def _keyframes(self) -> Iterator[Frame]:
        def build(pipes: Mapping[str, str]) -> list[str]:
            return command.build_keyframes(self.source, self.policy, pipes)

        first_pts = self.index.first_pts
        with running(build, ("images",), self.budget) as child:
            for image in images(child):
                first_pts = image.pts if first_pts is None else first_pts
                self._last_pts = image.pts
                yield self._frame(image, self._images, first_pts)
                if self._images == self.policy.max_frames:
                    self.decoded_seconds = self._seconds_since(first_pts)
                    return
            self.decoded_seconds = self.index.duration_seconds
            self._judge(child)

    def _uniform(self) -> Iterator[Frame]:
        try:
            yield from self._uniform_from(self.index.first_pts, self.index.time_base)
        except OtherStartError as found:
            yield from self._uniform_from(found.first_pts, found.time_base)

    def _uniform_from(self, first_pts: int | None, time_base: Fraction) -> Iterator[Frame]:
        """The instants start at `first_pts`; raises `OtherStartError` before the first frame if the
        decoder, whose word counts, starts elsewhere."""

        def build(pipes: Mapping[str, str]) -> list[str]:
            return command.build_uniform(self.source, self.policy, time_base, first_pts, pipes)

        with running(build, ("images", "frames"), self.budget) as child:
            timeline = Timeline(child, first_pts, self.policy.interval)
            for image in images(child):
                slot = timeline.slot_of(image)
                self._last_pts = timeline.last_pts
                if slot is None:
                    continue
                yield self._frame(image, slot, timeline.first_pts)
                if self._images == self.policy.max_frames:
                    self.decoded_seconds = self._seconds_since(timeline.first_pts)
                    return
            timeline.finish()
            self._last_pts = timeline.last_pts
            self.decoded_seconds = self._seconds_since(timeline.first_pts)
            self._judge(child)

    def _frame(self, image: "Image", slot: int, first_pts: int) -> Frame:
        width, height = imagesize.get(io.BytesIO(image.data))
        frame = Frame(
            index=self._images,
            slot=slot,
            pts_seconds=float((image.pts - first_pts) * image.time_base),
            data=image.data,
            width=width,
            height=height,
        )
        self._images += 1
        self._bytes += len(image.data)
        limits = self.source.limits
        if self._images > limits.max_frames or self._bytes > limits.max_frames_bytes:
            raise TooLargeError("the frames of this video pass MAX_FRAMES_CEILING or MAX_FRAMES_MB")
        return frame

    def _seconds_since(self, first_pts: int | None) -> float:
        """From the first to the end of the last decoded frame, whose own length is known only if it is
        the video's last; otherwise the average is taken."""
        if first_pts is None or self._last_pts is None:
            return 0.0
        if self.index.shown_pts and self._last_pts >= self.index.shown_pts[-1]:
            return self.index.duration_seconds
        seconds = float((self._last_pts - first_pts) * self.index.time_base)
        return seconds + (1 / self.index.frame_rate if self.index.frame_rate else 0.0)

    def _judge(self, child: Child) -> None:
        status = child.wait()
        self.decode_errors = child.stderr.decode_errors
        objection = verdict.objection(
            verdict.DecodeEnd(
                status=status,
                images=self._images,
                decode_errors=self.decode_errors,
                expected_frames=self.index.frame_count,
                decoded_seconds=self.decoded_seconds,
                expected_seconds=self.index.duration_seconds,
                out_of_memory=child.stderr.out_of_memory,
                words=child.stderr.words,
            ),
            self.source.limits,
        )
        if objection:
            raise objection
