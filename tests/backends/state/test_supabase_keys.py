"""The keys of a Supabase project: in which header they go, how they are pasted, and when they are rotated."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from extractor import container
from extractor.backends.aws import ClientBuilder
from extractor.backends.secrets import read_secret
from extractor.backends.state.base import StateRow
from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from extractor.domain.jobs import VideoRef
from extractor.errors import AccessDeniedError, SettingsError, StateUnavailableError
from extractor.settings import load_settings
from tests.backends.state.tables import Connect
from tests.support.servers.http import Answer, Request, serving

A = VideoRef("a")
ROW = Answer(200, b'[{"code": "a", "is_fetched": true, "is_extracted": false}]')
FOUND = StateRow("a", is_fetched=True, is_extracted=False)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.x"


@pytest.mark.operations_row(1)
@pytest.mark.parametrize(
    ("key", "token", "authorization"),
    [
        ("sb_secret_abc", None, None),
        ("sb_publishable_abc", None, None),
        ("sb_publishable_abc", TOKEN, f"Bearer {TOKEN}"),
        (TOKEN, None, f"Bearer {TOKEN}"),
    ],
)
def test_a_key_that_is_no_token_is_not_sent_as_one(
    connect: Connect, key: str, token: str | None, authorization: str | None
) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        return ROW

    with serving(answer) as url:
        assert connect(url, key, token=token).begin(A, 1) == FOUND
    assert seen[0].headers.get("apikey") == key
    assert seen[0].headers.get("Authorization") == authorization


@pytest.mark.operations_row(11)
@pytest.mark.parametrize(
    "pasted",
    ["{}\n", "\ufeff{}", "\u201c{}\u201d", "'{}'", "\u200b{}\u200b\r\n", "\u00a0{} ", '"{}"'],
)
def test_what_is_pasted_around_a_key_or_an_address_is_stripped(pasted: str) -> None:
    seen: list[str | None] = []

    def answer(request: Request) -> Answer:
        seen.append(request.headers.get("apikey"))
        return ROW

    with serving(answer) as url:
        variables = {
            "SUPABASE_URL": pasted.format(url),
            "SUPABASE_KEY": pasted.format("sb_secret_abc"),
            "SUPABASE_TOKEN": pasted.format(TOKEN),
        }
        store = container.build_state(load_settings(variables))
        assert isinstance(store, SupabaseStateStore)
        with store._client:
            assert store.begin(A, 1) == FOUND
    assert seen == ["sb_secret_abc"]


@pytest.mark.operations_row(11)
@pytest.mark.parametrize("name", ["SUPABASE_KEY", "SUPABASE_TOKEN", "SUPABASE_URL"])
@pytest.mark.parametrize("inside", ["\n", "\u200b", "\u2026", "ü", "\x00", " "])
def test_a_key_with_anything_else_in_it_is_refused_by_its_name_and_not_shown(name: str, inside: str) -> None:
    variables = {"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_KEY": "k", name: f"hush{inside}hush"}
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        container.build_state(load_settings(variables))
    assert "hush" not in str(caught.value)


@pytest.mark.operations_row(11)
@pytest.mark.parametrize("text", ['""', "\ufeff", "\u201c\u201d"])
def test_a_key_of_which_nothing_is_left_is_refused_by_its_name(text: str) -> None:
    variables = {"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_KEY": text}
    with pytest.raises(SettingsError, match=r"^SUPABASE_KEY: holds no key"):
        container.build_state(load_settings(variables))


class Vault:
    """A secret, and a gateway that takes the key in it that is `valid`."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.valid = "sb_secret_first"
        self.asked: list[str | None] = []
        self.arn: str = client.create_secret(Name="key", SecretString=self._text())["ARN"]

    def _text(self, **more: object) -> str:
        return json.dumps({"SUPABASE_KEY": self.valid, "SUPABASE_TOKEN": None, **more})

    def rotate(self, key: str, *, stored: bool = True) -> None:
        self.valid = key
        if stored:
            self.client.put_secret_value(SecretId=self.arn, SecretString=self._text())

    def answer(self, request: Request) -> Answer:
        self.asked.append(request.headers.get("apikey"))
        return ROW if self.asked[-1] == self.valid else Answer(401, b'{"message": "Invalid API key"}')


@pytest.fixture
def vault(aws_environment: dict[str, str]) -> Iterator[Vault]:
    client = boto3.client("secretsmanager")
    vault = Vault(client)
    yield vault
    client.delete_secret(SecretId=vault.arn, ForceDeleteWithoutRecovery=True)
    client.close()


