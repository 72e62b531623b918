"""docs/explanation/cost.md shows what the calculator says, and the calculator says what the model does."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import cost
from benchmarks.support.backlog_estimate import billed_seconds, puts_per_second, run_hours
from benchmarks.support.clip_figures import ClipFigures, Figures, read_figures, write_figures
from benchmarks.support.pricing import ARM64, TAR_PART_BYTES, X86, Plan, load, monthly, once
from extractor.domain.costs import Workload, cost_per_video
from extractor.output.tar import PART_BYTES
from local.embedded.child_process import ROOT
from tests.docs.cost_tables import COMMAND, COSTS_PAGE
from tests.support.media.clips import plain

CORE = ("Lambda, time", "Lambda, invocations", "S3, PUT", "S3, GET", "SQS,")
PLAN = Plan(videos=1000, workload=Workload(), image_kilobytes=100, video_megabytes=4)


def test_the_page_shows_the_bill_the_load_and_the_backlog() -> None:
    """Its tables are those of the calculator: tests.docs.generated."""
    commands = [found["arguments"] for found in COMMAND.finditer(COSTS_PAGE.read_text(encoding="utf-8"))]
    assert "" in commands
    assert all(any(option in command for command in commands) for option in ("--load", "--executions"))


def test_the_calculator_needs_nothing_but_python() -> None:
    bare = [sys.executable, "-S", "-m", "benchmarks.cost", "--videos", "10"]
    run = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "| 10 videos |" in run.stdout


def test_what_a_video_takes_costs_what_the_model_of_the_backlog_says() -> None:
    plan = replace(PLAN, workload=Workload(2.0, 3008, 12.0, 4))
    core = sum(item.usd for item in once(plan, X86) if item.name.startswith(CORE))
    assert core == pytest.approx(1000 * cost_per_video(plan.workload).total)


def test_the_load_of_a_day_is_spread_over_its_seconds() -> None:
    day = load(replace(PLAN, videos=86_400, workload=Workload(2.0, 2048, 9.0, 5)))
    assert (day.videos, day.executions, day.messages_in_work) == pytest.approx((1, 2, 10))
    assert (day.s3_puts, day.s3_gets, day.state_calls) == pytest.approx((10, 2, 2))


def test_arm64_is_cheaper_by_the_time_alone() -> None:
    pairs = zip(once(PLAN, X86), once(PLAN, ARM64), strict=True)
    assert [one.name for one, other in pairs if one.usd != other.usd] == ["Lambda, time"]


def test_each_state_pays_for_what_it_uses() -> None:
    items = {
        state: {item.name for items in (once, monthly) for item in items(replace(PLAN, state=state), X86)}
        for state in ("supabase", "dynamodb")
    }
    assert items["supabase"] - items["dynamodb"] == {"transfer to Supabase", "Secrets Manager, the key"}
    assert items["dynamodb"] - items["supabase"] == {"DynamoDB, conditional writes"}


def test_without_an_endpoint_for_s3_all_bytes_pay_for_the_nat_gateway() -> None:
    plan = replace(PLAN, workload=Workload(frames_per_video=10))
    gateways = [
        [item.quantity for item in once(replace(plan, nat=nat), X86) if item.name == "NAT gateway"]
        for nat in ("nothing", "state", "all")
    ]
    nothing, (state,), (everything,) = gateways
    assert nothing == []
    assert everything - state == pytest.approx(1 + 4)


@pytest.mark.parametrize("arguments", [["--videos", "0"], ["--frames-per-video", "-1"], ["--load", "1,x"]])
def test_numbers_that_make_no_sense_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cost.main(arguments)
    assert ended.value.code == 2
    assert repr(arguments[1].split(",")[-1]) in capsys.readouterr().err


def test_the_model_is_of_the_stack_that_the_template_makes() -> None:
    template = (ROOT / "infra" / "template.yaml").read_text(encoding="utf-8")
    defaults = dict(re.findall(r'^  (\w+):\n    Type: \w+\n    Default: "?(\w+)', template, re.MULTILINE))
    disk_mb = int(re.findall(rf'"{defaults["MaxVideoMb"]}": \{{ DiskMib: (\d+)', template)[0])
    usual = Workload()
    assert (usual.memory_mb, usual.batch_size) == (int(defaults["MemoryMb"]), int(defaults["BatchSize"]))
    work, month = (
        {item.name: item for item in items(replace(PLAN, videos=1), X86)} for items in (once, monthly)
    )
    assert month["CloudWatch, alarms"].quantity == template.count("Type: AWS::CloudWatch::Alarm")
    disk = work["Lambda, disk beyond 512 MB"].quantity / usual.seconds_per_video
    assert disk == pytest.approx((disk_mb - 512) / 1024)


@pytest.mark.parametrize(
    ("frames", "kilobytes", "puts"),
    [(30, 262, 2), (300, 262, 1 + 5 + 2), (1, 0, 2)],
    ids=["one part", "parts, and two requests more", "nothing"],
)
def test_a_tar_is_paid_by_the_part(frames: int, kilobytes: float, puts: int) -> None:
    plan = replace(PLAN, workload=Workload(frames_per_video=frames), image_kilobytes=kilobytes, output="tar")
    assert plan.puts_per_video == puts
    written = next(item for item in once(plan, X86) if item.name.startswith("S3, PUT"))
    assert written.usd == pytest.approx(1000 * puts * 5e-6)
    assert TAR_PART_BYTES == PART_BYTES


def test_less_memory_than_a_cpu_takes_longer_and_more_takes_as_long() -> None:
    assert billed_seconds(1, 3538) == billed_seconds(1, 1769) > 1
    assert billed_seconds(1, 1769 // 2) == pytest.approx(2 * billed_seconds(1, 1769), rel=0.001)


def test_executions_grow_by_300_a_minute_before_all_of_them_work() -> None:
    plan = replace(PLAN, videos=1_000_000, workload=Workload(seconds_per_video=3.6))
    assert run_hours(plan, 300) == pytest.approx(1_000 / 300 + 0.5 / 60)
    short = replace(plan, videos=100, workload=Workload(seconds_per_video=2.5))
    assert run_hours(short, 300) * 3600 == pytest.approx(10)  # 5 more each second: 250 s of work


def test_s3_gets_the_puts_of_all_executions() -> None:
    plan = replace(PLAN, workload=Workload(seconds_per_video=2.0, frames_per_video=9))
    assert puts_per_second(plan, 100) == pytest.approx(500)


def a_clip(seconds: float, cpu_seconds: float, frames: int) -> ClipFigures:
    return ClipFigures("any", "h264", 640, 360, seconds, cpu_seconds, frames, frames * 50_000, 2_000_000)


def test_what_is_not_given_comes_from_the_clips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    write_figures(Figures("a machine", "versions", (a_clip(10, 1, 10), a_clip(30, 1, 30))), file)
    figures = read_figures(file)
    assert (figures.cpu_per_second, figures.image_kilobytes) == pytest.approx((0.05, 50))
    assert figures.megabytes_per_second == pytest.approx(0.1)
    asked = ["--figures", str(file), "--videos", "2000", "--seconds", "20", "--executions", "100"]
    assert cost.main(asked) == 0
    shown = capsys.readouterr().out
    assert (
        f"A video: {billed_seconds(1, 2048):.2f} s of the function, 20 images of 50 KB, and 2.0 MB." in shown
    )
    assert "Given by the user" not in shown
    assert cost.main([*asked, "--seconds-per-video", "7"]) == 0
    assert "A video: 7.00 s of the function" in (shown := capsys.readouterr().out)
    assert "Given by the user: --seconds-per-video." in shown


def test_measuring_writes_what_the_calculator_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, broken, file = tmp_path / "clip.mp4", tmp_path / "broken.mp4", tmp_path / "figures.json"
    plain(video, 2)
    broken.write_bytes(b"no video")
    assert cost.main(["--figures", str(file), "--measure", str(broken)]) == 1
    assert not file.exists()
    assert cost.main(["--figures", str(file), "--measure", str(video), str(broken)]) == 0
    assert "broken.mp4: left out" in capsys.readouterr().err
    (clip,) = read_figures(file).clips
    assert (clip.name, clip.seconds, clip.frames, clip.video_bytes) == ("clip", 2, 2, video.stat().st_size)
    assert clip.cpu_seconds > 0
    assert clip.image_bytes > 0


def test_a_file_without_figures_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    for content in ({}, {"machine": "m", "versions": "v", "clips": []}):
        file.write_text(json.dumps(content))
        with pytest.raises(ValueError, match="clips"):
            read_figures(file)
