"""What Supabase's database API is made of: PostgreSQL, PostgREST, and a gateway that checks the key."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.support.servers.http import Answer, Request, forward, serving
from tests.support.servers.postgres import Postgres, postgres
from tests.support.servers.postgrest import binary, postgrest

_PREFIX = "/rest/v1"
_JWT_SECRET = "a-secret-that-only-this-test-server-has"
_ROLES = """
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to authenticated, service_role;
"""


@dataclass(frozen=True, slots=True)
class Supabase:
    """The gateway takes the two keys only: with `service_key` one may do everything, with `anon_key` nothing.
    A token beside the key gives the rights of its role."""

    url: str
    service_key: str
    anon_key: str
    database: Postgres

    def token(self, role: str) -> str:
        """A JSON web token (HS256), as the keys are."""
        return _token(role)


@contextmanager
def supabase(schema: str) -> Iterator[Supabase]:
    """A running project with the tables of `schema`."""
    binary()  # know that it is there before the database starts
    service_key, anon_key = _token("service_role"), _token("anon")
    with postgres() as database:
        database.sql(_ROLES + schema)
        with (
            postgrest(f"{database.uri}&user=authenticator", _JWT_SECRET) as api,
            serving(lambda request: _answer(request, api, {service_key, anon_key})) as url,
        ):
            yield Supabase(url, service_key, anon_key, database)


def _answer(request: Request, api: httpx.Client, keys: Set[str]) -> Answer:
    """Supabase's gateway answers a wrong key without an error code."""
    if request.headers.get("apikey") not in keys:
        return _refusal(401, "Invalid API key")
    if not request.path.startswith(_PREFIX):
        return _refusal(404, "no Route matched with those values")
    return forward(request, api, request.path.removeprefix(_PREFIX))


def _refusal(status: int, message: str) -> Answer:
    body = json.dumps({"message": message}).encode()
    return Answer(status, body, {"Content-Type": "application/json"})


def _token(role: str) -> str:
    parts = b".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256"}, {"role": role}))
    signature = hmac.digest(_JWT_SECRET.encode(), parts, hashlib.sha256)
    return (parts + b"." + _base64url(signature)).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
