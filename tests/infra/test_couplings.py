"""Numbers that depend on each other, for every choice that the parameters allow."""

import pytest

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.errors import NotInStateError
from extractor.settings import Settings, load_settings
from tests.handler.conftest import World
from tests.infra.conftest import Render
from tests.infra.rendering import load_template

_PARAMETERS = load_template()["Parameters"]
_DAY_SECONDS = 86_400


def _choices(name: str) -> list[str]:
    return [str(choice) for choice in _PARAMETERS[name]["AllowedValues"]]


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("timeout", _choices("TimeoutSeconds"))
def test_a_message_stays_invisible_for_six_time_outs_and_the_batching_window(
    render: Render, timeout: str
) -> None:
    longest_window = _PARAMETERS["BatchingWindowSeconds"]["MaxValue"]
    rendering = render(TimeoutSeconds=timeout)
    visibility = rendering.properties("Queue")["VisibilityTimeout"]
    assert visibility >= 6 * int(timeout) + longest_window
    assert visibility <= 43_200  # the most that SQS allows
    assert rendering.properties("Function")["Timeout"] == timeout


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("retention", _choices("QueueRetentionSeconds"))
def test_dead_letters_are_kept_longer_than_messages_wait(render: Render, retention: str) -> None:
    rendering = render(QueueRetentionSeconds=retention)
    dead_letters = rendering.properties("DeadLetterQueue")["MessageRetentionPeriod"]
    assert dead_letters == 14 * _DAY_SECONDS
    assert int(rendering.properties("Queue")["MessageRetentionPeriod"]) <= dead_letters - 4 * _DAY_SECONDS


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("age", _choices("OldestMessageAlarmSeconds"))
@pytest.mark.parametrize("retention", _choices("QueueRetentionSeconds"))
def test_the_alarm_comes_before_a_message_is_lost_of_old_age(
    render: Render, age: str, retention: str
) -> None:
    rendering = render(OldestMessageAlarmSeconds=age, QueueRetentionSeconds=retention)
    threshold = int(rendering.properties("OldestMessageAlarm")["Threshold"])
    assert 2 * threshold <= int(rendering.properties("Queue")["MessageRetentionPeriod"])


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("video_mb", _choices("MaxVideoMb"))
def test_the_disk_has_room_for_two_videos_of_the_allowed_size(render: Render, video_mb: str) -> None:
    rendering = render(MaxVideoMb=video_mb)
    disk_mib = rendering.properties("Function")["EphemeralStorage"]["Size"]
    assert 512 <= disk_mib <= 10_240
    assert disk_mib * 2**20 >= 1.05 * 2 * int(video_mb) * 10**6
    assert load_settings({**rendering.variables, "SUPABASE_KEY": "key"}).max_video_mb == int(video_mb)


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("timeout", _choices("TimeoutSeconds"))
def test_the_alarm_for_long_invocations_comes_before_the_time_out(render: Render, timeout: str) -> None:
    threshold = render(TimeoutSeconds=timeout).properties("DurationAlarm")["Threshold"]
    assert 0.8 * int(timeout) <= threshold / 1000 < int(timeout)


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("timeout", _choices("TimeoutSeconds"))
def test_a_claim_outlives_its_invocation_and_ends_before_the_message_comes_back(
    render: Render, world: World, timeout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases: list[float] = []

    def note(_: object, __: object, lease_seconds: float) -> None:
        leases.append(lease_seconds)
        raise NotInStateError("only the lease is of interest")

    monkeypatch.setattr(SqliteStateStore, "begin", note)
    world.deliver({"code": "abc"}, seconds=float(timeout))
    (lease,) = leases
    assert int(timeout) < lease < render(TimeoutSeconds=timeout).properties("Queue")["VisibilityTimeout"]


@pytest.mark.failure_row(49)
@pytest.mark.parametrize("timeout", _choices("TimeoutSeconds"))
def test_the_reserve_leaves_most_of_an_invocation_for_work(timeout: str) -> None:
    assert Settings.model_validate({}).reserve_seconds <= int(timeout) / 5


@pytest.mark.failure_row(49)
def test_a_decoder_that_failed_once_is_tried_again_before_the_queue_gives_up() -> None:
    assert _PARAMETERS["MaxReceives"]["MinValue"] > 2


@pytest.mark.failure_row(49)
@pytest.mark.parametrize(("reserve", "reserved"), [("false", None), ("true", "70")])
def test_the_queue_never_asks_for_more_concurrency_than_is_reserved(
    render: Render, reserve: str, reserved: str | None
) -> None:
    rendering = render(MaximumConcurrency=70, ReserveConcurrency=reserve)
    assert rendering.properties("Mapping")["ScalingConfig"] == {"MaximumConcurrency": "70"}
    assert rendering.properties("Function").get("ReservedConcurrentExecutions") == reserved


@pytest.mark.failure_row(49)
def test_a_batch_never_needs_a_window_that_lambda_would_demand() -> None:
    """From more than 10 messages on, Lambda wants a batching window of at least a second."""
    assert _PARAMETERS["BatchSize"]["MaxValue"] <= 10
