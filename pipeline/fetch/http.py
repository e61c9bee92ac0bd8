"""Asking an archive's server: one request at a time, with pauses, and with a patience that ends.

What a server says about itself is obeyed: "come back later" (Retry-After), "too many requests",
"not here". What only one file has is told apart from what the whole host has, so that a station
that cannot be had costs no other its turn, and a server that is down is not asked a thousand times.
"""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from pipeline import DISTRIBUTION, __version__
from pipeline.errors import PipelineError

Result = TypeVar("Result")

log = logging.getLogger("pipeline")

#: What may be better in a moment.
PASSING = (408, 425, 429, 500, 502, 503, 504)
#: What is meant of the host as a whole, not of one file.
BUSY = (429, 503)
#: What a request for a file may be answered with: all of it, a part, nothing new, no such part.
ANSWERS = (200, 206, 304, 416)
#: Bytes of a reply taken at a time, and of one that only says why not.
CHUNK, EXPLANATION = 65536, 2000
#: A host to which so many connections in a row could not be made is left alone.
SILENCES = 5
#: The longest wait before an attempt, unless the server asks for more (seconds).
LONGEST_BACKOFF = 60.0


class FetchError(PipelineError):
    """A file that could not be had, and why; others are asked for all the same."""

    url = ""
    """Where it was asked for, if it was."""


class NoDataError(FetchError):
    """The archive says that it does not have this."""


class PassingError(FetchError):
    """What may be better in a moment."""


class RefusedError(FetchError):
    """The server said no: with which status, and in which words."""

    def __init__(self, message: str, status: int, text: str) -> None:
        super().__init__(message)
        self.status, self.text = status, text


