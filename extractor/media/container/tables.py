"""Read the sample table of a file of any supported container."""

from typing import Final

from extractor.media.container.fragments import fragmented_table
from extractor.media.container.matroska import read_matroska
from extractor.media.container.movie import read_movie
from extractor.media.container.mp4 import sample_table
from extractor.media.container.sample_table import SampleTable, SeekableFile

_EBML: Final = b"\x1a\x45\xdf\xa3"


def read_tables(file: SeekableFile, size: int, max_samples: int) -> SampleTable:
    """Read the sample table of the only video track.

    Args:
        file: The file, which must be complete.
        size: Its size in bytes.
        max_samples: The limit of samples.

    Raises:
        UnsupportedTablesError: The file is not supported.
    """
    file.seek(0)
    if file.read(len(_EBML)) == _EBML:
        return read_matroska(file, size, max_samples)
    movie = read_movie(file, size)
    if movie.fragments:
        return fragmented_table(file, movie, max_samples)
    return sample_table(movie, max_samples)
