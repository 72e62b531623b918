"""Decoding only the packets that a plan needs; and keyframes whose times only the decoder can tell."""

import sys
from collections.abc import Container, Iterator, Sequence
from operator import and_

from extractor.domain.frames import Frame
from extractor.media.decode.schedule import DecodePlan
from extractor.media.decode.session import DecodeAgainError, DecodeSession, check_fields, limited_damage, wait
from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.expressions import select_expression
from extractor.media.ffmpeg.frame_stream import Timestamp
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.sampling import Targets, spread_evenly


class PlanFailedError(DecodeAgainError):
    """The planned decode did not give what it should."""


def planned_frames(decode: DecodeSession, plan: DecodePlan) -> Iterator[Frame]:
    """The targets of the plan. Raises `DecodeAgainError`, possibly after the last of them."""

    def build(urls: Urls) -> Sequence[str]:
        return command.build_planned(decode.source, decode.index.picture, decode.policy, urls)

    start = decode.start
    texts = {"selection": select_expression(plan.selection), **decode.texts(plan.packets)}
    with run_ffmpeg(build, decode.pipes, decode.budget, texts) as child:
        for number, image in enumerate(decode.images(child)):
            check_fields(child, decode.index.picture)
            if number >= len(plan.targets):
                continue  # a frame that was only decoded for others
            target = plan.targets[number]
            if image.moment != Timestamp(target.pts, start.time_base):
                raise PlanFailedError
            yield decode.frame(image, target.slot, start)
        status = wait(child, decode.index.picture)
    # Damage that a decoder conceals looks otherwise where it has seen other frames before.
    if status != 0 or child.stderr.has_errors(plan.poc_anchors) or decode.count != len(plan.targets):
        raise PlanFailedError
    decode.decoded_seconds = decode.index.duration_seconds


def keyframes(decode: DecodeSession) -> Iterator[Frame]:
    """Every keyframe of a video whose times are not known beforehand. The decoder reckons them from the order
    of all frames."""

    def build(urls: Urls) -> Sequence[str]:
        return command.build_keyframes(decode.source, decode.index.picture, decode.policy, urls)

    start = None if decode.index.first_pts is None else decode.start
    chosen = _chosen_keyframes(decode)
    with (
        run_ffmpeg(build, decode.pipes, decode.budget) as child,
        limited_damage(child, decode.index, decode.source.limits),
    ):
        for number, image in enumerate(decode.images(child)):
            check_fields(child, decode.index.picture)
            start = start or image.moment
            if number not in chosen:
                continue
            yield decode.frame(image, number, start)
            if decode.count == decode.policy.max_frames:
                decode.decoded_seconds = decode.seconds_until(image.moment, start)
                return
        decode.decoded_seconds = decode.index.duration_seconds
        decode.raise_for_status(child)


def _chosen_keyframes(decode: DecodeSession) -> Container[int]:
    """The numbers of the keyframes that are wanted. How many there are is known from the packets."""
    policy, packets = decode.policy, decode.index.packets
    count = sum(map(and_, packets.are_keyframes, packets.are_shown))
    if policy.max_frames is None or policy.max_frames_mode == "first":
        return range(sys.maxsize)
    return frozenset(spread_evenly(Targets(range(count), range(count)), policy.max_frames).slots)
