"""A state store in memory: what a new store needs, and its entry for the registry."""

from typing import NoReturn

from msgspec.structs import replace

from extractor.backends.state import StateBackend
from extractor.backends.state.base import InventoryRow, StateRow
from extractor.backends.state.values import failure_text
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.errors import NotInStateError, SettingsError
from extractor.settings import Settings

MEMORY = StateBackend("tests.backends.state.memory", ())


def open_state(settings: Settings) -> "MemoryStateStore":
    assert settings.state_backend == "memory"
    return MemoryStateStore()


def open_table(settings: Settings) -> NoReturn:
    raise SettingsError(f"STATE_BACKEND: {settings.state_backend} has no backlog")


class MemoryStateStore:
    """See `extractor.backends.state.base.StateStore`."""

    keyed_by_version = False

    def __init__(self) -> None:
        self._rows: dict[str, InventoryRow] = {}

    def add(self, code: str) -> None:
        self._rows[code] = InventoryRow(code, is_fetched=True, is_extracted=False)

    def row(self, code: str) -> InventoryRow:
        return self._rows[code]

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:
        row = self._rows.get(subject.code)
        return StateRow(row.code, row.is_fetched, row.is_extracted) if row else None

    def release(self, subject: VideoRef) -> None:
        pass

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        if subject.code not in self._rows:
            raise NotInStateError("there is no such row")
        self._rows[subject.code] = replace(
            self._rows[subject.code],
            is_extracted=True,
            extract_error=None,
            frame_count=extraction.frame_count,
        )

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        row = self._rows.get(subject.code)
        if row and not row.is_extracted:
            self._rows[subject.code] = replace(row, extract_error=failure_text(reason, detail))
