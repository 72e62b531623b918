"""Send the API keys of a Supabase project with each request, and read them again when they are rejected."""

import threading
from collections.abc import Callable, Generator

import httpx

from extractor.errors import SettingsError

Keys = tuple[str, str | None]
"""An API key of the project, and a role's JSON web token or ``None``."""

KeySource = Callable[[], Keys]

_UNAUTHORIZED = 401


class ApiKeys(httpx.Auth):
    """Adds the keys to requests. Thread-safe.

    When the server answers 401, the keys are read again, because they may have been rotated, and the request
    is repeated. That happens once, and again only after the new keys have been accepted.

    Args:
        keys: The first keys.
        renew: Reads the keys again; ``None`` if they cannot change.
        check: Receives each final response, and raises for those that are errors.
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
        """Return keys that differ from the rejected ones, if there are any."""
        with self._lock:
            if self._keys == used and self._may_renew and self._renew is not None:
                self._may_renew = False
                try:
                    self._keys = self._renew()
                except SettingsError:
                    return None  # the 401 response is the more specific error
            return self._keys if self._keys != used else None


def _set(request: httpx.Request, keys: Keys) -> None:
    """Set the headers.

    New keys (``sb_…``) are not JSON web tokens and must not be sent as bearer tokens; see
    https://supabase.com/docs/guides/api/api-keys.
    """
    key, token = keys
    request.headers["apikey"] = key
    bearer = token or (None if key.startswith("sb_") else key)
    if bearer is not None:
        request.headers["Authorization"] = f"Bearer {bearer}"
    else:
        request.headers.pop("Authorization", None)
