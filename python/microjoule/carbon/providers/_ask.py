"""Asks over HTTP: within a budget of time, of sane size, and never where a redirect points."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from microjoule.carbon.providers._protocol import MissingExtraError, ProviderError

if TYPE_CHECKING:
    import socket

    import httpx
    import tenacity

_T = TypeVar("_T")

_CONNECT_S = 3.0
_READ_S = 5.0
_ATTEMPTS = 3
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 2.0
# A month of five-minute figures is 0.6 MB.
_MOST_BYTES = 4 << 20
_LONGEST_PAUSE_S = 86400.0


class Question:
    """One question to one provider: as many requests as it takes, within one budget of time.

    Args:
        base_url: the provider's address, without a slash at the end.
        budget_s: how long all of it may take.
    """

    def __init__(self, base_url: str, budget_s: float) -> None:
        try:
            import httpx  # late: only who goes online pays for it
            import tenacity
        except ImportError:
            raise MissingExtraError(
                "live figures need httpx and tenacity: pip install 'microjoule[carbon]'"
            ) from None
        self._httpx = httpx
        self._tenacity = tenacity
        self._base_url = base_url
        self._budget_s = budget_s
        self._deadline = time.monotonic() + budget_s
        self._over = False
        self._sockets: list[socket.socket] = []

    def within_budget(self, ask: Callable[[Question], _T]) -> _T:
        """Return what ``ask`` returns, or give up when the budget is spent.

        A name server that hangs or a header that drips in byte by byte escapes every time-out of
        a client, so the question has a thread of its own, which is left behind.

        Raises:
            ProviderError: no answer, or none in time.
        """
        found: list[_T] = []
        failed: list[ProviderError] = []

        def run() -> None:
            try:
                with self._connect() as self._client:
                    found.append(ask(self))
            except ProviderError as error:
                failed.append(error)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                failed.append(ProviderError("gave an answer that is not in its documented shape"))
            except Exception as error:  # a proxy that cannot be used, a name that is no name
                failed.append(ProviderError(f"could not be asked ({type(error).__name__})"))

        thread = threading.Thread(target=run, name="microjoule-provider", daemon=True)
        thread.start()
        thread.join(self._budget_s)
        if found:
            return found[0]
        if failed:
            raise failed[0]
        self._give_up()
        raise ProviderError(f"gave no answer within {self._budget_s:g} s", again=True)

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> object:
        """Return the JSON that stands at a path, asking again where that may help.

        Raises:
            ProviderError: it cannot be had.
        """
        t = self._tenacity
        left_s = max(0.0, self._deadline - time.monotonic())
        backoff = t.wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S)

        def wait_s(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            after_s = error.after_s if isinstance(error, ProviderError) else None
            return backoff(state) if after_s is None else after_s

        retrying = t.Retrying(
            retry=t.retry_if_exception(lambda e: isinstance(e, ProviderError) and e.again),
            stop=t.stop_after_attempt(_ATTEMPTS) | t.stop_before_delay(left_s),
            wait=wait_s,
            reraise=True,
        )
        return retrying(self._get_once, path, params or {}, headers or {}, auth)

    def _get_once(
        self,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        auth: tuple[str, str] | None,
    ) -> object:
        httpx = self._httpx
        left_s = self._deadline - time.monotonic()
        if self._over or left_s <= 0:
            raise ProviderError("gave no answer in time")
        try:
            with self._client.stream(
                "GET",
                self._base_url + path,
                params=params,
                headers=headers,
                auth=auth,
                timeout=httpx.Timeout(min(_READ_S, left_s), connect=min(_CONNECT_S, left_s)),
                extensions={"trace": self._trace},
            ) as response:
                _refuse_status(response.status_code, response.headers)
                return _parsed(self._body(response))
        except httpx.TimeoutException:
            raise ProviderError("did not answer in time", again=True) from None
        except httpx.ConnectError:
            raise ProviderError("cannot be reached", again=True) from None
        except httpx.HTTPError:
            raise ProviderError("broke the connection off", again=True) from None

    def _connect(self) -> httpx.Client:
        try:
            return self._httpx.Client(
                follow_redirects=False,  # a redirect would carry the token to another host
                headers={
                    "accept": "application/json",
                    "accept-encoding": "identity",  # a small body must not unpack to a huge one
                    "user-agent": "microjoule",
                },
            )
        except (ImportError, ValueError):
            raise ProviderError(
                "could not be asked: the proxy that the environment names cannot be used"
            ) from None

    def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise ProviderError(f"gave an answer of more than {_MOST_BYTES >> 20} MiB")
        return bytes(body)

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        """Remember the socket, so that giving up can close it."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            stream: Any = info["return_value"]
            self._sockets.append(stream.get_extra_info("socket"))

    def _give_up(self) -> None:
        import socket  # late: httpx has loaded it

        self._over = True
        for connected in self._sockets:
            with contextlib.suppress(OSError):  # closed already, or TLS has taken it over
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _refuse_status(status: int, headers: Mapping[str, str]) -> None:
    """Raise for every status but 200, in words of our own: a server may echo the token in its."""
    if status == 200:
        return
    if 300 <= status < 400:
        reason = f"redirects to another address ({status}), which is not followed"
        raise ProviderError(reason, status=status)
    words = {
        401: "does not accept the token or password (401)",
        403: "gives this account no access to it (403)",
        404: "does not know the place or the time asked for (404)",
        429: "has had too many questions (429)",
    }
    reason = words.get(status, f"answered with status {status}")
    again = status in (408, 425, 429) or status >= 500
    after_s = _seconds(headers.get("retry-after")) if again else None
    raise ProviderError(reason, status=status, again=again, after_s=after_s)


def _seconds(retry_after: str | None) -> float | None:
    """Return a Retry-After in seconds; it is a number of them or a date."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        from email.utils import parsedate_to_datetime  # late: few servers send a date

        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(0.0, seconds), _LONGEST_PAUSE_S) if seconds == seconds else None


def _parsed(body: bytes) -> object:
    def no_number(_: str) -> float:
        raise ValueError

    try:
        return json.loads(body, parse_constant=no_number)
    except (ValueError, RecursionError):
        raise ProviderError("gave an answer that is no JSON") from None
