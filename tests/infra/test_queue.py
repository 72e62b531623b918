"""Who may fill the queue, and where its messages go."""

import json

import pytest

from tests.infra.conftest import Render
from tests.infra.rendering import ACCOUNT, REGION


def test_only_the_records_that_failed_come_back(render: Render) -> None:
    mapping = render().properties("Mapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["EventSourceArn"] == "Queue.Arn"


def test_messages_end_in_the_dead_letter_queue_and_come_from_this_queue_alone(render: Render) -> None:
    rendering = render(MaxReceives=7)
    redrive = rendering.properties("Queue")["RedrivePolicy"]
    assert redrive == {"deadLetterTargetArn": "DeadLetterQueue.Arn", "maxReceiveCount": "7"}
    allowed = rendering.properties("DeadLetterQueue")["RedriveAllowPolicy"]["sourceQueueArns"]
    name = rendering.properties("Queue")["QueueName"]
    assert allowed == [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"]


@pytest.mark.parametrize("bucket", ["", "their-videos"])
def test_only_the_videos_bucket_of_this_account_may_announce_videos(render: Render, bucket: str) -> None:
    rendering = render(S3Events="true", VideosBucket=bucket)
    statements = rendering.properties("QueuePolicy")["PolicyDocument"]["Statement"]
    (allow,) = (statement for statement in statements if statement["Effect"] == "Allow")
    name = bucket or rendering.properties("NewVideos")["BucketName"]
    assert allow["Principal"] == {"Service": "s3.amazonaws.com"}
    assert allow["Action"] == "sqs:SendMessage"
    assert allow["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{name}"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }


def test_nobody_may_send_by_the_queue_policy_without_s3_events(render: Render) -> None:
    statements = render().properties("QueuePolicy")["PolicyDocument"]["Statement"]
    assert [statement["Effect"] for statement in statements] == ["Deny"]


def test_a_new_bucket_announces_its_videos_and_an_existing_one_has_to_be_told(render: Render) -> None:
    new = render(S3Events="true")
    (queue,) = new.properties("NewVideos")["NotificationConfiguration"]["QueueConfigurations"]
    assert queue["Queue"] == "Queue.Arn"
    assert "BucketNotification" not in new.outputs
    existing = render(S3Events="true", VideosBucket="their-videos")
    (by_hand,) = json.loads(existing.outputs["BucketNotification"])["QueueConfigurations"]
    assert by_hand["QueueArn"] == "Queue.Arn"
    assert by_hand["Events"] == [queue["Event"]]
    (rule,) = by_hand["Filter"]["Key"]["FilterRules"]
    assert [rule] == queue["Filter"]["S3Key"]["Rules"]
    assert "NotificationConfiguration" not in render().properties("NewVideos")
