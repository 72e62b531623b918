"""What happens to a video, by the kinds of its findings alone."""

import pytest

from extractor.reconcile.findings import BROKEN, OUTDATED, UNRECORDED, FindingKind
from extractor.reconcile.repair import RepairAction, repair_action

GONE = FindingKind.SOURCE_GONE


@pytest.mark.parametrize("kind", sorted(BROKEN | OUTDATED))
def test_broken_and_outdated_frames_are_extracted_again(kind: FindingKind) -> None:
    assert repair_action({kind}) is RepairAction.REQUEUE


@pytest.mark.parametrize("kind", sorted(OUTDATED))
def test_outdated_frames_whose_source_is_gone_are_left_alone(kind: FindingKind) -> None:
    """They are complete, and could not be made again."""
    assert repair_action({kind, GONE}) is RepairAction.MANUAL


@pytest.mark.parametrize("kind", sorted(UNRECORDED))
def test_complete_frames_are_recorded_also_if_their_source_is_gone(kind: FindingKind) -> None:
    assert repair_action({kind}) is RepairAction.MARK_EXTRACTED
    assert repair_action({kind, GONE}) is RepairAction.MARK_EXTRACTED


def test_nothing_is_done_about_a_source_that_is_gone_or_without_findings() -> None:
    assert repair_action({GONE}) is RepairAction.MANUAL
    assert repair_action(set()) is RepairAction.RESOLVED
