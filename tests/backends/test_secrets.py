"""The key of the state may come out of Secrets Manager, and is never shown."""

import json
from collections.abc import Callable, Iterator

import boto3
import pytest

from extractor.backends.secrets import read_secret
from extractor.errors import SettingsError

KEY = "a-key-that-nobody-may-see"


@pytest.fixture
def secret(aws_environment: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """Stores a text, and gives its ARN."""
    client = boto3.client("secretsmanager", endpoint_url=aws_environment["AWS_ENDPOINT_URL"])
    made: list[str] = []

    def store(text: str) -> str:
        made.append(client.create_secret(Name=f"key-{len(made)}", SecretString=text)["ARN"])
        return made[-1]

    yield store
    for arn in made:
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    client.close()


@pytest.mark.failure_row(48)
@pytest.mark.parametrize("text", [KEY, f" {KEY}\n", json.dumps({"SUPABASE_KEY": KEY, "other": 1})])
def test_a_secret_is_a_text_or_a_field(secret: Callable[[str], str], text: str) -> None:
    assert read_secret(secret(text), "SUPABASE_KEY")["SUPABASE_KEY"] == KEY


@pytest.mark.failure_row(48)
@pytest.mark.parametrize("text", [json.dumps({"KEY": KEY}), json.dumps([KEY]), " "])
def test_a_secret_without_a_key_says_so_and_does_not_show_it(secret: Callable[[str], str], text: str) -> None:
    with pytest.raises(SettingsError, match="SUPABASE_KEY") as caught:
        read_secret(secret(text), "SUPABASE_KEY")
    assert KEY not in str(caught.value)


@pytest.mark.failure_row(47)
def test_a_secret_that_is_not_there_is_a_wrong_setting(aws_environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"SUPABASE_KEY_SECRET_ARN.*ResourceNotFound"):
        read_secret("arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf", "SUPABASE_KEY")
