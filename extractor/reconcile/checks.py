"""What is wrong with a video, from what was seen of it. Pure."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from extractor.domain.models import InventoryRow
from extractor.domain.output_options import Output
from extractor.reconcile.findings import Finding, Kind
from extractor.reconcile.observations import Evidence


class Expectation(Struct, frozen=True):
    """`fingerprint` is that of the settings' policy, `output` what else they ask for. What was written after
    `before` (seconds since 1970) may be the work of a run that is not over; nothing is said of it."""

    fingerprint: str
    output: Output
    before: float


def judge(row: InventoryRow, evidence: Sequence[Evidence], expected: Expectation) -> list[Finding]:
    """All that is wrong. If the video has several folders, the best of them counts."""
    if is_too_young(evidence, expected):
        return []
    with_manifest = [item for item in evidence if item.folder.manifest != "absent"]
    judged = sorted((_troubles(row, item, expected) for item in with_manifest), key=_weight)
    if not row.is_extracted:
        return _not_marked(row, with_manifest, expected)
    return judged[0] if judged else [Finding(row.code, Kind.NO_MANIFEST, "no manifest speaks of this video")]


def is_too_young(evidence: Sequence[Evidence], expected: Expectation) -> bool:
    """Whether anything of the video was written so late that nothing is said of it."""
    return any(item.folder.newest > expected.before for item in evidence)


def _weight(findings: Sequence[Finding]) -> tuple[bool, int]:
    return any(finding.kind is Kind.UNREADABLE_MANIFEST for finding in findings), len(findings)


def _not_marked(row: InventoryRow, evidence: Sequence[Evidence], expected: Expectation) -> list[Finding]:
    """A video whose source is gone counts as well: its frames are all that is left of it."""
    for item in evidence:
        troubles = {finding.kind for finding in _troubles(row, item, expected)}
        if troubles <= {Kind.SOURCE_GONE, Kind.WRONG_FRAME_COUNT}:
            detail = f"all {item.folder.frame_count} frames are there, the row does not say so"
            return [Finding(row.code, Kind.NOT_MARKED, detail, item.folder.prefix)]
    return []


def _troubles(row: InventoryRow, item: Evidence, expected: Expectation) -> list[Finding]:
    return [
        Finding(row.code, kind, detail, item.folder.prefix) for kind, detail in _kinds(row, item, expected)
    ]


def _kinds(row: InventoryRow, item: Evidence, expected: Expectation) -> Iterator[tuple[Kind, str]]:
    folder = item.folder
    if folder.manifest == "unreadable":
        yield Kind.UNREADABLE_MANIFEST, "its manifest is none of this version"
        return
    if folder.manifest == "elsewhere":
        yield Kind.OTHER_LAYOUT, "its frames lie where FRAMES_LAYOUT does not put them"
    if folder.missing:
        yield Kind.FRAMES_MISSING, f"{folder.missing} objects of the manifest are not there"
    if folder.wrong_size:
        yield Kind.FRAMES_WRONG_SIZE, f"{folder.wrong_size} objects of the manifest have another size"
    if folder.fingerprint != expected.fingerprint:
        yield Kind.OTHER_POLICY, "its frames were sampled in another way than the settings ask for"
    if folder.output != expected.output.form or (expected.output.storyboard and not folder.extra_count):
        yield Kind.OTHER_OUTPUT, "its frames have another form than the settings ask for"
    if folder.source_bucket is not None:
        if item.etag_now is None:
            yield Kind.SOURCE_GONE, f"there is no {folder.source_key!r} in {folder.source_bucket} any more"
        elif item.etag_now != folder.source_etag:
            yield Kind.SOURCE_CHANGED, f"{folder.source_key!r} was overwritten since"
    if row.frame_count is not None and row.frame_count != folder.frame_count:
        yield (
            Kind.WRONG_FRAME_COUNT,
            f"the row says {row.frame_count} frames, the manifest {folder.frame_count}",
        )
