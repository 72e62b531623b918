"""Outcomes that are lost, made up, or believed without proof."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import extractor.errors
import extractor.pipeline.announcement
import extractor.pipeline.job
import extractor.pipeline.prefetch
import extractor.pipeline.source
import extractor.pipeline.worker
from extractor.backends.state.base import StateStore
from extractor.backends.state.dynamodb import items
from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.events import done_event
from extractor.domain.jobs import VideoRef
from extractor.errors import ExtractorError, StateUnavailableError, TransientError, VideoMissingError
from tests.proof.bugs import Patch


def any_download_error_is_a_missing_video(patch: Patch) -> None:
    open_source = extractor.pipeline.source.open_video

    @contextmanager
    def open_or_missing(*arguments: Any) -> Iterator[Any]:
        try:
            with open_source(*arguments) as source:
                yield source
        except TransientError as error:
            raise VideoMissingError("it cannot be downloaded") from error

    patch(extractor.pipeline.prefetch, "open_video", open_or_missing)


def read_error_is_nothing_to_do(patch: Patch) -> None:
    is_done = extractor.pipeline.job._begin

    def done_or_unknown(*arguments: Any) -> bool:
        try:
            return is_done(*arguments)
        except StateUnavailableError:
            return True

    patch(extractor.pipeline.job, "_begin", done_or_unknown)


def finished_video_not_looked_at_again(patch: Patch) -> None:
    patch(extractor.pipeline.job, "_is_intact", lambda store, frame_keys: True)


def flip_error_swallowed(patch: Patch) -> None:
    mark = extractor.pipeline.job._mark_extracted

    def mark_or_not(*arguments: Any) -> None:
        with suppress(StateUnavailableError):
            mark(*arguments)

    patch(extractor.pipeline.job, "_mark_extracted", mark_or_not)


def acknowledged_before_recorded(patch: Patch) -> None:
    @contextmanager
    def recording(subject: VideoRef, state: StateStore, job_context: Any) -> Iterator[None]:
        try:
            yield
        except ExtractorError as error:
            if job_context.is_final(error):
                with suppress(TransientError):
                    state.record_failure(subject, error.reason, str(error))
            raise

    patch(extractor.pipeline.job, "_recording_failure", recording)


def dead_letter_lost(patch: Patch) -> None:
    bury = extractor.pipeline.worker.Worker._send_to_dead_letter_queue

    def bury_or_not(*arguments: Any) -> None:
        with suppress(TransientError):
            bury(*arguments)

    patch(extractor.pipeline.worker.Worker, "_send_to_dead_letter_queue", bury_or_not)


def crash_is_final_at_once(patch: Patch) -> None:
    is_final = extractor.errors.is_final
    patch(
        extractor.pipeline.worker, "is_final", lambda error, receive_count: is_final(error, receive_count + 1)
    )


def no_row_changed_and_believed(patch: Patch) -> None:
    update = SqliteStateStore._update

    def believe(store: SqliteStateStore, codes: Sequence[str], *rest: Any) -> int:
        update(store, codes, *rest)
        return len(codes)

    patch(SqliteStateStore, "_update", believe)


def failure_recorded_over_success(patch: Patch) -> None:
    update = SqliteStateStore._update

    def unconditionally(
        store: SqliteStateStore, codes: Sequence[str], values: Mapping[str, object], _: str = ""
    ) -> int:
        return update(store, codes, values)

    patch(SqliteStateStore, "_update", unconditionally)


def claim_without_end(patch: Patch) -> None:
    over = " OR (#claim_expires_at <= :now AND #claim_started_at = #processing_started_at)"
    assert over in items.CLAIMABLE
    patch(items, "CLAIMABLE", items.CLAIMABLE.replace(over, ""))


def announced_before_the_flip(patch: Patch) -> None:
    commit = extractor.pipeline.job._extract_frames

    def commit_and_announce(
        source: Any, earlier: Any, frame_store: Any, context: Any, job_context: Any
    ) -> Any:
        manifest = commit(source, earlier, frame_store, context, job_context)
        event = done_event(
            manifest.code, manifest, context.frames_bucket, frame_store.frame_keys.manifest_key
        )
        context.notifier.send(event)
        return manifest

    patch(extractor.pipeline.job, "_extract_frames", commit_and_announce)


def acknowledged_before_announced(patch: Patch) -> None:
    announce = extractor.pipeline.announcement._announce

    def announce_or_not(*arguments: Any) -> None:
        with suppress(TransientError):
            announce(*arguments)

    patch(extractor.pipeline.announcement, "_announce", announce_or_not)


def extracted_video_not_announced_again(patch: Patch) -> None:
    announce = extractor.pipeline.announcement._announce

    def announce_once(event: Any, notifier: Any, job_context: Any) -> None:
        if job_context.is_first_delivery:
            announce(event, notifier, job_context)

    patch(extractor.pipeline.announcement, "_announce", announce_once)
