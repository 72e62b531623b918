"""What audits ask of every bucket: listings from any key on, with times, and copies."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractor.backends.storage.base import ObjectStore
from extractor.backends.storage.folder import FolderObjectStore
from extractor.backends.storage.s3 import S3ObjectStore, build_s3_client
from extractor.errors import ConflictError, VideoMissingError
from tests.reconcile.memory import MemoryStore


@pytest.fixture(params=["s3", "folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "folder":
        yield FolderObjectStore(tmp_path / "store")
    elif request.param == "memory":
        yield MemoryStore()
    else:
        bucket = request.getfixturevalue("new_bucket")()
        client = build_s3_client(max_connections=4)
        yield S3ObjectStore(client, bucket)
        client.close()


def put(store: ObjectStore, key: str, data: bytes = b"data", replaces: str | None = None) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return store.put(key, data, content_type="image/jpeg", sha256=digest, replaces=replaces)


def data(store: ObjectStore, key: str) -> bytes | None:
    found = store.read(key)
    return found.data if found else None


def test_a_listing_begins_behind_any_key(store: ObjectStore) -> None:
    keys = ["a/1", "a/2", "b-", "b/1", "ü/x"]
    for key in keys:
        put(store, key)
    for after in ("", "a/1", "a/15", "b", "c", "z"):
        assert [entry.key for entry in store.list("", after)] == [key for key in keys if key > after]
    assert [entry.key for entry in store.list("a/", "a/1")] == ["a/2"]
    assert list(store.list("a/", "b")) == []


def test_a_listing_tells_when_an_object_was_written(store: ObjectStore) -> None:
    put(store, "a")
    (entry,) = store.list("")
    assert entry.modified is not None
    assert entry.modified.tzinfo is not None
    assert datetime(2020, 1, 1, tzinfo=UTC) < entry.modified


def test_a_copy_is_a_second_object(store: ObjectStore) -> None:
    put(store, "a b/ü+%2F.jpg", b"content")
    store.copy("a b/ü+%2F.jpg", ".trash/now/a b/ü+%2F.jpg")
    assert data(store, ".trash/now/a b/ü+%2F.jpg") == data(store, "a b/ü+%2F.jpg") == b"content"
    store.delete(["a b/ü+%2F.jpg"])
    assert [entry.key for entry in store.list("")] == [".trash/now/a b/ü+%2F.jpg"]


def test_a_copy_replaces_what_is_there(store: ObjectStore) -> None:
    put(store, "new", b"new")
    put(store, "old", b"the older one")
    store.copy("new", "old")
    assert data(store, "old") == b"new"


def test_a_copy_of_nothing_is_an_error_and_leaves_nothing(store: ObjectStore) -> None:
    with pytest.raises(VideoMissingError):
        store.copy("missing", "to")
    assert list(store.list("")) == []


def test_the_rest_of_the_contract_holds_here_too(store: ObjectStore) -> None:
    first = put(store, "key", b"first")
    assert put(store, "key", b"first") == first
    with pytest.raises(ConflictError):
        put(store, "key", b"second")
    second = put(store, "key", b"second", replaces=first)
    with store.open("key") as stream:
        assert (stream.etag, b"".join(stream.chunks())) == (second, b"second")
    assert second != first
    with pytest.raises(VideoMissingError), store.open("missing"):
        pytest.fail("it was opened")
    store.delete(["key", "missing"])
    assert store.read("key") is None
