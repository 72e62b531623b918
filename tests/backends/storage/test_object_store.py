"""One contract for every object store: what was put is what is read, whole, or an error."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor.backends.storage.base import ObjectStore
from extractor.backends.storage.folder import FolderObjectStore
from extractor.backends.storage.s3 import S3ObjectStore, build_s3_client
from extractor.errors import ConflictError, VideoMissingError

ODD_KEYS = ["a b/ü+%2F.jpg", 'it\'s/"quoted".jpg', "tiktok/-_x.y/000001.jpg", "日本/~$&,;=@.jpg"]


@pytest.fixture(params=["s3", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "folder":
        yield FolderObjectStore(tmp_path / "store")
        return
    bucket = request.getfixturevalue("new_bucket")()
    client = build_s3_client(max_connections=4)
    client.meta.events.register("before-parameter-build.s3.ListObjectsV2", _in_short_pages)
    yield S3ObjectStore(client, bucket)
    client.close()


def _in_short_pages(params: dict[str, Any], **_: object) -> None:
    params["MaxKeys"] = 2


def put(store: ObjectStore, key: str, data: bytes = b"data", replaces: str | None = None) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return store.put(key, data, content_type="image/jpeg", sha256=digest, replaces=replaces)


def read(store: ObjectStore, key: str) -> bytes | None:
    found = store.read(key)
    return found.data if found else None


def listed(store: ObjectStore, prefix: str) -> list[tuple[str, int]]:
    return [(entry.key, entry.size_bytes) for entry in store.list(prefix)]


def test_what_was_put_is_what_is_read(store: ObjectStore) -> None:
    put(store, "a/b.jpg", b"\x00\xff image")
    assert read(store, "a/b.jpg") == b"\x00\xff image"


def test_an_object_is_read_in_pieces_of_a_mebibyte_at_most(store: ObjectStore) -> None:
    data = bytes(range(256)) * 4096 * 3 + b"end"
    put(store, "large", data)
    with store.open("large") as stream:
        chunks = list(stream.chunks())
        assert stream.size_bytes == len(data)
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 1 << 20


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    put(store, "empty", b"")
    assert read(store, "empty") == b""
    with store.open("empty") as stream:
        assert (stream.size_bytes, list(stream.chunks())) == (0, [])


def test_an_object_may_be_opened_and_left_unread(store: ObjectStore) -> None:
    put(store, "unread", b"x" * 5_000_000)
    for _ in range(10):  # more often than there are connections
        with store.open("unread") as stream:
            assert stream.size_bytes == 5_000_000


def test_a_put_replaces_the_version_that_it_was_told_of(store: ObjectStore) -> None:
    first = put(store, "key", b"the first, which is longer")
    put(store, "key", b"the second", replaces=first)
    assert read(store, "key") == b"the second"
    assert listed(store, "") == [("key", 10)]


@pytest.mark.failure_row(42)
def test_a_put_never_replaces_another_version(store: ObjectStore) -> None:
    first = put(store, "key", b"first")
    second = put(store, "key", b"second", replaces=first)
    for replaces in (None, first):
        with pytest.raises(ConflictError):
            put(store, "key", b"third", replaces=replaces)
    assert read(store, "key") == b"second"
    put(store, "key", b"third", replaces=second)


def test_a_put_replaces_nothing_that_is_gone(store: ObjectStore) -> None:
    first = put(store, "key", b"first")
    store.delete(["key"])
    with pytest.raises(ConflictError):
        put(store, "key", b"second", replaces=first)
    assert read(store, "key") is None


@pytest.mark.failure_row(34)
def test_a_put_that_was_made_already_is_no_conflict(store: ObjectStore) -> None:
    first = put(store, "key", b"first")
    assert put(store, "key", b"first") == first
    second = put(store, "key", b"second", replaces=first)
    assert put(store, "key", b"second", replaces=first) == second


def test_all_ways_to_look_tell_the_same_version(store: ObjectStore) -> None:
    told = put(store, "key", b"one")
    found = store.read("key")
    assert found is not None
    with store.open("key") as stream:
        assert {told, found.etag, stream.etag, *(entry.etag for entry in store.list(""))} == {told}
    assert put(store, "key", b"two", replaces=told) != told


def test_reading_what_is_not_there_gives_none(store: ObjectStore) -> None:
    put(store, "a/b")
    assert [store.read(key) for key in ("missing", "a", "a/b/c")] == [None, None, None]


@pytest.mark.failure_row(8)
def test_opening_what_is_not_there_is_a_missing_video(store: ObjectStore) -> None:
    put(store, "a/b")
    for key in ("missing", "a", "a/b/c"):
        with pytest.raises(VideoMissingError), store.open(key):
            pytest.fail("it was opened")


@pytest.mark.failure_row(3)
@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_means_itself(store: ObjectStore, key: str) -> None:
    put(store, key)
    assert read(store, key) == b"data"
    assert [entry.key for entry in store.list("")] == [key]
    store.delete([key])
    assert read(store, key) is None


def test_a_listing_has_every_key_with_the_prefix_in_order(store: ObjectStore) -> None:
    for key in ("ab/2", "ab/10", "ab.x", "ab/1/deep", "abc", "b/ab"):
        put(store, key, key.encode())
    assert [entry.key for entry in store.list("ab")] == ["ab.x", "ab/1/deep", "ab/10", "ab/2", "abc"]
    assert listed(store, "ab/1") == [("ab/1/deep", 9), ("ab/10", 5)]
    assert list(store.list("nothing/")) == []


def test_a_listing_does_not_end_with_the_first_page(store: ObjectStore) -> None:
    keys = [f"many/{number:04d}" for number in range(7)]
    for key in keys:
        put(store, key, b"")
    assert [entry.key for entry in store.list("many/")] == keys


def test_deleting_what_is_gone_is_no_error(store: ObjectStore) -> None:
    put(store, "a/b")
    put(store, "kept")
    store.delete(["a/b", "missing", "a/b/c"])
    store.delete([])
    assert [entry.key for entry in store.list("")] == ["kept"]


@pytest.mark.failure_row(42)
def test_a_deletion_leaves_another_version_than_the_one_that_was_seen(store: ObjectStore) -> None:
    seen = {key: put(store, key, key.encode()) for key in ("same", "replaced", "gone")}
    put(store, "replaced", b"another", replaces=seen["replaced"])
    store.delete(["gone"])
    put(store, "unseen")
    store.delete([*seen, "unseen"], versions=seen)
    left = [entry.key for entry in store.list("")]
    assert left in (["replaced"], []), "a server that does not know the condition deletes what is there"
    assert "same" not in left


@pytest.mark.operations_row(14)
def test_a_listing_can_leave_out_what_lies_in_folders_below(store: ObjectStore) -> None:
    for key in ("a/1", "a/2", "a/b/3", "a/b/c/4", "ab/5"):
        put(store, key, b"")
    assert [entry.key for entry in store.list("a/", deep=False)] == ["a/1", "a/2"]
    assert [entry.key for entry in store.list("a/", "a/1", deep=False)] == ["a/2"]
