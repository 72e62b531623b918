"""What a person is told: soon, however the run ends, and why nothing was done."""

import json
import signal

import pytest

from tests.enqueue.command_line import CODES, SCRIPT, Setup, only_line
from tests.support.servers.http import Answer, Request, serving

_UNRESOLVED = "https://no-such-project-of-anybody.invalid"


def _summary(output: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(only_line(output))
    assert found["event"] == "summary"
    return found


@pytest.mark.operations_row(20)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_name_that_does_not_resolve_is_named_without_a_wait(setup: Setup, as_json: bool) -> None:
    supabase = {"STATE_BACKEND": "supabase", "SUPABASE_URL": _UNRESOLVED, "SUPABASE_KEY": "secret"}
    run = setup.run(*["--json"] * as_json, **supabase)
    assert run.returncode == 3
    assert only_line(run.stderr).startswith(
        "error: SUPABASE_URL: the host name 'no-such-project-of-anybody.invalid' does not resolve"
    )
    if as_json:
        assert "SUPABASE_URL" in str(_summary(run.stdout)["error"])
    else:
        assert run.stdout.startswith("0 videos queued")


@pytest.mark.operations_row(20)
def test_the_queues_name_is_looked_up_as_well(setup: Setup) -> None:
    run = setup.run(AWS_ENDPOINT_URL=_UNRESOLVED)
    assert run.returncode == 3
    assert only_line(run.stderr).startswith("error: AWS_ENDPOINT_URL: the host name")


@pytest.mark.operations_row(20)
def test_a_host_behind_a_proxy_is_the_proxys_to_look_up(setup: Setup) -> None:
    with serving(lambda _: Answer(502)) as proxy:
        run = setup.run(AWS_ENDPOINT_URL=_UNRESOLVED, HTTPS_PROXY=proxy)
    assert "does not resolve" not in run.stderr.splitlines()[0]


@pytest.mark.operations_row(20)
def test_a_server_that_is_silent_is_told_of_before_it_answers(setup: Setup) -> None:
    def silent(_: Request) -> Answer:
        told.append(process.stderr.readline() if process.stderr else "")
        return Answer(500)

    told: list[str] = []
    with serving(silent) as endpoint:
        process = setup.start("--limit", "1", AWS_ENDPOINT_URL=endpoint)
        while not told and process.poll() is None:
            pass
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
    assert told[0] == "still waiting for an answer\n"
    assert (process.returncode, errors.splitlines()[-1]) == (143, "terminated")
    assert "up to 1 more may be queued" in output


@pytest.mark.operations_row(20)
@pytest.mark.parametrize(
    ("options", "variables", "status"),
    [
        ([], {"STATE_BACKEND": "supabase"}, 2),
        (["--codes", "missing.txt"], {}, 2),
        (["--quality", "80", "--format", "png"], {}, 2),
        ([], {"AWS_PROFILE": "no-such-profile"}, 2),
        (["--dry-run"], {"SQLITE_PATH": "/no/such/folder/state.sqlite"}, 2),
    ],
)
def test_json_tells_how_it_ended_however_it_ends(
    setup: Setup, options: list[str], variables: dict[str, str], status: int
) -> None:
    run = setup.run("--json", *options, **variables)
    assert run.returncode == status
    assert _summary(run.stdout)["error"]
    assert setup.queued() == []


@pytest.mark.operations_row(22)
def test_nothing_to_queue_says_why(setup: Setup) -> None:
    setup.run()
    run = setup.run()
    assert run.stdout.splitlines()[1:] == [
        f"{len(CODES)} videos already queued less than 168 h ago: --requeue-after 0 queues them again"
    ]
    assert "--requeue-after 0" in str(_summary(setup.run("--json").stdout)["reasons"])


@pytest.mark.operations_row(22)
def test_nothing_among_the_failed_or_the_old_says_why(setup: Setup) -> None:
    old = setup.run("--since", "2999-01-01")
    assert "25 videos fetched earlier than --since" in old.stdout
    (setup.folder / "none.txt").write_text("\n")
    assert "--codes: there are no codes in the file" in setup.run("--codes", "none.txt").stdout


def test_options_without_effect_are_refused_by_the_settings_of_this_machine(setup: Setup) -> None:
    run = setup.run("--scene-threshold", "30")
    assert run.returncode == 2
    assert only_line(run.stderr) == ("error: --scene-threshold: has no effect: no scene detector is chosen")
    assert setup.run("--dry-run", "--scene-threshold", "30", STRATEGY="scene").returncode == 0


@pytest.mark.operations_row(16)
@pytest.mark.parametrize("command", [[str(SCRIPT), "--dry-run"], ["-m", "extractor.reconcile", "status"]])
def test_a_settings_file_that_is_no_utf_8_is_named(setup: Setup, command: list[str]) -> None:
    (setup.folder / ".env").write_text("QUALITY=80\n", encoding="utf-16")
    run = setup.python(*command)
    assert run.returncode == 2
    assert only_line(run.stderr).endswith("the file .env is no UTF-8 text; save it again as UTF-8")
    assert "UTF-8" in str(_summary(setup.run("--json").stdout)["error"])
    (setup.folder / ".env").write_text("QUALITY=80\n", encoding="utf-8-sig")
    assert setup.python(*command).returncode == 0


def test_a_bad_path_is_not_called_a_setting(setup: Setup) -> None:
    for option in ("--codes", "--checkpoint"):
        line = only_line(setup.run(option, "missing/file").stderr)
        assert line.startswith(f"error: {option} 'missing/file' cannot be")
        assert line.endswith("No such file or directory")
