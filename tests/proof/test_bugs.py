"""The proof is tested: each planted bug is noticed, and nothing is where there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proof.bugs import Patch, backlog, frames, outcomes, sliced
from tests.proof.crash import FRESH, Clip, faults
from tests.proof.crash_table import crash_test
from tests.proof.effects import Fault
from tests.proof.queue_check import forgotten
from tests.proof.scenarios import (
    AGAIN,
    ANNOUNCED,
    ANNOUNCED_MENDED,
    BROKEN,
    FEWER_FRAMES,
    GONE,
    LOST,
    MENDED,
    OVERWRITTEN,
    SAME,
    SLICED,
    SLICED_POLICIES,
    SLICED_RISKY,
    Setup,
)
from tests.proof.simulation import simulate

Plant = Callable[[Patch], None]

SIMULATED: list[tuple[Plant, Setup, str]] = [
    (frames.flip_before_manifest, SAME, "no manifest"),
    (frames.flip_before_frames, SAME, "no manifest"),
    (frames.upload_error_swallowed, SAME, "is listed and missing"),
    (frames.frames_numbered_as_they_arrive, SAME, "out of order"),
    (frames.earlier_frames_deleted_first, AGAIN, "is listed and missing"),
    (frames.current_frames_deleted_as_stale, AGAIN, "is listed and missing"),
    (frames.manifest_believed_unchecked, LOST, "is listed and missing"),
    (frames.manifest_of_any_policy_believed, AGAIN, "that nobody asked for"),
    (frames.manifest_written_unconditionally, FEWER_FRAMES, "never seen it"),
    (frames.manifest_read_again_before_writing, FEWER_FRAMES, "after making its frames"),
    (frames.leftovers_not_listed, AGAIN, "no end"),
    (outcomes.any_download_error_is_a_missing_video, SAME, "nothing tells|dead letter|has failed"),
    (outcomes.read_error_is_nothing_to_do, SAME, "nothing tells"),
    (outcomes.flip_error_swallowed, SAME, "nothing tells"),
    (outcomes.acknowledged_before_recorded, BROKEN, "nothing tells"),
    (outcomes.dead_letter_lost, BROKEN, "nothing tells"),
    (outcomes.no_row_changed_and_believed, GONE, "nothing tells"),
    (outcomes.failure_recorded_over_success, MENDED, "has failed at once"),
    (outcomes.announced_before_the_flip, ANNOUNCED, "announced as done"),
    (outcomes.acknowledged_before_announced, ANNOUNCED, "never announced"),
    (outcomes.acknowledged_before_announced, ANNOUNCED_MENDED, "never announced"),
    (outcomes.extracted_video_not_announced_again, ANNOUNCED, "never announced"),
    (sliced.last_slice_not_sent, SLICED, "nothing tells"),
    (sliced.record_error_swallowed, SLICED, "nothing tells"),
    (sliced.looked_at_the_others_first, SLICED, "nothing tells"),
    (sliced.joined_before_the_last_slice, SLICED, "not the frames of any version"),
    (sliced.stale_slice_made, SLICED_RISKY, "nothing tells"),
    (sliced.versions_mixed, SLICED_RISKY, "not the frames of any version"),
    (sliced.joined_over_an_unknown_manifest, SLICED_POLICIES, "after making its frames"),
]
CRASHED: list[tuple[Plant, str, Fault, str]] = [
    (outcomes.crash_is_final_at_once, "sqlite", Fault("any FFmpeg #1", "fail after"), "it ended with"),
    (
        outcomes.claim_without_end,
        "dynamodb",
        Fault("frame 1 #1", "kill before"),
        "redeliveries were not enough",
    ),
    (frames.leftovers_not_swept, "sqlite", Fault("frame 1 #1", "kill before"), "left in the work directory"),
    (frames.work_directory_kept, "sqlite", Fault("frame 1 #1", "kill before"), "left in the work directory"),
    (
        frames.flip_before_manifest,
        "sqlite",
        Fault("S3 PUT /oriane-frames/CODE/manifest.json #1", "kill before"),
        "no manifest",
    ),
    (
        outcomes.announced_before_the_flip,
        "sqlite",
        Fault("SQLite UPDATE #1", "kill before"),
        "announced as done",
    ),
    (
        outcomes.acknowledged_before_announced,
        "sqlite",
        Fault("SQS SendMessage #1", "fail before"),
        "never announced",
    ),
    (
        outcomes.extracted_video_not_announced_again,
        "sqlite",
        Fault("SQS SendMessage #1", "kill before"),
        "never announced",
    ),
]
FOR_GOOD: list[tuple[Plant, Setup, str]] = [
    (outcomes.finished_video_not_looked_at_again, OVERWRITTEN, "is not what its manifest states"),
]
IN_THE_BACKLOG: list[Plant] = [
    backlog.pages_by_offset,
    backlog.refused_entries_ignored,
    backlog.short_page_is_the_last,
]

_SEEDS = 150


def _name(value: object) -> str | None:
    return value.__name__ if callable(value) and hasattr(value, "__name__") else None


@pytest.mark.parametrize(("plant", "setup", "symptom"), SIMULATED, ids=_name)
def test_the_simulation_notices(
    plant: Plant, setup: Setup, symptom: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plant(monkeypatch.setattr)
    found = (simulate(setup, seed, tmp_path / "work").violation for seed in range(_SEEDS))
    assert any(part in violation for violation in found for part in symptom.split("|"))


@pytest.mark.parametrize(("plant", "setup", "symptom"), FOR_GOOD, ids=_name)
def test_the_simulation_notices_damage_that_stays(
    plant: Plant, setup: Setup, symptom: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not any(simulate(setup, seed, tmp_path / "work").damage for seed in range(_SEEDS))
    plant(monkeypatch.setattr)
    found = (simulate(setup, seed, tmp_path / "work").damage for seed in range(_SEEDS))
    assert any(symptom in damage for damage in found)


@pytest.mark.parametrize(("plant", "store", "fault", "symptom"), CRASHED, ids=_name)
def test_the_crash_table_notices(
    plant: Plant,
    store: str,
    fault: Fault,
    symptom: str,
    clip: Clip,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with crash_test(store, FRESH, clip, tmp_path) as test:
        assert fault in list(faults(test.points()))
        assert not test.run(fault).violations
        plant(monkeypatch.setattr)
        assert any(symptom in text for text in test.run(fault).violations)


@pytest.mark.failure_row(43)
@pytest.mark.failure_row(44)
@pytest.mark.parametrize("plant", IN_THE_BACKLOG, ids=_name)
def test_the_backlog_check_notices(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch.setattr)
    assert any(forgotten(seed) for seed in range(20))


@pytest.mark.failure_row(43)
@pytest.mark.failure_row(44)
def test_the_enqueuer_forgets_nobody() -> None:
    assert [seed for seed in range(200) if forgotten(seed)] == []
