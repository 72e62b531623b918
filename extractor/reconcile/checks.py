"""Find problems of a video in a snapshot. Pure: no I/O."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from extractor.backends.state.base import InventoryRow
from extractor.domain.output_options import OutputOptions
from extractor.reconcile.findings import Finding, FindingKind
from extractor.reconcile.observations import FolderObservation


class ExpectedState(Struct, frozen=True):
    """What a consistent video looks like under the current settings.

    Attributes:
        fingerprint: The fingerprint of the sampling policy.
        output: The output form and the side files.
        before: Videos with objects written after this time (seconds since 1970) are skipped, because a run
            may still be in progress.
    """

    fingerprint: str
    output: OutputOptions
    before: float


def find_problems(
    row: InventoryRow, observation: Sequence[FolderObservation], expected: ExpectedState
) -> list[Finding]:
    """Return all problems of a video. If it has several folders, the best one counts.

    Args:
        row: The row.
        observation: The folders of its frames.
        expected: The expected state.
    """
    if is_too_young(observation, expected):
        return []
    with_manifest = [item for item in observation if item.folder.manifest != "absent"]
    judged = sorted((_problems(row, item, expected) for item in with_manifest), key=_severity)
    if not row.is_extracted:
        return _not_marked(row, with_manifest, expected)
    return judged[0] if judged else [Finding(row.code, FindingKind.NO_MANIFEST, "this video has no manifest")]


def is_too_young(observation: Sequence[FolderObservation], expected: ExpectedState) -> bool:
    """Return whether any object of the video is too new to be checked."""
    return any(item.folder.newest > expected.before for item in observation)


def _severity(findings: Sequence[Finding]) -> tuple[bool, int]:
    """Return the sort key of a folder's findings, best first."""
    return any(finding.kind is FindingKind.UNREADABLE_MANIFEST for finding in findings), len(findings)


def _not_marked(
    row: InventoryRow, observation: Sequence[FolderObservation], expected: ExpectedState
) -> list[Finding]:
    """Return a finding if a folder is complete; its source may be gone, its frames are kept all the same."""
    for item in observation:
        kinds = {finding.kind for finding in _problems(row, item, expected)}
        if kinds <= {FindingKind.SOURCE_GONE, FindingKind.WRONG_FRAME_COUNT}:
            detail = f"all {item.folder.frame_count} frames exist; the row is not marked extracted"
            return [Finding(row.code, FindingKind.NOT_MARKED, detail, item.folder.prefix)]
    return []


def _problems(row: InventoryRow, item: FolderObservation, expected: ExpectedState) -> list[Finding]:
    return [
        Finding(row.code, kind, detail, item.folder.prefix) for kind, detail in _kinds(row, item, expected)
    ]


def _kinds(
    row: InventoryRow, item: FolderObservation, expected: ExpectedState
) -> Iterator[tuple[FindingKind, str]]:
    folder = item.folder
    if folder.manifest == "unreadable":
        yield FindingKind.UNREADABLE_MANIFEST, "its manifest cannot be read by this version"
        return
    if folder.manifest == "elsewhere":
        yield FindingKind.OTHER_LAYOUT, "its frames have other keys than FRAMES_LAYOUT defines"
    if folder.missing:
        yield FindingKind.FRAMES_MISSING, f"{folder.missing} objects of the manifest do not exist"
    if folder.wrong_size:
        yield FindingKind.FRAMES_WRONG_SIZE, f"{folder.wrong_size} objects of the manifest have another size"
    if folder.fingerprint != expected.fingerprint:
        yield (
            FindingKind.OTHER_POLICY,
            "its frames were sampled under another policy than that of the settings",
        )
    wanted = expected.output
    if (
        folder.output != wanted.form
        or (wanted.storyboard and not folder.has_storyboard)
        or wanted.audio not in (None, folder.audio)
    ):
        yield FindingKind.OTHER_OUTPUT, "its output differs from that of the settings"
    if folder.source_bucket is not None:
        if item.etag_now is None:
            yield (
                FindingKind.SOURCE_GONE,
                f"{folder.source_key!r} no longer exists in {folder.source_bucket}",
            )
        elif item.etag_now != folder.source_etag:
            yield FindingKind.SOURCE_CHANGED, f"{folder.source_key!r} was overwritten later"
    if row.frame_count is not None and row.frame_count != folder.frame_count:
        yield (
            FindingKind.WRONG_FRAME_COUNT,
            f"the row says {row.frame_count} frames, the manifest {folder.frame_count}",
        )
