"""The role's policy against the calls that the worker really makes: nothing missing, nothing unused."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError

import lambda_function
from tests.handler.conftest import World
from tests.infra.conftest import Render
from tests.infra.rendering import ACCOUNT, REGION, TEMPLATE, Rendering
from tests.support.media import clips
from tests.support.servers.http import Answer, serving

# What a call needs: https://docs.aws.amazon.com/AmazonS3/latest/API/ of each operation, and the Service
# Authorization Reference of the others.
_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObjects": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "SendMessageBatch": "sqs:SendMessage",
    "UpdateItem": "dynamodb:UpdateItem",
    "GetItem": "dynamodb:GetItem",
    "GetSecretValue": "secretsmanager:GetSecretValue",
}

# What the role is asked for without a call of ours, by statement.
_BY_AWS = {
    "KeepFrames": {"s3:AbortMultipartUpload"},  # of a tar whose video breaks off
    "PollTheQueue": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},  # event sources
    "WriteLogs": {"logs:CreateLogStream", "logs:PutLogEvents"},  # whatever is printed
    "WriteTraces": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},  # the daemon beside the function
    "ReadTheEnvironment": {"kms:Decrypt"},  # Lambda, before the first invocation
    "UseTheKeyOfQueues": {"kms:Decrypt", "kms:GenerateDataKey"},  # SQS, for what is received and sent
    "UseTheKeyOfTheTable": {  # DynamoDB, for UpdateItem
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    },
    "UseTheBucketsKey": {"kms:Decrypt", "kms:GenerateDataKey"},  # S3, for GetObject and PutObject
    "ConnectToSubnets": {  # Lambda, when the function is created
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    },
}

_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
_EVERYTHING = {
    "BucketsKmsKeyArn": _KEY,
    "EnvironmentKmsKeyArn": _KEY,
    "KmsKeyArn": _KEY,
    "SubnetIds": "subnet-0123456789abcdef0",
    "SecurityGroupIds": "sg-0123456789abcdef0",
    "Tracing": "true",
}

Access = tuple[str, str]  # an action, and the ARN of what it is done to


@dataclass
class Recorder:
    """The accesses of the handler while it runs, whatever client they go through."""

    accesses: set[Access] = field(default_factory=set)
    running: threading.Event = field(default_factory=threading.Event)

    def note(self, operation: str, parameters: Mapping[str, Any]) -> None:
        if self.running.is_set():
            self.accesses |= set(_needed(operation, parameters))

    def note_missing_key(self, parameters: Mapping[str, Any]) -> None:
        """S3 says that a key is missing only to those who may list the bucket; to others it is forbidden."""
        if self.running.is_set():
            self.accesses.add(("s3:ListBucket", f"arn:aws:s3:::{parameters['Bucket']}"))


def _needed(operation: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    action = _ACTIONS[operation]
    match operation:
        case (
            "GetObject"
            | "HeadObject"
            | "PutObject"
            | "CreateMultipartUpload"
            | "UploadPart"
            | "CompleteMultipartUpload"
            | "AbortMultipartUpload"
        ):
            yield action, f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}"
            if "IfMatch" in parameters:
                yield "s3:GetObject", f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}"
        case "DeleteObjects":
            for entry in parameters["Delete"]["Objects"]:
                yield action, f"arn:aws:s3:::{parameters['Bucket']}/{entry['Key']}"
        case "ListObjectsV2":
            yield action, f"arn:aws:s3:::{parameters['Bucket']}"
        case "SendMessageBatch":
            yield action, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{parameters['QueueUrl'].rpartition('/')[2]}"
        case "UpdateItem" | "GetItem":
            yield action, f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{parameters['TableName']}"
        case "GetSecretValue":
            yield action, parameters["SecretId"]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    client_class: Any = botocore.client.BaseClient
    call, handler = client_class._make_api_call, lambda_function.lambda_handler

    def noted_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        recorder.note(operation, parameters)
        try:
            return call(client, operation, parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                recorder.note_missing_key(parameters)
            raise

    def noted_handler(event: Any, context: Any) -> Any:
        recorder.running.set()
        try:
            return handler(event, context)
        finally:
            recorder.running.clear()

    monkeypatch.setattr(client_class, "_make_api_call", noted_call)
    monkeypatch.setattr(lambda_function, "lambda_handler", noted_handler)
    return recorder


def _statements(rendering: Rendering) -> Iterator[tuple[str, str, str, str]]:
    """Sid, effect, action, resource: one of each."""
    (policy,) = rendering.properties("Role")["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield statement["Sid"], statement["Effect"], action, resource


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _compare(rendering: Rendering, accesses: set[Access]) -> None:
    """The names of the handler's world are those of the deployment."""
    known = {
        "Queue.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:main",
        "DeadLetterQueue.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead",
    }
    allowed = {
        (sid, action, known.get(resource, resource))
        for sid, effect, action, resource in _statements(rendering)
        if effect == "Allow"
    }
    unused, missing = set(allowed), set()
    for action, arn in accesses:
        hits = {entry for entry in allowed if entry[1] == action and fnmatchcase(arn, entry[2])}
        unused -= hits
        if not hits:
            missing.add((action, arn))
    assert missing == set()
    assert {entry[:2] for entry in unused} == {
        (sid, action)
        for sid, actions in _BY_AWS.items()
        for action in actions
        if sid in {entry[0] for entry in allowed}
    }


