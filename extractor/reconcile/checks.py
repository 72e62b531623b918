"""What is wrong with a video, from what was seen of it. Pure."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from extractor.backends.state.base import InventoryRow
from extractor.domain.output_options import OutputOptions
from extractor.reconcile.findings import Finding, FindingKind
from extractor.reconcile.observations import FolderObservation


class ExpectedState(Struct, frozen=True):
    """`fingerprint` is that of the settings' policy, `output` what else they ask for. What was written after
    `before` (seconds since 1970) may be the work of a run that is not over; nothing is said of it."""

    fingerprint: str
    output: OutputOptions
    before: float


def find_problems(
    row: InventoryRow, observation: Sequence[FolderObservation], expected: ExpectedState
) -> list[Finding]:
    """All that is wrong. If the video has several folders, the best of them counts."""
    if is_too_young(observation, expected):
        return []
    with_manifest = [item for item in observation if item.folder.manifest != "absent"]
    judged = sorted((_problems(row, item, expected) for item in with_manifest), key=_severity)
    if not row.is_extracted:
        return _not_marked(row, with_manifest, expected)
    return (
        judged[0]
        if judged
        else [Finding(row.code, FindingKind.NO_MANIFEST, "no manifest speaks of this video")]
    )


def is_too_young(observation: Sequence[FolderObservation], expected: ExpectedState) -> bool:
    """Whether anything of the video was written so late that nothing is said of it."""
    return any(item.folder.newest > expected.before for item in observation)


def _severity(findings: Sequence[Finding]) -> tuple[bool, int]:
    return any(finding.kind is FindingKind.UNREADABLE_MANIFEST for finding in findings), len(findings)


def _not_marked(
    row: InventoryRow, observation: Sequence[FolderObservation], expected: ExpectedState
) -> list[Finding]:
    """A video whose source is gone counts as well: its frames are all that is left of it."""
    for item in observation:
        troubles = {finding.kind for finding in _problems(row, item, expected)}
        if troubles <= {FindingKind.SOURCE_GONE, FindingKind.WRONG_FRAME_COUNT}:
            detail = f"all {item.folder.frame_count} frames are there, the row does not say so"
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
        yield FindingKind.UNREADABLE_MANIFEST, "its manifest is none of this version"
        return
    if folder.manifest == "elsewhere":
        yield FindingKind.OTHER_LAYOUT, "its frames lie where FRAMES_LAYOUT does not put them"
    if folder.missing:
        yield FindingKind.FRAMES_MISSING, f"{folder.missing} objects of the manifest are not there"
    if folder.wrong_size:
        yield FindingKind.FRAMES_WRONG_SIZE, f"{folder.wrong_size} objects of the manifest have another size"
    if folder.fingerprint != expected.fingerprint:
        yield FindingKind.OTHER_POLICY, "its frames were sampled in another way than the settings ask for"
    if folder.output != expected.output.form or (expected.output.storyboard and not folder.extra_count):
        yield FindingKind.OTHER_OUTPUT, "its frames have another form than the settings ask for"
    if folder.source_bucket is not None:
        if item.etag_now is None:
            yield (
                FindingKind.SOURCE_GONE,
                f"there is no {folder.source_key!r} in {folder.source_bucket} any more",
            )
        elif item.etag_now != folder.source_etag:
            yield FindingKind.SOURCE_CHANGED, f"{folder.source_key!r} was overwritten since"
    if row.frame_count is not None and row.frame_count != folder.frame_count:
        yield (
            FindingKind.WRONG_FRAME_COUNT,
            f"the row says {row.frame_count} frames, the manifest {folder.frame_count}",
        )
