"""Clients of AWS are built with a loader of our own: it must find what botocore's finds."""

from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from extractor.backends.aws import ModelLoader, build_client


@pytest.mark.parametrize("service", ["dynamodb", "s3", "secretsmanager", "sqs", "sso", "sts"])
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1"])
def test_a_service_is_described_as_botocore_describes_it(service: str, kind: str) -> None:
    assert ModelLoader().load_service_model(service, kind) == Loader().load_service_model(service, kind)


def test_every_service_of_botocore_is_known() -> None:
    assert set(Loader().list_available_services("service-2")) <= set(
        ModelLoader().list_available_services("service-2")
    )


def test_what_is_no_service_is_no_client() -> None:
    with pytest.raises(UnknownServiceError):
        build_client("s4", Config(region_name="us-east-1"))


def test_descriptions_that_are_not_packed_are_read_too(tmp_path: Path) -> None:
    folder = tmp_path / "mine/2026-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"metadata": {}}')
    loader = ModelLoader(extra_search_paths=[str(tmp_path)])
    assert loader.load_service_model("mine", "service-2") == {"metadata": {}}


@pytest.mark.operations_row(15)
def test_a_home_that_may_not_be_entered_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    # A name that is too long cannot be looked up, either, and that holds for root as well.
    monkeypatch.setenv("HOME", "/" + "h" * 300)
    loader = ModelLoader(extra_search_paths=["/" + "h" * 300])
    assert "s3" in loader.list_available_services("service-2")
    assert loader.load_service_model("s3", "service-2") == Loader().load_service_model("s3", "service-2")
    build_client("s3", Config(region_name="us-east-1")).close()
