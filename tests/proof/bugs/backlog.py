"""Videos that the enqueuer forgets."""

from msgspec.structs import replace

from extractor.domain.models import Pick
from extractor.enqueue.enqueuer import _Run
from extractor.enqueue.results import Page
from tests.proof.bugs import Patch


def pages_by_offset(patch: Patch) -> None:
    def read(run: _Run, after: str | None, size: int) -> Page:
        codes = run._codes.pending(None, 10**6, Pick())
        return Page(codes[run._num_read : run._num_read + size])

    patch(_Run, "_read", read)


def refused_entries_ignored(patch: Patch) -> None:
    take = _Run._take_answer
    patch(_Run, "_take_answer", lambda run, answer: take(run, replace(answer, failures=[])))


def short_page_is_the_last(patch: Patch) -> None:
    take = _Run._take_page

    def take_and_end(run: _Run, page: Page) -> None:
        take(run, page)
        run._exhausted = len(page.codes) < run._order.page_size

    patch(_Run, "_take_page", take_and_end)
