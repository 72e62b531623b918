"""Texts that the scripts print: the changes as a table, the outputs and the next steps."""

from collections.abc import Mapping, Sequence

_COLUMNS = {"Action": "Action", "Resource": "LogicalResourceId", "Type": "ResourceType"}
_REPLACED = {"True": "yes", "Conditional": "possibly", "False": "no"}


def changes_table(changes: Sequence[Mapping[str, str]]) -> str:
    """Return the changes of a change set as a table with aligned columns.

    Args:
        changes: Changes of resources, as in the response of DescribeChangeSet.
    """
    rows = [
        (*_COLUMNS, "Replaced"),
        *(
            (
                *(change.get(field, "") for field in _COLUMNS.values()),
                _REPLACED.get(change.get("Replacement", ""), ""),
            )
            for change in changes
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def result(stack: str, outputs: Mapping[str, str], alarm_topic: str) -> str:
    """Return the outputs of a stack that is up to date, and what to do next.

    Args:
        stack: Name of the stack.
        outputs: Its outputs by name.
        alarm_topic: The SNS topic of the alarms; empty if there is none.
    """

    def output(name: str) -> str:
        return outputs.get(name, "")

    lines = [
        f"\nThe stack {stack} is up to date:",
        *(f"  {name:<20} {value}" for name, value in outputs.items()),
        "\nNext:",
    ]
    if notification := output("BucketNotification"):
        lines += [
            "  Let your bucket send its new videos to the queue (this replaces its notifications):",
            f"    aws s3api put-bucket-notification-configuration --bucket {output('VideosBucketName')} \\",
            f"      --notification-configuration '{notification}'",
        ]
    lines += [
        "  Try one video:",
        f"    aws lambda invoke --function-name {output('FunctionName')} "
        "--cli-binary-format raw-in-base64-out \\",
        """      --payload '{"code": "CODE"}' /dev/stdout""",
        "  Queue the backlog:",
        f"    SQS_QUEUE_URL={output('QueueUrl')} ./run_sqs_batches.py --dry-run",
        f"  Dashboard: {output('DashboardUrl')}",
    ]
    if not alarm_topic:
        lines.append("  The alarms notify nobody yet: pass an SNS topic with --alarm-topic-arn")
    return "\n".join(lines)
