"""What the stack keeps private, and what it leaves behind."""

import pytest

from tests.infra.conftest import Render
from tests.infra.rendering import ACCOUNT, REGION, STACK


@pytest.mark.parametrize("name", ["NewVideos", "NewFrames"])
def test_a_new_bucket_is_private_encrypted_tidy_and_outlives_the_stack(render: Render, name: str) -> None:
    rendering = render()
    bucket = rendering.resources[name]
    properties = bucket["Properties"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    tidy, older = properties["LifecycleConfiguration"]["Rules"]
    assert older["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert tidy["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > 0
    assert "ExpirationInDays" not in tidy
    (tls,) = rendering.properties(f"{name}Policy")["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "s3:*")
    assert tls["Resource"] == [f"{name}.Arn", f"{name}.Arn/*"]
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_bucket_names_are_short_enough_for_the_longest_stack_name(render: Render) -> None:
    longest = 26  # scripts/deploy.sh
    for name in ("NewVideos", "NewFrames"):
        fixed = render().properties(name)["BucketName"].replace(STACK, "").replace(REGION, "ap-southeast-1")
        assert longest + len(fixed) <= 63


def test_existing_buckets_are_used_and_left_alone(render: Render) -> None:
    rendering = render(VideosBucket="their-videos", FramesBucket="their-frames")
    assert not [name for name, item in rendering.resources.items() if item["Type"].startswith("AWS::S3::")]
    assert rendering.variables["S3_BUCKET_VIDEOS"] == "their-videos"
    assert rendering.variables["S3_BUCKET_FRAMES"] == "their-frames"


def test_a_new_table_is_paid_by_request_recoverable_and_outlives_the_stack(render: Render) -> None:
    rendering = render(StateBackend="dynamodb")
    table = rendering.resources["Table"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["KeySchema"] == [{"AttributeName": "video_id", "KeyType": "HASH"}]
    assert properties["AttributeDefinitions"] == [{"AttributeName": "video_id", "AttributeType": "S"}]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "Table" not in render().resources
    assert "Table" not in render(StateBackend="dynamodb", VideosTable="videos").resources


@pytest.mark.parametrize("name", ["Queue", "DeadLetterQueue"])
def test_queues_are_encrypted_and_reachable_by_tls_only(render: Render, name: str) -> None:
    assert render().properties(name)["SqsManagedSseEnabled"] is True
    policy = render().properties(f"{name}Policy")
    assert policy["Queues"] == [name]
    (tls,) = policy["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "sqs:*")
    assert tls["Resource"] == f"{name}.Arn"
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_keys_of_ones_own_encrypt_environment_and_buckets(render: Render) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    rendering = render(EnvironmentKmsKeyArn=key, BucketsKmsKeyArn=key)
    assert rendering.properties("Function")["KmsKeyArn"] == key
    (rule,) = rendering.properties("NewFrames")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}


def test_the_function_runs_where_it_is_told_to(render: Render) -> None:
    subnets = "subnet-0123456789abcdef0,subnet-0123456789abcdef1"
    rendering = render(SubnetIds=subnets, SecurityGroupIds="sg-0123456789abcdef0")
    assert rendering.properties("Function")["VpcConfig"] == {
        "SubnetIds": subnets.split(","),
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
    }
    assert "VpcConfig" not in render().properties("Function")


_KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def test_one_key_encrypts_queues_table_and_logs(render: Render) -> None:
    rendering = render(StateBackend="dynamodb", KmsKeyArn=_KEY)
    for name in ("Queue", "DeadLetterQueue"):
        properties = rendering.properties(name)
        assert (properties["KmsMasterKeyId"], properties.get("SqsManagedSseEnabled")) == (_KEY, None)
    assert rendering.properties("Table")["SSESpecification"]["KMSMasterKeyId"] == _KEY
    assert rendering.properties("LogGroup")["KmsKeyId"] == _KEY


def test_without_a_key_queues_are_encrypted_by_sqs(render: Render) -> None:
    for name in ("Queue", "DeadLetterQueue"):
        properties = render().properties(name)
        assert (properties.get("KmsMasterKeyId"), properties["SqsManagedSseEnabled"]) == (None, True)


def test_new_buckets_keep_versions_and_log_accesses_where_that_is_asked_for(render: Render) -> None:
    rendering = render(Versioning="true", AccessLogBucket="their-logs")
    for name, folder in (("NewVideos", "videos"), ("NewFrames", "frames")):
        properties = rendering.properties(name)
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        logging = {"DestinationBucketName": "their-logs", "LogFilePrefix": f"{STACK}-{folder}/"}
        assert properties["LoggingConfiguration"] == logging
        assert not {"VersioningConfiguration", "LoggingConfiguration"} & render().properties(name).keys()
