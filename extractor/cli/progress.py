"""Progress bars on standard error, for runs that take longer than a second."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from extractor.domain.frames import ProgressCallback


@contextmanager
def progress_bar(description: str, bar_format: str) -> Iterator[ProgressCallback | None]:
    """Show a progress bar, on a terminal only.

    Args:
        description: What the bar is about, without control characters.
        bar_format: Format of the bar, as tqdm defines it.

    Yields:
        A function that takes how much is done and how much there is; ``None`` without a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread, since worker processes are forked
    with tqdm(
        desc=description, total=1.0, delay=1, leave=False, file=sys.stderr, bar_format=bar_format
    ) as bar:

        def advance(done: float, total: float) -> None:
            bar.total = max(total, done)
            bar.update(done - bar.n)

        yield advance


@contextmanager
def above_progress_bars() -> Iterator[None]:
    """Hide the progress bars while the block prints lines."""
    tqdm = getattr(sys.modules.get("tqdm"), "tqdm", None)
    if tqdm is None:
        yield
        return
    with tqdm.external_write_mode():
        yield
