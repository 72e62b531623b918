"""The texts that deploy.sh prints."""

from infra.reports import changes_table, result


def test_changes_are_a_table_with_aligned_columns() -> None:
    changes = [
        {"Action": "Add", "LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table"},
        {
            "Action": "Modify",
            "LogicalResourceId": "FramesBucket",
            "ResourceType": "AWS::S3::Bucket",
            "Replacement": "Conditional",
        },
        {"Action": "Modify", "LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue"}
        | {"Replacement": "True"},
        {"Action": "Modify", "LogicalResourceId": "Role", "ResourceType": "AWS::IAM::Role"}
        | {"Replacement": "False"},
    ]
    assert changes_table(changes).splitlines() == [
        "Action  Resource      Type                  Replaced",
        "Add     Table         AWS::DynamoDB::Table",
        "Modify  FramesBucket  AWS::S3::Bucket       possibly",
        "Modify  Queue         AWS::SQS::Queue       yes",
        "Modify  Role          AWS::IAM::Role        no",
    ]


def test_a_bucket_that_the_stack_did_not_create_needs_a_command() -> None:
    outputs = {"BucketNotification": '{"Queue…": []}', "VideosBucketName": "videos"}
    text = result("s", outputs, "topic")
    assert "--bucket videos \\\n      --notification-configuration '{\"Queue…\": []}'" in text
    assert "put-bucket-notification" not in result("s", {"VideosBucketName": "videos"}, "topic")
