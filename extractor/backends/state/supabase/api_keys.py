"""The API keys of a Supabase project on each request, and what happens when they are refused."""

import threading
from collections.abc import Callable, Generator

import httpx

from extractor.errors import SettingsError

Keys = tuple[str, str | None]
"""An API key of the project, and the token of a role if there is one."""

KeySource = Callable[[], Keys]

_UNAUTHORIZED = 401


class ApiKeys(httpx.Auth):
    """Puts the keys on requests. When they are refused, they are read again from where they are kept, and the
    request is repeated: they may have been rotated. That is done once, and again only after the new keys
    have been accepted.

    `check` is given each final response, and raises for those that are refused. Safe to use from several
    threads.
    """

    requires_response_body = True

    def __init__(self, keys: Keys, renew: KeySource | None, check: Callable[[httpx.Response], None]) -> None:
        self._keys = keys
        self._renew = renew
        self._check = check
        self._may_renew = renew is not None
        self._lock = threading.Lock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        used = self._keys
        _set(request, used)
        response = yield request
        if response.status_code == _UNAUTHORIZED and (keys := self._newer_than(used)) is not None:
            _set(request, keys)
            response = yield request
        if response.is_success:
            self._may_renew = self._renew is not None
        self._check(response)

    def _newer_than(self, used: Keys) -> Keys | None:
        """Other keys than those that were refused, if there are any."""
        with self._lock:
            if self._keys == used and self._may_renew and self._renew is not None:
                self._may_renew = False
                try:
                    self._keys = self._renew()
                except SettingsError:
                    return None  # the refusal tells more
            return self._keys if self._keys != used else None


def _set(request: httpx.Request, keys: Keys) -> None:
    """A key that begins with ``sb_`` is no JSON web token, and the API refuses it as one.
    https://supabase.com/docs/guides/api/api-keys"""
    key, token = keys
    request.headers["apikey"] = key
    bearer = token or (None if key.startswith("sb_") else key)
    if bearer is not None:
        request.headers["Authorization"] = f"Bearer {bearer}"
    else:
        request.headers.pop("Authorization", None)
