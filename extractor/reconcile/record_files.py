"""Write records as CSV and JSON files for other programs."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from extractor.errors import UsageError

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class WriteRecord(Protocol):
    """Writes one record. All records of a file have the same fields."""

    def __call__(self, record: Mapping[str, Any]) -> None: ...


@contextmanager
def reports(csv_path: Path | None, json_path: Path | None) -> Iterator[WriteRecord]:
    """Open the files and return a function that writes a record to each of them.

    After an interruption the files contain the records written so far.

    Args:
        csv_path: The CSV file, if any.
        json_path: The JSON file, if any.

    Raises:
        UsageError: A file cannot be written.
    """
    with ExitStack() as stack:
        try:
            files = [
                kind(stack.enter_context(path.open("w", newline="", encoding="utf-8")))
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


def _escape_formula(value: object) -> object:
    """Escape text that a spreadsheet would run as a formula.

    See https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


class _Csv:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer: csv.DictWriter[str] | None = None

    def add(self, record: Mapping[str, Any]) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, list(record))
            self._writer.writeheader()
        self._writer.writerow({name: _escape_formula(value) for name, value in record.items()})

    def end(self) -> None:
        """Write nothing more: a CSV file without records is empty."""


class _Json:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._separator = "["

    def add(self, record: Mapping[str, Any]) -> None:
        self._file.write(f"{self._separator}\n{json.dumps(record, ensure_ascii=False)}")
        self._separator = ","

    def end(self) -> None:
        self._file.write("[]\n" if self._separator == "[" else "\n]\n")
