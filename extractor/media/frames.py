"""Decoding: a file and a policy in, frames out, one after the other, while FFmpeg goes on.

Images travel through pipes, never over the disk. For each one FFmpeg prints its presentation time
and its size in bytes, so times are those of the decoder and no image format is parsed for its end.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import imagesize

from extractor.errors import NoFramesError, TooLargeError, UnreadableError
from extractor.media import command, filters, verdict
from extractor.media.command import Selection, Source, Urls, packet_filter
from extractor.media.index import VideoIndex
from extractor.media.process import Budget, Child, running
from extractor.media.sampling import InstantClock
from extractor.media.scene_watch import SceneWatch
from extractor.media.schedule import Plan, Schedule
from extractor.media.timeline import Image, Moment, OtherStartError, images, moments
from extractor.models import Frame, Measures, SamplingPolicy, Scene


class PlanFailedError(Exception):
    """The planned decode did not give what it should. Frames that it gave must not be used."""


@dataclass(slots=True)
class FrameDecoder:
    """Iterate over it once; afterwards `decoded_seconds` and `decode_errors` tell what was met.

    Iterating raises the `ExtractorError` that forbids to use the frames, or `PlanFailedError`, possibly
    after the last of them: only a loop that ends by itself has all frames of the video.
    """

    source: Source
    index: VideoIndex
    policy: SamplingPolicy
    schedule: Schedule
    budget: Budget
    use_plan: bool = True
    scenes: tuple[Scene, ...] | None = None
    decoded_seconds: float = 0.0
    decode_errors: int = 0
    _count: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    @property
    def is_planned(self) -> bool:
        return self.use_plan and self.schedule.plan is not None and not self._watches_scenes

    @property
    def _watches_scenes(self) -> bool:
        """Whether every frame is looked at for cuts. The strategy ``scene`` has done that before."""
        return self.policy.detector is not None and self.policy.strategy != "scene"

    @property
    def _pipes(self) -> tuple[str, ...]:
        return ("images", "measures") if self.policy.needs_measures else ("images",)

    def _images(self, child: Child) -> Iterator[Image]:
        return images(child, filters.GREY_SIDE**2 if self.policy.needs_measures else 0)

    def restart_without_plan(self) -> None:
        """Make ready to be iterated over once more, decoding everything."""
        self.use_plan = False
        self._count = self._bytes = 0

    def __iter__(self) -> Iterator[Frame]:
        index, limits = self.index, self.source.limits
        objection = verdict.shortfall(
            index.duration_seconds, index.expected_seconds, limits, certain=index.truncated
        )
        if objection:
            raise objection
        targets = self.schedule.targets
        if targets is not None and not targets:
            raise NoFramesError(
                "no frame of the video is asked for: it has none at or after the times wanted"
            )
        if targets is not None and len(targets) > limits.max_frames:
            raise TooLargeError(
                f"{len(targets)} frames are wanted, MAX_FRAMES_CEILING allows {limits.max_frames}"
            )
        if self.is_planned and self.schedule.plan:
            yield from self._planned(self.schedule.plan)
        elif self.schedule.selection is not None:
            yield from self._full(self.schedule.selection)
        else:
            yield from self._keyframes()

    def _planned(self, plan: Plan) -> Iterator[Frame]:
        def build(urls: Urls) -> Sequence[str]:
            return command.build_planned(self.source, self.index.picture, self.policy, plan.selection, urls)

        start = Moment(self.index.first_pts or 0, self.index.time_base)
        with running(build, self._pipes, self.budget, {"packets": packet_filter(plan.drop)}) as child:
            for number, image in enumerate(self._images(child)):
                if number >= len(plan.targets):
                    continue  # a frame that was only decoded for others
                target = plan.targets[number]
                if image.moment != Moment(target.pts, start.time_base):
                    raise PlanFailedError
                yield self._frame(image, target.slot, start)
            status = child.wait()
        if status != 0 or child.stderr.decode_errors or self._count != len(plan.targets):
            raise PlanFailedError
        self.decoded_seconds = self.index.duration_seconds

    def _keyframes(self) -> Iterator[Frame]:
        def build(urls: Urls) -> Sequence[str]:
            return command.build_all(self.source, self.index.picture, self.policy, urls)

        start = None if self.index.first_pts is None else Moment(self.index.first_pts, self.index.time_base)
        with running(build, self._pipes, self.budget, {"packets": packet_filter("not(key)")}) as child:
            for image in self._images(child):
                start = start or image.moment
                yield self._frame(image, self._count, start)
                if self._count == self.policy.max_frames:
                    self.decoded_seconds = self._seconds(start, image.moment)
                    return
            self.decoded_seconds = self.index.duration_seconds
            self._judge(child)

    def _full(self, selection: Selection) -> Iterator[Frame]:
        try:
            yield from self._full_from(selection)
        except OtherStartError as found:
            start = found.start
            yield from self._full_from(Selection(selection.instants, start.time_base, start.pts))

    def _full_from(self, selection: Selection) -> Iterator[Frame]:
        """Raises `OtherStartError`, before the first frame, if the decoder starts elsewhere."""

        def build(urls: Urls) -> Sequence[str]:
            return command.build_full(self.source, self.index.picture, self.policy, selection, urls, small)

        watch = SceneWatch(self.index, self.policy) if self._watches_scenes else None
        small = watch.stream.filters if watch else None
        pipes = (*self._pipes, "frames", *(("scenes",) if watch else ()))
        start = last = None
        with running(build, pipes, self.budget) as child:
            pictures = self._images(child)
            for moment in moments(child):
                if start is None:
                    start, clock = moment, _started_clock(moment, selection)
                last = moment
                if watch:
                    watch.see(child, self._offset(moment, start))
                slot = clock.answered_slot(moment.pts)
                if slot is None:
                    continue
                image = _image_at(moment, pictures)
                if image is None:  # its exit status should tell why
                    self._judge(child)
                    raise UnreadableError("FFmpeg ended before it had made all images")
                if self._count != self.policy.max_frames:
                    yield self._frame(image, slot, start)
                if self._count == self.policy.max_frames and watch is None:
                    break  # the rest of the video is only of interest for its scenes
            self.decoded_seconds = self._seconds(start, last)
            if watch or self._count != self.policy.max_frames:
                self._judge(child)
            self.scenes = watch.scenes(self.decoded_seconds) if watch else None

    @staticmethod
    def _offset(moment: Moment, start: Moment) -> float:
        return float((moment.pts - start.pts) * start.time_base)

    def _frame(self, image: Image, slot: int, start: Moment) -> Frame:
        width, height = imagesize.get(io.BytesIO(image.data))
        frame = Frame(
            index=self._count,
            slot=slot,
            pts_seconds=self._offset(image.moment, start),
            data=image.data,
            width=width,
            height=height,
            measures=_measures(image),
        )
        self._count += 1
        self._bytes += len(image.data)
        limits = self.source.limits
        if self._count > limits.max_frames or self._bytes > limits.max_frames_bytes:
            raise TooLargeError("the frames of this video pass MAX_FRAMES_CEILING or MAX_FRAMES_MB")
        return frame

    def _seconds(self, start: Moment | None, last: Moment | None) -> float:
        """From the first to the end of the last decoded frame, whose own length is known only if it is
        the video's last; otherwise the average is taken."""
        if start is None or last is None:
            return 0.0
        if self.index.shown_pts and last.pts >= self.index.shown_pts[-1]:
            return self.index.duration_seconds
        seconds = self._offset(last, start)
        return seconds + (1 / self.index.frame_rate if self.index.frame_rate else 0.0)

    def _judge(self, child: Child) -> None:
        status = child.wait()
        self.decode_errors = child.stderr.decode_errors
        objection = verdict.objection(
            verdict.DecodeEnd(
                status=status,
                images=self._count,
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


def _measures(image: Image) -> Measures | None:
    if image.grey is None:
        return None
    from extractor.media.measures import measure  # numpy, for those who measure

    return measure(image.grey)


def _started_clock(start: Moment, selection: Selection) -> InstantClock:
    expected = selection.first_pts
    if expected is not None and start != Moment(expected, selection.time_base):
        raise OtherStartError(start)
    return InstantClock(start.pts, start.time_base, selection.instants)


def _image_at(moment: Moment, pictures: Iterator[Image]) -> Image | None:
    """The image of that frame, unless FFmpeg ended before. It may send others first: when the size of
    the picture changes midway it forgets the frame before, and takes the next one for the first."""
    return next((image for image in pictures if image.moment == moment), None)