@dataclass(frozen=True)
class Clock:
    """Where the time comes from, so that tests need not wait."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Manners:
    """How a server is treated.

    Parameters
    ----------
    pause : float
        Seconds from the end of a request to the next one.
    timeout : float
        Seconds in which a connection must stand, and in which the next piece of a reply must come.
    contact : str
        Whom the archive's people may write to.
    attempts : int
        So often a file is asked for while what is wrong may pass.
    patience : float
        Seconds after which there is no further attempt, and a reply still running is given up.
    first_wait : float
        Seconds before the second attempt, about; they double with each, up to LONGEST_BACKOFF.
    longest_wait : float
        A server that asks to wait for more seconds is left alone until the next fetch.
    """

    pause: float = 1.0
    timeout: float = 30.0
    contact: str = ""
    attempts: int = 5
    patience: float = 1800.0
    first_wait: float = 2.0
    longest_wait: float = 300.0

    @property
    def user_agent(self) -> str:
        """Who asks, what for, and whom to write to."""
        who = f"; contact: {self.contact}" if self.contact else ""
        return f"{DISTRIBUTION}/{__version__} (brings soundings for a nightly run{who})"


@dataclass
class Host:
    """What is known of a server in this fetch."""

    ready_at: float = 0.0
    """It is not asked before."""
    silences: int = 0
    """So many connections in a row could not be made."""
    is_weary: bool = False
    """The last file was asked for in vain to the end: the next is asked for once."""
    closed: str = ""
    """Why it is not asked any more."""


@dataclass
class Client:
    """Asks for files; `hosts` may be shared with other clients, so that they share the pauses."""

    manners: Manners = Manners()
    clock: Clock = Clock()
    hosts: dict[str, Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._session = requests.Session()
        self._session.max_redirects = 5
        # Sizes and parts of a file are those of the file, not of what is packed for the way.
        self._session.headers.update(
            {"User-Agent": self.manners.user_agent, "Accept-Encoding": "identity"}
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    @contextmanager
    def reply(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Yield the reply to a request, one of ANSWERS, its body still to come.

        Raises
        ------
        PassingError, RefusedError, FetchError
            For every other answer, and for none.
        """
        host = self._host(url)
        self._wait_for(host)
        try:
            response = self._asked(host, url, headers)
            try:
                if response.status_code not in ANSWERS:
                    raise self._failure(host, response)
                yield response
            finally:
                response.close()
        finally:
            host.ready_at = max(host.ready_at, self.clock.seconds() + self.manners.pause)

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body of a reply, as it comes.

        Raises
        ------
        PassingError
            When it stalls or breaks off.
        FetchError
            When it goes on for longer than our patience.
        """
        began = self.clock.seconds()
        try:
            for chunk in _pieces(response):
                yield chunk
                if self.clock.seconds() - began > self.manners.patience:
                    raise FetchError(f"it takes longer than {self.manners.patience:g} s")
        except (urllib3.exceptions.ReadTimeoutError, requests.exceptions.ReadTimeout) as error:
            raise PassingError(f"nothing more came for {self.manners.timeout:g} s") from error
        except (
            urllib3.exceptions.HTTPError,
            requests.exceptions.RequestException,
            http.client.HTTPException,
            OSError,
        ) as error:
            raise PassingError(f"the reply broke off ({_innermost(error)})") from error

    def persist(self, url: str, attempt: Callable[[], Result]) -> Result:
        """Return what an attempt gives; try again, with growing waits, while what fails may pass.

        Raises
        ------
        FetchError
            When it will not pass, or the patience has ended.
        """
        host = self._host(url)
        began, most = self.clock.seconds(), 1 if host.is_weary else self.manners.attempts
        count = 0

        def is_enough(state: RetryCallState) -> bool:
            nonlocal count
            count = state.attempt_number
            return count >= most or self.clock.seconds() - began >= self.manners.patience

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.info("%s: %s; asked for again", url, error)

        first = self.manners.first_wait
        retrying = Retrying(
            retry=retry_if_exception_type(PassingError),
            stop=is_enough,
            wait=wait_exponential(multiplier=first, max=LONGEST_BACKOFF) + wait_random(0, first),
            sleep=self.clock.sleep,
            before_sleep=tell,
            reraise=True,
        )
        try:
            result = retrying(attempt)
        except PassingError as error:
            host.is_weary = True
            times = f"; asked {count} times" if count > 1 else ""
            raise FetchError(f"{error}{times}") from error
        except RefusedError:
            host.is_weary = False  # it works, and said no
            raise
        host.is_weary = False
        return result

    def _host(self, url: str) -> Host:
        return self.hosts.setdefault(urlsplit(url).netloc.rpartition("@")[2].lower(), Host())

    def _wait_for(self, host: Host) -> None:
        if host.closed:
            raise FetchError(f"not asked for: {host.closed}")
        if (seconds := host.ready_at - self.clock.seconds()) > 0:
            self.clock.sleep(seconds)

    def _asked(self, host: Host, url: str, headers: Mapping[str, str]) -> requests.Response:
        """Return the reply as it begins."""
        timeout = (self.manners.timeout, self.manners.timeout)
        try:
            response = self._session.get(url, headers=dict(headers), timeout=timeout, stream=True)
        except requests.exceptions.RequestException as error:
            raise self._silence(host, url, error) from error
        except (urllib3.exceptions.HTTPError, ValueError) as error:  # a reply that is none
            raise FetchError(f"the reply cannot be understood ({_innermost(error)})") from error
        host.silences = 0
        return response

    def _silence(
        self, host: Host, url: str, error: requests.exceptions.RequestException
    ) -> Exception:
        """Return the error for a request without a reply."""
        errors, why = requests.exceptions, _innermost(error)
        if isinstance(error, errors.SSLError):
            return FetchError(f"no safe connection ({why})")
        if isinstance(error, errors.ReadTimeout):
            return PassingError(f"no answer within {self.manners.timeout:g} s")
        if not isinstance(error, errors.ConnectionError | errors.ChunkedEncodingError):
            return FetchError(f"the reply cannot be used ({why})")
        reason = getattr(error.args[0], "reason", None) if error.args else None
        is_connected = not (
            isinstance(error, errors.ConnectTimeout | errors.ProxyError)
            or isinstance(reason, urllib3.exceptions.NewConnectionError)
        )
        if is_connected:
            return PassingError(f"the connection broke off before an answer ({why})")
        host.silences += 1
        text = f"no connection to {urlsplit(url).hostname} ({why})"
        if host.silences >= SILENCES:
            host.closed = f"{text}, {host.silences} times in a row"
            return FetchError(host.closed)
        return PassingError(text)

    def _failure(self, host: Host, response: requests.Response) -> FetchError:
        """Return the error for a reply that is not one of ANSWERS."""
        status = response.status_code
        reason = http.client.responses.get(status, "")
        text = f"HTTP {status} {reason}".rstrip()
        if status not in PASSING:
            return RefusedError(text, status, self._explanation(response))
        seconds = self._seconds_to_wait(response.headers.get("Retry-After", ""))
        if seconds > self.manners.longest_wait:
            host.closed = f"the server asks to wait for {seconds:.0f} s ({text})"
            return FetchError(host.closed)
        host.ready_at = self.clock.seconds() + seconds
        if host.is_weary and status in BUSY:
            host.closed = f"the server is too busy ({text})"
        return PassingError(text)

    def _explanation(self, response: requests.Response) -> str:
        """Return the beginning of what a reply says, as far as it comes."""
        said = b""
        with suppress(FetchError):
            for chunk in self.chunks(response):
                said += chunk
                if len(said) >= EXPLANATION:
                    break
        return said[:EXPLANATION].decode("utf-8", "replace")

    def _seconds_to_wait(self, text: str) -> float:
        """Return what ``Retry-After`` asks for, in seconds; 0 where it makes no sense."""
        text = text.strip()
        if text.isascii() and text.isdigit():
            return float(text[:12])
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - self.clock.now()).total_seconds())


def is_packed(response: requests.Response) -> bool:
    """Tell whether a reply is packed for the way, although it was not asked for so."""
    return response.headers.get("Content-Encoding", "identity").lower() != "identity"


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Yield the body of a reply, each piece as soon as it is there."""
    read1 = getattr(response.raw, "read1", None)
    if read1 is None or is_packed(response):
        yield from response.iter_content(4096)
        return
    # What waits for whole chunks would wait for days for a server that sends a byte a minute.
    while chunk := read1(CHUNK):
        yield chunk


def _innermost(error: BaseException) -> str:
    """Return what the error that began it all says, without the names of the errors around it."""
    inner = error
    for _ in range(10):  # an error may be its own cause
        arguments = (getattr(inner, "reason", None), *inner.args, inner.__cause__)
        following = next((each for each in arguments if isinstance(each, BaseException)), None)
        if following is None:
            break
        inner = following
    said = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return " ".join(said.split()) or type(inner).__name__
