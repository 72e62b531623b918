"""Reports for other programs: the same records as CSV and as JSON, written as they come."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from extractor.errors import UsageError

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class WriteRecord(Protocol):
    """Takes one record. All of a report have the same fields."""

    def __call__(self, record: Mapping[str, Any]) -> None: ...


@contextmanager
def reports(csv_path: Path | None, json_path: Path | None) -> Iterator[WriteRecord]:
    """Where records go; a path of ``None`` is a report that nobody wants. Raises `UsageError` if a file
    cannot be written. A report of a run that was cut off is one of what was seen until then."""
    with ExitStack() as held:
        try:
            files = [
                kind(held.enter_context(path.open("w", newline="", encoding="utf-8")))
                for kind, path in ((_Csv, csv_path), (_Json, json_path))
                if path is not None
            ]
        except OSError as error:
            raise UsageError(
                f"--csv, --json: cannot write to {error.filename!r}: {error.strerror}"
            ) from error

        def add(record: Mapping[str, Any]) -> None:
            for file in files:
                file.add(record)

        try:
            yield add
        finally:
            for file in files:
                file.end()


def _harmless(value: object) -> object:
    """Text that a spreadsheet takes for text: it would run what begins with one of these characters.
    https://owasp.org/www-community/attacks/CSV_Injection"""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


class _Csv:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer: csv.DictWriter[str] | None = None

    def add(self, record: Mapping[str, Any]) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, list(record))
            self._writer.writeheader()
        self._writer.writerow({name: _harmless(value) for name, value in record.items()})

    def end(self) -> None:
        """A file without records is empty."""


class _Json:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._separator = "["

    def add(self, record: Mapping[str, Any]) -> None:
        self._file.write(f"{self._separator}\n{json.dumps(record, ensure_ascii=False)}")
        self._separator = ","

    def end(self) -> None:
        self._file.write("[]\n" if self._separator == "[" else "\n]\n")