def _work(world: World, clip: Path, settings: Callable[..., None]) -> None:
    """What the worker does on S3 and SQS: read, store, list, replace, delete, split, give up."""
    settings(SPLIT_SECONDS=0.001)
    world.add_video(
        "long", clips.plain(clip.with_name("long.mp4"), 20, pictures="testsrc2=size=320x180:rate=25")
    )
    assert world.deliver({"code": "long"}) == []
    for message in world.sqs.receive_message(QueueUrl=world.queue_url, MaxNumberOfMessages=10)["Messages"]:
        world.sqs.delete_message(QueueUrl=world.queue_url, ReceiptHandle=message["ReceiptHandle"])
    settings(SPLIT_SECONDS=0)
    world.add_video("abc", clip)
    assert world.deliver({"code": "abc"}) == []
    world.add_row("abc")
    assert world.deliver({"code": "abc", "interval": 2}) == []
    world.add_row("not-there")
    assert world.deliver({"code": "not-there"}) == []


def test_the_role_with_supabase(
    world: World, recorder: Recorder, render: Render, plain_clip: Path, settings: Callable[..., None]
) -> None:
    _work(world, plain_clip, settings)

    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="supabase", SecretString="key")["ARN"]
    with serving(lambda _: Answer(401)) as url:
        settings(STATE_BACKEND="supabase", SUPABASE_URL=url, SUPABASE_KEY_SECRET_ARN=arn)
        assert world.deliver({"code": "abc"}) == [0]

    assert arn.startswith(_SECRET)
    _compare(
        render(
            **_EVERYTHING,
            VideosBucket="oriane-videos",
            FramesBucket="oriane-frames",
            SupabaseKeySecretArn=arn,
        ),
        recorder.accesses,
    )


def test_the_role_with_dynamodb(
    world: World, recorder: Recorder, render: Render, plain_clip: Path, settings: Callable[..., None]
) -> None:
    _work(world, plain_clip, settings)

    properties = render(StateBackend="dynamodb").properties("Table")
    boto3.client("dynamodb").create_table(
        TableName="videos",
        BillingMode=properties["BillingMode"],
        AttributeDefinitions=properties["AttributeDefinitions"],
        KeySchema=properties["KeySchema"],
    )
    settings(STATE_BACKEND="dynamodb", VIDEOS_TABLE="videos")
    world.s3.put_object(Bucket="oriane-videos", Key="abc.mp4", Body=plain_clip.read_bytes())
    announcement = {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "oriane-videos"}, "object": {"key": "abc.mp4"}},
            }
        ]
    }
    assert world.deliver(announcement) == []

    _compare(
        render(
            **_EVERYTHING,
            StateBackend="dynamodb",
            VideosBucket="oriane-videos",
            FramesBucket="oriane-frames",
            VideosTable="videos",
        ),
        recorder.accesses,
    )