@pytest.fixture
def warm(vault: Vault) -> Iterator[SupabaseStateStore]:
    """A store that reads its key from the secret."""
    with serving(vault.answer) as url:
        settings = load_settings({"SUPABASE_URL": url, "SUPABASE_KEY_SECRET_ARN": vault.arn})
        store = container.build_state(settings)
        assert isinstance(store, SupabaseStateStore)
        with store._client:
            assert store.begin(A, 1) == FOUND
            yield store


def test_a_key_that_was_rotated_is_read_again_on_the_first_refusal(
    vault: Vault, warm: SupabaseStateStore
) -> None:
    for key in ("sb_secret_second", "sb_secret_third"):
        vault.asked.clear()
        vault.rotate(key)
        assert warm.begin(A, 1) == FOUND
        assert warm.begin(A, 1) == FOUND
        assert vault.asked[1:] == [key, key]


def test_a_key_that_stays_refused_is_read_again_once(
    vault: Vault, warm: SupabaseStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.rotate("sb_secret_elsewhere", stored=False)
    reads: list[str] = []
    read = read_secret

    def counting(arn: str, field: str, build: ClientBuilder) -> Mapping[str, str]:
        reads.append(arn)
        return read(arn, field, build)

    monkeypatch.setattr("extractor.backends.secrets.read_secret", counting)
    for _ in range(3):
        with pytest.raises(AccessDeniedError):
            warm.begin(A, 1)
    assert reads == [vault.arn]


@pytest.mark.operations_row(11)
def test_a_null_in_the_secret_is_no_token(vault: Vault, warm: SupabaseStateStore) -> None:
    assert warm.begin(A, 1) == FOUND
    vault.client.put_secret_value(SecretId=vault.arn, SecretString=json.dumps({"SUPABASE_KEY": None}))
    with pytest.raises(SettingsError, match="SUPABASE_KEY_SECRET_ARN"):
        container.build_state(
            load_settings({"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_KEY_SECRET_ARN": vault.arn})
        )


@pytest.mark.operations_row(18)
@pytest.mark.parametrize("status", [402, 429, 500, 540, 544])
@pytest.mark.parametrize("body", [b"", b'{"message": "any"}', b"<html>"])
def test_a_gateway_s_refusal_is_named_by_its_status(connect: Connect, status: int, body: bytes) -> None:
    with serving(lambda _: Answer(status, body)) as url, pytest.raises(StateUnavailableError) as caught:
        connect(url).begin(A, 1)
    assert f"HTTP status {status}" in str(caught.value)
    assert "None" not in str(caught.value)


@pytest.mark.operations_row(18)
@pytest.mark.parametrize("answer", [Answer(200), Answer(204), Answer(200, b"\n")])
def test_an_empty_answer_is_no_answer_and_not_an_empty_table(connect: Connect, answer: Answer) -> None:
    with serving(lambda _: answer) as url:
        store = connect(url)
        with pytest.raises(StateUnavailableError):
            store.begin(A, 1)
        with pytest.raises(StateUnavailableError):
            store.reset(["a"])


@pytest.mark.operations_row(16)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("NO_PROXY", "[::1]"),
        ("SSL_CERT_FILE", "/no/such/file"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_a_variable_that_http_cannot_use_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        build_postgrest_client("https://127.0.0.1:1", "key")


@pytest.mark.operations_row(16)
@pytest.mark.parametrize(
    ("config", "error", "named"),
    [
        ("[default]\ncredential_process = /no/such/program\n", SettingsError, "credential_process"),
        ("[default]\ncredential_process = /bin/echo hello\n", SettingsError, "credential_process"),
        ("no config at all", SettingsError, "AWS_CONFIG_FILE"),
        (
            "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
            "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://127.0.0.1:1/start\n",
            AccessDeniedError,
            "credentials",
        ),
    ],
)
def test_credentials_that_cannot_be_had_are_one_line_that_names_the_setting(
    aws_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: str,
    error: type[Exception],
    named: str,
) -> None:
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    settings = load_settings({"STATE_BACKEND": "sqlite", "SQLITE_PATH": str(tmp_path / "state")})
    container._s3_client.cache_clear()
    try:
        with pytest.raises(error, match=named) as caught:
            container.build_object_store(settings, "bucket").read("key")
    finally:
        container._s3_client.cache_clear()
    assert "\n" not in str(caught.value)


@pytest.mark.operations_row(16)
def test_a_token_file_that_is_missing_is_a_denial(
    aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/any")
    settings = load_settings({"STATE_BACKEND": "sqlite", "SQLITE_PATH": str(tmp_path / "state")})
    container._s3_client.cache_clear()
    try:
        with pytest.raises(AccessDeniedError, match="AWS_WEB_IDENTITY_TOKEN_FILE"):
            container.build_object_store(settings, "bucket").read("key")
    finally:
        container._s3_client.cache_clear()
