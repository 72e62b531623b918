"""Of all workers one is at a video at a time: claims, which only DynamoDB keeps."""

import httpx
import pytest

from extractor.domain.jobs import ExtractionSummary, SourceVideo, VideoRef
from extractor.errors import ClaimedError
from tests.backends.state.items import BEGUN, LEASE_SECONDS, VIDEO, ClientAt, Items
from tests.backends.state.tables import EXTRACTION
from tests.support.servers.http import Answer, Request, forward, serving


@pytest.mark.failure_row(41)
def test_a_video_that_is_begun_is_not_begun_by_another_worker(items: Items) -> None:
    assert items.store("one").begin(VIDEO, LEASE_SECONDS) == BEGUN
    items.clock.seconds += LEASE_SECONDS - 1
    before = items.get()
    with pytest.raises(ClaimedError):
        items.store("two").begin(VIDEO, LEASE_SECONDS)
    assert items.get() == before


def test_another_version_of_the_object_is_another_video(items: Items) -> None:
    items.store("one").begin(VIDEO, LEASE_SECONDS)
    newer = VideoRef("a", SourceVideo("videos", "instagram/a/video.mp4", "other", 1000))
    assert items.store("two").begin(newer, LEASE_SECONDS) == BEGUN


def test_a_claim_ends_by_itself(items: Items) -> None:
    items.store("one").begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += LEASE_SECONDS
    assert items.store("two").begin(VIDEO, LEASE_SECONDS) == BEGUN
    assert items.get()["claim_owner"] == {"S": "two"}


def test_a_claim_that_is_given_up_is_free_at_once(items: Items) -> None:
    items.store("one").begin(VIDEO, LEASE_SECONDS)
    items.store("one").release(VIDEO)
    assert items.get()["status"] == {"S": "processing"}
    assert items.store("two").begin(VIDEO, LEASE_SECONDS) == BEGUN


@pytest.mark.failure_row(42)
def test_who_lost_the_claim_changes_nothing(items: Items) -> None:
    slow, quick = items.store("slow"), items.store("quick")
    slow.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += LEASE_SECONDS
    quick.begin(VIDEO, LEASE_SECONDS)
    before = items.get()
    slow.release(VIDEO)
    slow.record_failure(VIDEO, "UNREADABLE", "any")
    with pytest.raises(ClaimedError):
        slow.mark_extracted(VIDEO, EXTRACTION)
    assert items.get() == before
    quick.mark_extracted(VIDEO, EXTRACTION)
    before = items.get()
    slow.mark_extracted(VIDEO, ExtractionSummary(1, "other/", None, 1.0, 1, 1.0))
    slow.record_failure(VIDEO, "UNREADABLE", "any")
    assert items.get() == before


def test_who_is_late_but_was_not_replaced_may_still_finish(items: Items) -> None:
    store = items.store("one")
    store.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += 2 * LEASE_SECONDS
    store.mark_extracted(VIDEO, EXTRACTION)
    assert items.get()["status"] == {"S": "processed"}


def test_only_one_worker_takes_over_an_old_claim(items: Items, client_at: ClientAt, moto_url: str) -> None:
    """Between the look at the item and the claim, another worker is faster."""
    items.put(status={"S": "processing"}, processing_started_at={"N": "1782800000"})
    calls: list[Request] = []

    def answer(request: Request) -> Answer:
        calls.append(request)
        if len(calls) == 2:
            assert items.store("quick").begin(VIDEO, LEASE_SECONDS) == BEGUN
        with httpx.Client(base_url=moto_url) as upstream:
            return forward(request, upstream)

    with serving(answer) as url, pytest.raises(ClaimedError):
        items.store("slow", client_at(url)).begin(VIDEO, LEASE_SECONDS)
    assert (len(calls), items.get()["claim_owner"]) == (2, {"S": "quick"})


def test_who_lost_the_claim_may_not_finish_even_when_the_next_one_is_over(items: Items) -> None:
    slow, quick = items.store("slow"), items.store("quick")
    slow.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += LEASE_SECONDS
    quick.begin(VIDEO, LEASE_SECONDS)
    items.clock.seconds += 2 * LEASE_SECONDS
    with pytest.raises(ClaimedError):
        slow.mark_extracted(VIDEO, EXTRACTION)
    assert items.get()["status"] == {"S": "processing"}
