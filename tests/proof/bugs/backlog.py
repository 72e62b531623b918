"""Videos that the enqueuer forgets."""

from msgspec.structs import replace

from extractor.backends.state.base import BacklogFilter
from extractor.enqueue.enqueuer import _Run
from extractor.enqueue.results import CodePage
from tests.proof.bugs import Patch


def pages_by_offset(patch: Patch) -> None:
    def read(run: _Run, after: str | None, size: int) -> CodePage:
        codes = run._codes.pending(None, 10**6, BacklogFilter())
        return CodePage(codes[run._num_read : run._num_read + size])

    patch(_Run, "_read", read)


def refused_entries_ignored(patch: Patch) -> None:
    take = _Run._take_answer
    patch(_Run, "_take_answer", lambda run, answer: take(run, replace(answer, failures=[])))


def short_page_is_the_last(patch: Patch) -> None:
    take = _Run._take_page

    def take_and_end(run: _Run, page: CodePage) -> None:
        take(run, page)
        run._exhausted = len(page.codes) < run._request.page_size

    patch(_Run, "_take_page", take_and_end)
