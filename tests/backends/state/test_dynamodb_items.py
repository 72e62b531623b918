"""Items look as the older system writes them, and its own claims are honoured."""

from collections.abc import Mapping

import pytest

from extractor.backends.state.base import StateRow
from extractor.domain.jobs import ExtractionSummary
from extractor.errors import ClaimedError
from tests.backends.state.items import BEGUN, LEASE_SECONDS, VIDEO, Items
from tests.backends.state.tables import EXTRACTION


def test_a_video_that_is_processed_is_not_written_to(items: Items) -> None:
    items.put(status={"S": "processed"}, updated_at={"N": "1"})
    before = items.get()
    assert items.store("one").begin(VIDEO, LEASE_SECONDS) == StateRow("a", True, True)
    assert items.get() == before


def test_an_item_is_written_as_the_older_system_does_and_keeps_what_else_it_has(items: Items) -> None:
    items.put(status={"S": "failed"}, error={"S": "any"}, uploader={"S": "somebody"})
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += 1.5
    store.mark_extracted(VIDEO, EXTRACTION)
    assert items.get() == {
        **items.key,
        "status": {"S": "processed"},
        "original_key": {"S": "instagram/a/video.mp4"},
        "frames_count": {"N": "17"},
        "scenes_count": {"N": "3"},
        "frames_prefix": {"S": "frames/a/"},
        "duration_seconds": {"N": "12.5"},
        "total_frames": {"N": "375"},
        "video_fps": {"N": "29.97"},
        "processing_started_at": {"N": "1782907200"},
        "processing_finished_at": {"N": "1782907201"},
        "updated_at": {"N": "1782907201"},
        "uploader": {"S": "somebody"},
    }


def test_scenes_that_were_not_looked_for_are_not_counted(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    store.mark_extracted(VIDEO, ExtractionSummary(1, "frames/a/", None, 1.0, 1, 1.0))
    assert "scenes_count" not in items.get()


def test_a_failure_is_final_for_the_claim(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    store.record_failure(VIDEO, "UNREADABLE", "moov atom not found")
    item = items.get()
    assert item["status"] == {"S": "failed"}
    assert item["error"] == {"S": "UNREADABLE: moov atom not found"}
    assert not [name for name in item if name.startswith("claim_")]
    assert items.store("two").begin(VIDEO, LEASE_SECONDS) == BEGUN


@pytest.mark.parametrize(
    "started",
    [
        {"S": "2026-07-01T11:44:00+00:00"},
        {"S": "2026-07-01T11:44:00.123456"},
        {"S": "2026-07-01T11:44:00Z"},
        {"S": "2026-07-01T13:44:00+02:00"},
        {"S": "some time ago"},
        {"N": "1782906300"},
        {"N": "0"},
        {"N": "1782907200000"},
        None,
    ],
)
def test_an_old_claim_of_the_older_system_is_taken_over(
    items: Items, started: Mapping[str, str] | None
) -> None:
    begun = {"processing_started_at": started} if started else {}
    items.put(status={"S": "processing"}, uploader={"S": "somebody"}, **begun)
    assert items.store("one").begin(VIDEO, LEASE_SECONDS) == BEGUN
    assert items.get()["uploader"] == {"S": "somebody"}
    assert items.get()["claim_owner"] == {"S": "one"}


@pytest.mark.parametrize(
    "started",
    [
        {"S": "2026-07-01T11:46:00+00:00"},
        {"S": "2026-07-01T11:46:00"},
        {"S": "2026-07-01T11:46:00Z"},
        {"N": "1782906301"},
        {"N": "1782907200"},
        {"N": "1782907260"},
    ],
)
def test_a_recent_claim_of_the_older_system_holds(items: Items, started: Mapping[str, str]) -> None:
    items.put(status={"S": "processing"}, processing_started_at=started)
    before = items.get()
    with pytest.raises(ClaimedError):
        items.store("one").begin(VIDEO, LEASE_SECONDS)
    assert items.get() == before


def _begin_by_the_older_system(items: Items, started: int) -> None:
    """It keeps what else the item has, such as a claim of ours that is over."""
    items.client.update_item(
        TableName=items.table,
        Key=items.key,
        UpdateExpression="SET #status = :status, processing_started_at = :started",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": "processing"}, ":started": {"N": str(started)}},
    )


def test_an_item_that_the_older_system_took_over_is_in_flight(items: Items) -> None:
    items.store("one").begin(VIDEO, LEASE_SECONDS)
    items.store("one").release(VIDEO)
    items.clock.seconds += 5
    _begin_by_the_older_system(items, int(items.clock.seconds))
    with pytest.raises(ClaimedError):
        items.store("two").begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += LEASE_SECONDS
    assert items.store("two").begin(VIDEO, LEASE_SECONDS) == BEGUN


def test_durations_and_rates_have_two_decimals(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    store.mark_extracted(VIDEO, ExtractionSummary(1, "frames/a/", 0, 10.010_010, 300, 30_000 / 1001))
    item = items.get()
    assert (item["duration_seconds"], item["video_fps"]) == ({"N": "10.01"}, {"N": "29.97"})


def test_a_failure_has_numbers_too(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    store.record_failure(VIDEO, "UNREADABLE", "any")
    item = items.get()
    for name in ("processing_started_at", "processing_finished_at", "updated_at"):
        assert item[name] == {"N": "1782907200"}