def test_no_statement_is_wider_than_what_it_is_for(render: Render) -> None:
    """A wildcard stands for keys of one bucket or streams of one log, or where AWS knows nothing narrower."""
    for parameters in (_EVERYTHING, _EVERYTHING | {"StateBackend": "dynamodb"}):
        for sid, effect, action, resource in _statements(render(**parameters)):
            assert "*" not in action
            if effect == "Allow" and sid not in {"WriteTraces", "ConnectToSubnets"}:
                assert resource.count("*") == resource.endswith(("/*", ":*"))


@pytest.mark.parametrize(
    ("target", "action"),
    [
        (f"arn:aws:sns:{REGION}:{ACCOUNT}:done", "sns:Publish"),
        (f"arn:aws:sqs:{REGION}:{ACCOUNT}:done", "sqs:SendMessage"),
        (f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/done", "events:PutEvents"),
        ("https://receiver.example/hook", None),
        ("", None),
    ],
)
def test_a_target_of_notifications_allows_its_one_action_on_itself(
    render: Render, target: str, action: str | None
) -> None:
    added = set(_statements(render(NotifyTarget=target))) - set(_statements(render()))
    assert added == ({("Announce", "Allow", action, target)} if action else set())


def test_the_signing_key_may_be_read_only_if_there_is_one(render: Render) -> None:
    added = set(_statements(render(NotifySecretArn=f"{_SECRET}hook-AbCdEf"))) - set(_statements(render()))
    assert added == {("ReadSigningKey", "Allow", "secretsmanager:GetSecretValue", f"{_SECRET}hook-AbCdEf")}


def test_what_is_switched_off_is_not_allowed(render: Render) -> None:
    sids = {sid for sid, *_ in _statements(render())}
    assert sids & (_BY_AWS.keys() | {"KeepState"}) == {"KeepFrames", "PollTheQueue", "WriteLogs"}
    assert "ReadTheSupabaseKey" not in {sid for sid, *_ in _statements(render(StateBackend="dynamodb"))}


def test_the_code_in_a_vpc_cannot_touch_the_network(render: Render) -> None:
    actions: dict[str, set[str]] = {"Allow": set(), "Deny": set()}
    for _, effect, action, _ in _statements(render(**_EVERYTHING)):
        if action.startswith("ec2:"):
            actions[effect].add(action)
    assert actions["Allow"] == actions["Deny"] != set()


# What the role of the older system with DynamoDB allows.
_OLDER_ROLE = {
    ("ReadVideos", "s3:GetObject"),
    ("KeepFrames", "s3:PutObject"),
    ("KeepState", "dynamodb:UpdateItem"),
    ("PollTheQueue", "sqs:ReceiveMessage"),
    ("PollTheQueue", "sqs:DeleteMessage"),
}


def test_the_page_lists_what_the_role_of_the_older_system_lacks(render: Render) -> None:
    rendering = render(StateBackend="dynamodb")
    needed = {(sid, action) for sid, effect, action, _ in _statements(rendering) if effect == "Allow"}
    assert needed >= _OLDER_ROLE
    page = (TEMPLATE.parents[1] / "docs" / "howto" / "migrate.md").read_text()
    table = page.partition("## Permissions that an older role lacks")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`\w+:.+?) \|", table, re.MULTILINE)
    listed = {action for cell in rows for action in re.findall("`(.+?)`", cell)}
    assert listed == {action for _, action in needed - _OLDER_ROLE}
