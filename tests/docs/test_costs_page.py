"""docs/explanation/cost.md shows what the calculator says, and the calculator says what the model does."""

import re
import shlex
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks import cost
from benchmarks.support.pricing import ARM64, X86, Plan, load, monthly, once
from extractor.domain.costs import Workload, cost_per_video
from local.embedded.child_process import ROOT

PAGE = (ROOT / "docs" / "explanation" / "cost.md").read_text(encoding="utf-8")
SHOWN = re.findall(
    r"^```\n\.venv/bin/python -m benchmarks\.cost *(.*)\n```\n\n((?:\|.*\n|\n(?=\|))+)", PAGE, re.MULTILINE
)
CORE = ("Lambda, time", "Lambda, invocations", "S3, PUT", "S3, GET", "SQS,")


def test_the_page_shows_the_bill_and_the_load() -> None:
    commands = [command for command, _ in SHOWN]
    assert "" in commands
    assert any("--load" in command for command in commands)


@pytest.mark.parametrize(("arguments", "shown"), SHOWN, ids=[command or "usual" for command, _ in SHOWN])
def test_the_page_shows_what_the_calculator_prints(
    arguments: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cost.main(shlex.split(arguments)) == 0
    assert capsys.readouterr().out.strip() == shown.strip()


def test_the_calculator_needs_nothing_but_python() -> None:
    bare = [sys.executable, "-S", "-m", "benchmarks.cost", "--videos", "10"]
    run = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "| 10 videos |" in run.stdout


def test_what_a_video_takes_costs_what_the_model_of_the_backlog_says() -> None:
    plan = Plan(videos=1000, workload=Workload(2.0, 3008, 12.0, 4))
    core = sum(item.usd for item in once(plan, X86) if item.name.startswith(CORE))
    assert core == pytest.approx(1000 * cost_per_video(plan.workload).total)


def test_the_load_of_a_day_is_spread_over_its_seconds() -> None:
    day = load(Plan(videos=86_400, workload=Workload(2.0, 2048, 9.0, 5)))
    assert (day.videos, day.executions, day.messages_in_work) == pytest.approx((1, 2, 10))
    assert (day.s3_puts, day.s3_gets, day.state_calls) == pytest.approx((10, 2, 2))


def test_arm64_is_cheaper_by_the_time_alone() -> None:
    pairs = zip(once(Plan(), X86), once(Plan(), ARM64), strict=True)
    assert [one.name for one, other in pairs if one.usd != other.usd] == ["Lambda, time"]


def test_each_state_pays_for_what_it_uses() -> None:
    items = {
        state: {item.name for items in (once, monthly) for item in items(Plan(state=state), X86)}
        for state in ("supabase", "dynamodb")
    }
    assert items["supabase"] - items["dynamodb"] == {"transfer to Supabase", "Secrets Manager, the key"}
    assert items["dynamodb"] - items["supabase"] == {"DynamoDB, conditional writes"}


def test_without_an_endpoint_for_s3_all_bytes_pay_for_the_nat_gateway() -> None:
    plan = Plan(videos=1000, workload=Workload(frames_per_video=10), image_kilobytes=100, video_megabytes=4)
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
    work, month = ({item.name: item for item in items(Plan(videos=1), X86)} for items in (once, monthly))
    assert month["CloudWatch, alarms"].quantity == template.count("Type: AWS::CloudWatch::Alarm")
    disk = work["Lambda, disk beyond 512 MB"].quantity / usual.seconds_per_video
    assert disk == pytest.approx((disk_mb - 512) / 1024)
