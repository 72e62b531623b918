"""Few calls lie between an SQS record and a stored image."""

import inspect
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

from extractor.backends.storage.s3.client import Bucket
from extractor.pipeline.worker import Worker
from tests.handler.conftest import World
from tests.proof.patching import InTurn

ROOT = Path(__file__).parents[2]
MOST_CALLS = 13
BUNDLES = {"WorkerContext", "JobContext", "ExtractionTask", "ExtractorConfig", "FrameStore"}


def _is_ours(path: str) -> bool:
    return path == str(ROOT / "lambda_function.py") or path.startswith(str(ROOT / "extractor"))


def _own_calls() -> list[inspect.FrameInfo]:
    """The calls of this project on the stack, from the outermost one on."""
    return [call for call in reversed(inspect.stack(0)) if _is_ours(call.filename)]


def _bundles(calls: list[inspect.FrameInfo]) -> set[str]:
    """The structs of the pipeline and its outputs that hand on more than three values in one parameter."""
    return {
        type(value).__name__
        for call in calls
        for value in map(call.frame.f_locals.get, inspect.getargvalues(call.frame).args)
        if type(value).__module__.startswith(("extractor.pipeline", "extractor.output", "lambda_function"))
        and len(getattr(value, "__struct_fields__", ())) > 3
        and not isinstance(value, Worker)
    }


def test_the_way_from_a_record_to_a_stored_image_is_short(
    world: World, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks: list[list[str]] = []
    bundles: set[str] = set()
    mapping_errors = Bucket.mapping_errors

    def watched(bucket: Bucket, what: str) -> Any:
        if ".jpg" in what:
            calls = _own_calls()
            stacks.append([call.function for call in calls])
            bundles.update(_bundles(calls))
        return mapping_errors(bucket, what)

    executor: type[Executor] = InTurn  # the upload on the stack of the decode that it belongs to
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", executor)
    monkeypatch.setattr(Bucket, "mapping_errors", watched)
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    assert len(stacks) == len([key for key in world.objects() if key.endswith(".jpg")]) > 0
    calls = [*stacks[0], "put_object"]
    assert calls[0] == "lambda_handler"
    assert len(calls) <= MOST_CALLS, calls
    assert bundles == BUNDLES
