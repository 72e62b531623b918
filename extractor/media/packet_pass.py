"""One run of FFmpeg over the packets of a file, and all that it tells."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from extractor.media import command
from extractor.media.command import Source, Urls
from extractor.media.decode_order import NOTHING, Questions
from extractor.media.dependencies import Dependencies, av1_dependencies
from extractor.media.header import Header
from extractor.media.ivf import ivf_packets
from extractor.media.listing import Listing, Stamps, parse_listing, parse_stamps
from extractor.media.pipes import Budget
from extractor.media.process import Child, running
from extractor.media.stderr import Stderr

_EXCERPT_BYTES = 1 << 16
_PIECE_BYTES = 1 << 16


class Pass(Struct, frozen=True):
    """What one run of FFmpeg over the packets told."""

    listing: Listing
    said: Stderr
    status: int
    filtered: Mapping[str, Stamps] = field(default_factory=dict)
    dependencies: Dependencies | None = None

    @property
    def header(self) -> Header:
        return Header.parse(self.said.facts)


def ask(source: Source, budget: Budget, asked: Questions) -> Pass:
    """List the packets, and answer the questions as far as the file lets itself be taken apart."""
    found = _run(source, budget, asked)
    if asked.frames and found.status != 0:  # one that cannot be told from the next ends everything
        return _run(source, budget, NOTHING)
    return found


def _run(source: Source, budget: Budget, asked: Questions) -> Pass:
    def build(urls: Urls) -> Sequence[str]:
        return command.build_index(source, urls, asked.filters, with_frames=asked.frames)

    pipes = (*asked.filters, *(["frames"] if asked.frames else []))
    with running(build, pipes, budget) as child:
        dependencies = _read_dependencies(child) if asked.frames else None
        listing = parse_listing(child.pieces("stdout"))
        filtered = {name: parse_stamps(child.pieces(name)) for name in asked.filters}
        status = child.wait()
    return Pass(listing, child.stderr, status, filtered, dependencies)


def _read_dependencies(child: Child) -> Dependencies | None:
    """Read first of all, since nothing of the video itself should have to wait in memory."""

    def read(size: int) -> bytes | None:
        return child.exactly("frames", size)

    dependencies = av1_dependencies(ivf_packets(read))
    while read(_PIECE_BYTES) is not None:
        pass
    return dependencies


def excerpt(source: Source) -> bytes:
    """The beginning and the end of the file, where containers name their codecs."""
    with source.path.open("rb") as file:
        head = file.read(_EXCERPT_BYTES)
        file.seek(max(file.tell(), source.path.stat().st_size - _EXCERPT_BYTES))
        return head + file.read(_EXCERPT_BYTES)
