"""What only a folder can do wrong: let a key out, show half a file."""

import hashlib
from pathlib import Path

import pytest

from extractor.backends.storage.folder import FolderObjectStore
from extractor.errors import AccessDeniedError, SourceChangedError, StorageUnavailableError

SHA256 = hashlib.sha256(b"data").hexdigest()


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "a/", "", ".", "a/./b", "a\0b"])
def test_a_key_never_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    store = FolderObjectStore(tmp_path / "root")
    with pytest.raises(AccessDeniedError):
        store.put(key, b"data", content_type="text/plain", sha256=SHA256, replaces=None)
    with pytest.raises(AccessDeniedError):
        store.read(key)
    with pytest.raises(AccessDeniedError):
        store.delete([key])
    assert list(tmp_path.iterdir()) == []


def test_a_link_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    with pytest.raises(AccessDeniedError):
        FolderObjectStore(tmp_path / "root").read("link/secret")


def test_data_that_arrives_damaged_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError):
        FolderObjectStore(tmp_path).put(
            "key", b"other data", content_type="text/plain", sha256=SHA256, replaces=None
        )
    assert list(tmp_path.iterdir()) == []


def test_a_put_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(StorageUnavailableError):
        FolderObjectStore(tmp_path).put(
            "key", b"data", content_type="text/plain", sha256=SHA256, replaces=None
        )
    assert [path.name for path in tmp_path.rglob("*")] == ["key"]


def test_a_file_that_is_being_written_is_not_listed(tmp_path: Path) -> None:
    store = FolderObjectStore(tmp_path)
    store.put("a/key", b"data", content_type="text/plain", sha256=SHA256, replaces=None)
    (tmp_path / "a" / ".partial-1234").write_bytes(b"da")
    assert [entry.key for entry in store.list("")] == ["a/key"]


@pytest.mark.failure_row(12)
def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"x" * 100)
    with FolderObjectStore(tmp_path).open("key") as stream:
        path.write_bytes(b"x" * 50)
        with pytest.raises(SourceChangedError):
            list(stream.chunks())
