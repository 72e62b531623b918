"""Slices that are lost, mixed, or joined too early or never."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

import extractor.pipeline.job
from extractor.domain.manifest import Manifest
from extractor.domain.slices import Split
from extractor.errors import TransientError
from extractor.output import manifest_store
from extractor.output.slice_records import SliceRecords
from extractor.pipeline import slices
from extractor.pipeline.slice_queue import SliceQueue
from extractor.pipeline.slices import SliceJob
from tests.proof.bugs import Patch


def last_slice_not_sent(patch: Patch) -> None:
    send = SliceQueue.send

    def send_most(queue: SliceQueue, messages: Sequence[Any]) -> None:
        send(queue, messages[:-1])

    patch(SliceQueue, "send", send_most)


def record_error_swallowed(patch: Patch) -> None:
    write = SliceRecords.write

    def try_to_write(*arguments: Any) -> None:
        with suppress(TransientError):
            write(*arguments)

    patch(SliceRecords, "write", try_to_write)


def joined_before_the_last_slice(patch: Patch) -> None:
    patch(Split, "cover", lambda _, parts: found if len(found := sorted_slices(parts)) > 1 else None)


def looked_at_the_others_first(patch: Patch) -> None:
    """Two workers that end at the same time each believe that the other one joins."""
    cover, make = SliceRecords.cover, slices.make_slice
    earlier: list[Any] = []

    def look_first(job: SliceJob, extract: Any) -> Manifest | None:
        def extracted(frame_store: Any) -> Manifest:
            records = SliceRecords(job.store, job.frame_keys, job.split)
            known = job.store.list(job.frame_keys.prefix + job.split.prefix)
            names = [entry.key.removeprefix(job.frame_keys.prefix) for entry in known]
            earlier[:] = [*records.split.slices(names), job.part.frames]
            made: Manifest = extract(frame_store)
            return made

        return make(job, extracted)

    def from_memory(records: SliceRecords) -> Sequence[range] | None:
        return records.split.cover(earlier) if earlier else cover(records)

    patch(extractor.pipeline.job, "make_slice", look_first)
    patch(SliceRecords, "cover", from_memory)


def stale_slice_made(patch: Patch) -> None:
    look = SliceJob.look

    def never_stale(job: SliceJob, output: Any) -> str:
        found = look(job, output)
        return "open" if found == "stale" else found

    patch(SliceJob, "look", never_stale)


def versions_mixed(patch: Patch) -> None:
    stale_slice_made(patch)
    prefix = Split.prefix.fget  # type: ignore[attr-defined]

    def same_for_all(split: Split) -> Any:
        return prefix(replace(split, source=replace(split.source, etag="any")))

    patch(Split, "prefix", property(same_for_all))


def joined_over_an_unknown_manifest(patch: Patch) -> None:
    write = manifest_store.commit_manifest

    def write_over(store: Any, frame_keys: Any, manifest: Manifest, replaces: str | None) -> None:
        write(store, frame_keys, manifest, manifest_store.read_manifest(store, frame_keys).etag)

    patch(manifest_store, "commit_manifest", write_over)


def sorted_slices(parts: Iterable[range]) -> list[range]:
    return sorted(filter(None, parts), key=lambda frames: frames.start)
