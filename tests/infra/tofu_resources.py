"""The resources of the OpenTofu module and of the template in one form, under the names of the template."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.infra.rendering import ACCOUNT, REGION, STACK
from tests.infra.tofu import Module, Properties

Resources = dict[str, Properties]
Put = Callable[[Resources, str, Properties], None]


def resources_of(module: Module) -> Resources:
    resources: Resources = {}
    for kind, put in KINDS.items():
        for path, properties in module.resources(kind):
            put(resources, path, properties)
    return resources


def _one(name: str, **renamed: str) -> Put:
    """A resource of its own, some of whose properties CloudFormation calls by other names."""

    def put(resources: Resources, _: str, properties: Properties) -> None:
        resources[name] = {renamed.get(key, key): value for key, value in properties.items()}

    return put


def _queue(resources: Resources, path: str, properties: Properties) -> None:
    _one(
        "DeadLetterQueue" if path.endswith("dead_letters") else "Queue",
        Name="QueueName",
        VisibilityTimeoutSeconds="VisibilityTimeout",
        MessageRetentionSeconds="MessageRetentionPeriod",
        ReceiveWaitTimeSeconds="ReceiveMessageWaitTimeSeconds",
    )(resources, path, properties)


def _queue_policy(resources: Resources, path: str, properties: Properties) -> None:
    name = "DeadLetterQueuePolicy" if path.endswith("dead_letters") else "QueuePolicy"
    resources[name] = {"Queues": [properties["QueueUrl"]], "PolicyDocument": properties["Policy"]}


def _bucket_name(properties: Properties) -> str:
    return "NewVideos" if "-videos-" in properties["Bucket"] else "NewFrames"


def _bucket(resources: Resources, _: str, properties: Properties) -> None:
    resources[_bucket_name(properties)] = {"BucketName": properties["Bucket"]}


def _of_bucket(name: str, value: Callable[[Properties], Any]) -> Put:
    """What is a resource of its own in OpenTofu, and a property of the bucket in CloudFormation."""

    def put(resources: Resources, _: str, properties: Properties) -> None:
        resources[_bucket_name(properties)][name] = value(properties)

    return put


def _without_bucket(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if key != "Bucket"}


def _bucket_policy(resources: Resources, _: str, properties: Properties) -> None:
    name = _bucket_name(properties)
    resources[f"{name}Policy"] = {"Bucket": properties["Bucket"], "PolicyDocument": properties["Policy"]}


def _encryption(properties: Properties) -> Properties:
    rule = dict(properties["Rule"])
    default = rule.pop("ApplyServerSideEncryptionByDefault")
    renamed = {
        key.replace("Sse", "SSE").replace("KmsMasterKeyId", "KMSMasterKeyID"): default[key] for key in default
    }
    return {"ServerSideEncryptionConfiguration": [rule | {"ServerSideEncryptionByDefault": renamed}]}


def _lifecycle(properties: Properties) -> Properties:
    return {
        "Rules": [
            {key.replace("OwnId", "Id"): value for key, value in rule.items() if key != "Filter"}
            for rule in properties["Rule"]
        ]
    }


def _versioning(properties: Properties) -> Any:
    return properties["VersioningConfiguration"]


def _logging(properties: Properties) -> Properties:
    return {
        "DestinationBucketName": properties["TargetBucket"],
        "LogFilePrefix": properties["TargetPrefix"],
    }


def _notification(properties: Properties) -> Properties:
    queue = properties["Queue"]
    rules = [{"Name": "suffix", "Value": queue["FilterSuffix"]}]
    return {
        "QueueConfigurations": [
            {"Event": event, "Filter": {"S3Key": {"Rules": rules}}, "Queue": queue["QueueArn"]}
            for event in queue["Events"]
        ]
    }


def _table(resources: Resources, _: str, properties: Properties) -> None:
    attribute, recovery = properties["Attribute"], properties["PointInTimeRecovery"]
    encryption = properties["ServerSideEncryption"]
    resources["Table"] = {
        "TableName": properties["Name"],
        "BillingMode": properties["BillingMode"],
        "AttributeDefinitions": [{"AttributeName": attribute["Name"], "AttributeType": attribute["Type"]}],
        "KeySchema": [{"AttributeName": properties["HashKey"], "KeyType": "HASH"}],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recovery["Enabled"]},
    }
    if encryption["Enabled"]:
        resources["Table"]["SSESpecification"] = {
            "SSEEnabled": encryption["Enabled"],
            "SSEType": "KMS",
            "KMSMasterKeyId": encryption["KmsKeyArn"],
        }


def _role(resources: Resources, _: str, properties: Properties) -> None:
    resources["Role"] = {"AssumeRolePolicyDocument": properties["AssumeRolePolicy"]}


def _role_policy(resources: Resources, _: str, properties: Properties) -> None:
    policy = {"PolicyName": properties["Name"], "PolicyDocument": properties["Policy"]}
    resources[properties["Role"]]["Policies"] = [policy]


def _function(resources: Resources, _: str, properties: Properties) -> None:
    properties["Code"] = {"ImageUri": properties.pop("ImageUri")}
    assert properties["LoggingConfig"].pop("LogFormat") == "Text"  # CloudFormation's default
    if properties["TracingConfig"] == {"Mode": "PassThrough"}:  # likewise
        del properties["TracingConfig"]
    if not properties["VpcConfig"]:
        del properties["VpcConfig"]
    resources["Function"] = properties


def _alarm(resources: Resources, _: str, properties: Properties) -> None:
    if "OkActions" in properties:
        properties["OKActions"] = properties.pop("OkActions")
    if queries := properties.pop("MetricQuery", []):
        properties["Metrics"] = [_metric(query) for query in queries]
    name = properties["AlarmName"].removeprefix(f"{STACK}-")
    resources["".join(part.capitalize() for part in name.split("-")) + "Alarm"] = properties


def _metric(query: Properties) -> Properties:
    metric = query.pop("Metric", None)
    found = {key.replace("OwnId", "Id"): value for key, value in query.items()}
    if metric:
        found["MetricStat"] = {key: metric.pop(key) for key in ("Stat", "Period")} | {"Metric": metric}
    else:
        assert found.pop("ReturnData") is True  # CloudFormation's default
    return found


KINDS: dict[str, Put] = {
    "sqs_queue": _queue,
    "sqs_queue_policy": _queue_policy,
    "s3_bucket": _bucket,
    "s3_bucket_versioning": _of_bucket(
        "VersioningConfiguration", lambda found: found["VersioningConfiguration"]
    ),
    "s3_bucket_logging": _of_bucket("LoggingConfiguration", _logging),
    "s3_bucket_server_side_encryption_configuration": _of_bucket("BucketEncryption", _encryption),
    "s3_bucket_public_access_block": _of_bucket("PublicAccessBlockConfiguration", _without_bucket),
    "s3_bucket_lifecycle_configuration": _of_bucket("LifecycleConfiguration", _lifecycle),
    "s3_bucket_notification": _of_bucket("NotificationConfiguration", _notification),
    "s3_bucket_policy": _bucket_policy,
    "dynamodb_table": _table,
    "cloudwatch_log_group": _one("LogGroup", Name="LogGroupName"),
    "iam_role": _role,
    "iam_role_policy": _role_policy,
    "lambda_function": _function,
    "lambda_event_source_mapping": _one("Mapping"),
    "cloudwatch_metric_alarm": _alarm,
    "cloudwatch_dashboard": _one("Dashboard"),
}


# --- Both in one form ---

_NAMES = {
    "Queue.QueueName": f"{STACK}-videos",
    "DeadLetterQueue.QueueName": f"{STACK}-dead-letters",
    "Function": STACK,
    "LogGroup": f"/aws/lambda/{STACK}",
    "NewVideos": f"{STACK}-videos-{ACCOUNT}-{REGION}",
    "NewFrames": f"{STACK}-frames-{ACCOUNT}-{REGION}",
    "Table": f"{STACK}-videos",
}
_ARNS = {
    "Table.Arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{STACK}-videos",
    "NewVideos.Arn": f"arn:aws:s3:::{_NAMES['NewVideos']}",
    "NewFrames.Arn": f"arn:aws:s3:::{_NAMES['NewFrames']}",
}


def normal(node: Any) -> Any:
    """Scalars as text, lists of names and values as mappings, lists in order, names of the template known."""
    if isinstance(node, dict):
        return {key: normal(_given(value) if key == "Variables" else value) for key, value in node.items()}
    if isinstance(node, list):
        if node and all(isinstance(item, dict) and item.keys() == {"Name", "Value"} for item in node):
            return {item["Name"]: normal(item["Value"]) for item in node}
        return sorted((normal(item) for item in node), key=_sorted_json)
    text = str(node).lower() if isinstance(node, bool) else str(node)
    if text.lstrip().startswith("{"):
        return normal(json.loads(text))
    for name, arn in _ARNS.items():
        text = text.replace(name, arn)
    return _NAMES.get(text, text.replace("'LogGroup'", f"'{_NAMES['LogGroup']}'"))


def _given(variables: Mapping[str, Any]) -> dict[str, Any]:
    """An empty variable counts as unset."""
    return {name: value for name, value in variables.items() if value != ""}


def _sorted_json(node: Any) -> str:
    return json.dumps(node, sort_keys=True)
