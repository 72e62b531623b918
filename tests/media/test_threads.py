"""The number of decoder threads follows the available CPUs."""

import pytest

from extractor.media.ffmpeg.threads import decoder_threads, quota
from extractor.settings import load_settings


@pytest.mark.parametrize(("share", "most"), [(0.07, 1), (1.16, 1), (3.99, 1), (5.8, 2), (64.0, 4)])
def test_a_share_of_a_processor_is_no_processor(share: float, most: int) -> None:
    assert 1 <= decoder_threads(share) <= most


def test_lambda_gives_processors_by_memory() -> None:
    settings = load_settings(
        {"STATE_BACKEND": "sqlite", "SQLITE_PATH": "x", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048"}
    )
    assert settings.cpu_share == pytest.approx(1.16, abs=0.01)
    assert decoder_threads(settings.cpu_share) == 1


@pytest.mark.parametrize(("text", "cpus"), [("max 100000\n", float("inf")), ("150000 100000\n", 1.5)])
def test_the_quota_of_a_container_is_read(text: str, cpus: float) -> None:
    assert quota(text) == cpus
