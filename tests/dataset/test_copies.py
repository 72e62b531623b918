"""Between buckets, a tar that is long enough is copied by S3: the shard is the same as if it were read."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.client
import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from extractor.dataset.__main__ import main
from extractor.domain.manifest import parse_manifest
from tests.dataset.conftest import store_video

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LARGE = random.Random(1).randbytes(5 << 20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Long videos, among them a short one of single frames, and at the end one that was moved."""
    root = tmp_path / "source"
    for code, form, data in (
        ("a", "tar", [_LARGE, b"1"]),
        ("b", "tar", [b"2", _LARGE]),
        ("c", "frames", [b"3"]),
        ("d", "tar", [_LARGE]),
        ("e", "tar", [_LARGE]),
        ("x", "tar", [_LARGE]),
    ):
        store_video(root, code, form, data)
    (root / "x").rename(root / "f")
    return root


@pytest.fixture
def bucket(folder: Path, s3_client: "S3Client", new_bucket: Callable[[], str]) -> str:
    """The same as the worker leaves it in S3, where a manifest has the ETag of its tar."""
    name = new_bucket()
    for path in folder.rglob("*.*"):
        data, key = path.read_bytes(), f"some/{path.relative_to(folder)}"
        if path.name == "frames.tar":
            continue
        if path.name == "manifest.json" and (manifest := parse_manifest(data)) and manifest.archive:
            tar = path.with_name("frames.tar")
            tar_key = f"some/{tar.relative_to(folder)}"
            found = s3_client.put_object(Bucket=name, Key=tar_key, Body=tar.read_bytes())
            archive = replace(manifest.archive, etag=found["ETag"].strip('"'))
            data = replace(manifest, archive=archive).to_json()
        s3_client.put_object(Bucket=name, Key=key, Body=data)
    return name


@pytest.fixture(autouse=True)
def calls(s3_client: "S3Client", monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Operations and the keys that they read. Copies are of the version asked for, which moto ignores."""
    found: set[tuple[str, str]] = set()
    original = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        source = parameters.get("CopySource", parameters)
        found.add((operation, source.get("Key", "")))
        if "CopySource" in parameters and _etag(source) != parameters["CopySourceIfMatch"]:
            error: Any = {
                "Error": {"Code": "PreconditionFailed"},
                "ResponseMetadata": {"HTTPStatusCode": 412},
            }
            raise ClientError(error, operation)
        return original(self, operation, parameters)

    def _etag(source: Any) -> str:
        return s3_client.head_object(**source)["ETag"]

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return found


def _tars(calls: set[tuple[str, str]], operation: str) -> list[str]:
    return sorted(key for name, key in calls if name == operation and key.endswith("frames.tar"))


def _shard(client: "S3Client", bucket: str) -> bytes:
    return client.get_object(Bucket=bucket, Key="set/train-000000.tar")["Body"].read()


def test_long_tars_are_copied_and_the_shard_is_the_same(
    folder: Path, bucket: str, tmp_path: Path, s3_client: "S3Client", calls: set[tuple[str, str]]
) -> None:
    assert main(["export", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert main(["export", f"s3://{bucket}/some", "--out", f"s3://{bucket}/set"]) == 0
    # What is before the fourth one is too short for a part; the members of the last one have other names.
    assert _tars(calls, "GetObject") == ["some/d/frames.tar", "some/f/frames.tar"]
    assert _tars(calls, "UploadPartCopy") == [f"some/{code}/frames.tar" for code in "abe"]
    assert _shard(s3_client, bucket) == (tmp_path / "out" / "train-000000.tar").read_bytes()


def test_a_tar_that_was_replaced_is_read_and_found_to_be_damaged(
    bucket: str, s3_client: "S3Client", calls: set[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    key = "some/b/frames.tar"
    data = bytearray(s3_client.get_object(Bucket=bucket, Key=key)["Body"].read())
    data[-5000] ^= 1
    s3_client.put_object(Bucket=bucket, Key=key, Body=bytes(data))
    calls.clear()
    assert main(["export", f"s3://{bucket}/some", "--out", f"s3://{bucket}/set"]) == 1
    assert key in _tars(calls, "GetObject")
    assert f"'{key}': frame 1 does not have" in capsys.readouterr().err
