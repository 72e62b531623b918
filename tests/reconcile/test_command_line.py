"""The command line against real S3 and SQS over HTTP, after the real handler has done its work."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from extractor.reconcile.__main__ import main
from tests.handler.conftest import World, server, settings, world

__all__ = ["server", "settings", "world"]  # fixtures

Run = Callable[..., tuple[int, str]]
FRAMES = "oriane-frames"


@pytest.fixture
def run(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a command: its exit status, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(argv)
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return call


@pytest.fixture
def done(world: World, plain_clip: Path) -> World:
    """Three videos, extracted by the handler."""
    for code in ("one", "two", "three"):
        world.add_video(code, plain_clip)
        assert world.deliver({"code": code}) == []
    return world


def redeliver(world: World) -> list[dict[str, str]]:
    """Give the handler what is in the queue."""
    messages = world.sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        world.sqs.delete_message(QueueUrl=world.queue_url, ReceiptHandle=message["ReceiptHandle"])
    bodies = [json.loads(message["Body"]) for message in messages]
    assert not bodies or world.deliver(*bodies) == []
    return bodies


def test_announce_queues_what_is_extracted_and_changes_no_row(
    world: World, run: Run, plain_clip: Path
) -> None:
    world.add_video("one", plain_clip, key="tiktok/one/video.mp4")
    assert world.deliver({"code": "one", "platform": "tiktok"}) == []
    world.add_row("waiting")
    before = world.objects()
    assert run("announce") == (0, "         1  would be announced\n")
    status, printed = run("announce", "--code", "one", "--code", "waiting", "--apply")
    assert (status, printed) == (1, "         1  not extracted\n         1  queued\n")
    assert redeliver(world) == [{"code": "one", "platform": "tiktok"}]
    assert world.objects() == before


def test_what_the_handler_leaves_is_clean(done: World, run: Run) -> None:
    assert run("verify", "--older-than", "0s", "--deep", "--sample", "1") == (
        0,
        "3 rows compared: no findings\n",
    )
    assert run("orphans", "--older-than", "0s")[0] == 0


def test_a_tar_with_a_storyboard_is_clean_under_its_own_settings_only(
    world: World, run: Run, settings: Callable[..., None], plain_clip: Path, tmp_path: Path
) -> None:
    settings(OUTPUT="tar", STORYBOARD="true", AUDIO="copy")
    world.add_video("abc", plain_clip)
    assert world.deliver({"code": "abc"}) == []
    deep = ("--older-than", "0s", "--deep", "--sample", "1")
    assert run("verify", *deep) == (0, "1 row compared: no findings\n")
    assert run("report", "--older-than", "0s", "--out", "page.html")[0] == 0
    assert (tmp_path / "page.html").read_text().count('src="data:image/jpeg;base64,') == 4

    settings(AUDIO="wav16k")
    assert "OTHER_OUTPUT" in run("verify", *deep)[1]
    settings(AUDIO="", OUTPUT="frames", STORYBOARD="false")
    assert "OTHER_OUTPUT" in run("verify", *deep)[1]
    world.s3.delete_object(Bucket=FRAMES, Key="abc/frames.tar")
    assert "FRAMES_MISSING" in run("verify", *deep)[1]
    world.s3.delete_object(Bucket=FRAMES, Key="abc/manifest.json")
    with closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute("DELETE FROM watched_content")
    world.add_row("another")
    assert run("prune", "--older-than", "0s", "--apply", "--yes", "3")[0] == 0
    assert not [key for key in world.objects() if not key.startswith(".trash/")]


def test_what_is_broken_is_found_repaired_and_extracted_again(done: World, run: Run, tmp_path: Path) -> None:
    done.s3.delete_object(Bucket=FRAMES, Key="one/000002.jpg")
    done.s3.put_object(Bucket=FRAMES, Key="two/manifest.json", Body=b"{")
    damaged = bytes(len(done.objects()["three/000001.jpg"]))
    done.s3.put_object(Bucket=FRAMES, Key="three/000001.jpg", Body=damaged)
    deep = ("--older-than", "0s", "--deep", "--sample", "1")

    status, _ = run("verify", *deep, "--csv", "found.csv", "--json", "found.json")
    assert status == 1
    with (tmp_path / "found.csv").open() as file:
        found = {row["code"]: row["kind"] for row in csv.DictReader(file)}
    assert found == {
        "one": "FRAMES_MISSING",
        "two": "UNREADABLE_MANIFEST",
        "three": "FRAMES_WRONG_CONTENT",
    }
    assert {row["code"] for row in json.loads((tmp_path / "found.json").read_text())} == set(found)

    before = done.objects()
    assert run("repair", *deep)[0] == 1
    assert done.objects() == before, "without --apply nothing is changed"
    assert all(done.is_extracted(code) for code in found)

    assert run("repair", *deep, "--apply")[0] == 0
    assert not any(done.is_extracted(code) for code in found)
    assert {message["code"] for message in redeliver(done)} == set(found)
    assert run("verify", *deep) == (0, "3 rows compared: no findings\n")


def test_a_complete_manifest_is_written_to_its_row(done: World, run: Run) -> None:
    done.add_row("two")
    assert run("verify", "--older-than", "0s")[0] == 1
    assert run("repair", "--older-than", "0s", "--apply")[0] == 0
    assert done.is_extracted("two")
    assert redeliver(done) == []


@pytest.mark.operations_row(21)
def test_what_is_young_is_not_judged(done: World, run: Run) -> None:
    done.add_row("two")
    status, printed = run("verify")
    assert status == 0
    assert printed.splitlines() == [
        "0 rows compared: no findings",
        "not checked: 3 rows whose frames were written in the last 1h (--older-than 0s: all)",
        "not checked: the content of the frames (use --deep)",
    ]


def test_only_and_ignore_choose_the_kinds(done: World, run: Run) -> None:
    done.s3.delete_object(Bucket="oriane-videos", Key="one.mp4")
    assert run("verify", "--older-than", "0s")[0] == 1
    assert run("verify", "--older-than", "0s", "--ignore", "SOURCE_GONE")[0] == 0
    assert run("verify", "--older-than", "0s", "--only", "NO_MANIFEST")[0] == 0


def test_status_counts_every_row_once(done: World, run: Run) -> None:
    done.add_row("waiting")
    done.add_row("coming", is_fetched=False)
    done.add_video("bad", b"no video at all")
    assert done.deliver({"code": "bad"}) == []
    status, printed = run("status")
    assert status == 0
    counts = {name: count for count, name in (line.split(maxsplit=1) for line in printed.splitlines())}
    assert counts == {
        "extracted": "3",
        "failed: UNREADABLE": "1",
        "pending": "1",
        "not fetched": "1",
        "in all": "6",
    }


@pytest.fixture
def orphaned(done: World) -> World:
    for name in ("000000.jpg", "manifest.json"):
        done.s3.put_object(Bucket=FRAMES, Key=f"tiktok/nobody/{name}", Body=b"{}")
    return done


def test_prune_asks_for_the_number_and_moves(
    orphaned: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(orphaned.objects())
    now = ("prune", "--older-than", "0s")
    assert run(*now)[0] == 1
    assert run(*now, "--apply", "--yes", "3")[0] == 1
    for answer in ("", "y\n", "4\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert run(*now, "--apply")[0] == 1
    assert set(orphaned.objects()) == before
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n"))
    assert run(*now, "--apply")[0] == 0
    gone, came = before - set(orphaned.objects()), set(orphaned.objects()) - before
    assert gone == {"tiktok/nobody/000000.jpg", "tiktok/nobody/manifest.json"}
    assert {key.split("/", 2)[2] for key in came} == gone
    assert run("orphans", "--older-than", "0s")[0] == 0
    assert run("verify", "--older-than", "0s")[0] == 0


def test_prune_touches_nothing_that_is_younger_than_a_day(orphaned: World, run: Run) -> None:
    before = set(orphaned.objects())
    assert run("prune", "--apply", "--yes", "2")[0] == 0
    assert set(orphaned.objects()) == before


def test_replay_sends_what_is_asked_for_as_it_was(world: World, run: Run) -> None:
    world.add_row("lost")
    body = '{"code": "lost",  "interval": 2}'
    assert world.deliver(body, {"code": "bad", "quality": 900}) == []
    assert "would be sent: VIDEO_MISSING" in run("replay")[1]
    assert run("replay", "--reason", "VIDEO_MISSING", "--apply")[0] == 0
    sent = world.sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in sent] == [body]
    assert [letter["reason"] for letter in world.dead_letters()] == ["INVALID_MESSAGE"]


def test_the_report_is_one_page_that_needs_nothing_else(done: World, run: Run, tmp_path: Path) -> None:
    assert run("report", "--older-than", "0s", "--out", "page.html")[0] == 0
    page = (tmp_path / "page.html").read_text()
    assert page.count('src="data:image/jpeg;base64,') == 12  # four frames per video
    assert "://" not in page
    assert page.count("<script") == 1


def test_wrong_settings_and_wrong_usage_are_told_apart_from_findings(
    run: Run, settings: Callable[..., None]
) -> None:
    assert run("verify", "--only", "NOTHING")[0] == 2
    settings(FRAMES_LAYOUT="{nonsense}")
    assert run("verify")[0] == 2


def test_a_bucket_that_is_not_there_is_out_of_reach(run: Run, settings: Callable[..., None]) -> None:
    settings(S3_BUCKET_FRAMES="nowhere-at-all")
    assert run("verify")[0] == 3
    assert run("prune", "--apply", "--yes", "0")[0] == 3
