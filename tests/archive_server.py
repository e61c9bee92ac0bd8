"""A stand-in for the archives on this machine: what it is told to answer, and what it was asked."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pipeline.fetch.http import Clock

FIXTURES = Path(__file__).parent / "fixtures"
CSV = (FIXTURES / "wyoming_csv" / "drifting.csv").read_bytes()
NO_DATA = b"Unable to retrieve the data for 72451 at 2003-05-01 00:00:00."
PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Sorry</body></html>\n"
)
STATION_LIST = b"""\
GMM00010393  52.2170   14.1170  112.0    LINDENBERG                     1949 2026  70000
SZM00006610  46.8120    6.9430  491.0    PAYERNE                        1948 2026  50000
USM00072451  37.7600  -99.9700  791.0 KS DODGE CITY                     1948 2026  40000
USN00006610  40.0000  -99.0000  100.0    NOT A WMO NUMBER               1930 1940    100
"""


def igra_text(station: str, soundings: int = 1) -> str:
    """Return some soundings as IGRA has them, each of six levels."""
    text = ""
    for number in range(soundings):
        hour, day, month = 12 * (number % 2), 1 + number // 2 % 28, 1 + number // 56
        text += (
            f"#{station} 2026 {month:02d} {day:02d} {hour:02d} {(hour + 23) % 24:02d}30    6 "
            "ncdc-nws ncdc-nws  377600  -999700\n"
        )
        for kind, pressure, height, temperature, depression, wind in [
            ("21", 92000, 791, 250, 60, 50),
            ("10", 85000, 1480, 200, 80, 80),
            ("10", 70000, 3110, 90, 120, 110),
            ("10", 50000, 5800, -80, 150, 180),
            ("10", 40000, 7490, -190, 180, 220),
            ("10", 30000, 9560, -350, 200, 300),
        ]:
            text += (
                f"{kind} -9999 {pressure + number:6d} {height:5d} {temperature:5d} -9999 "
                f"{depression:5d}   225 {wind:5d} \n"
            )
    return text


def igra_zip(
    station: str, soundings: int = 1, text: str | None = None, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return such soundings as the archive packs them; the same bytes for the same soundings."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        entry = zipfile.ZipInfo(f"{station}-data.txt", (2026, 1, 1, 0, 0, 0))
        archive.writestr(entry, text if text is not None else igra_text(station, soundings), method)
    return packed.getvalue()


@dataclass
class Reply:
    """An answer to one request.

    Parameters
    ----------
    status, body, headers
        As they are sent. With an ``ETag`` or ``Last-Modified`` the server behaves as they demand.
    announce : int, optional
        The length that is said, in place of the true one; -1: none, in chunks; -2: none at all.
    cut_after, stall_after : int, optional
        So many bytes are sent, and then the connection ends, or nothing happens any more.
    ranges : bool
        Parts are sent where they are asked for.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announce: int | None = None
    cut_after: int | None = None
    stall_after: int | None = None
    ranges: bool = True


def versioned(body: bytes, etag: str = '"one"', **more: object) -> Reply:
    """Return a file with a strong name of its version."""
    return Reply(body, headers={"ETag": etag}, **more)


@dataclass
class Request:
    """What was asked."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class Server:
    """An archive; `replies` by path, each in turn and the last for ever."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[Request] = []
        self.at_once = self.most_at_once = 0
        self.has_ended = threading.Event()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *words: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def serve(self, path: str, *replies: Reply | bytes) -> None:
        """Answer requests for a path."""
        self.replies[path] = [
            reply if isinstance(reply, Reply) else Reply(reply) for reply in replies
        ]

    def names(self) -> list[str]:
        """Return the last parts of the paths that were asked for."""
        return [request.name for request in self.asked]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        parts = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        key = f"{parts.path}?{query['id']} {query['datetime']}" if "id" in query else parts.path
        with self._lock:
            self.asked.append(Request(parts.path, query, dict(handler.headers)))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            waiting = self.replies.get(key) or [Reply(PAGE, 404)]
            reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        try:
            self._send(handler, _negotiated(reply, handler.headers))
        except OSError:  # the other side has gone
            handler.close_connection = True
        finally:
            with self._lock:
                self.at_once -= 1

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        length = len(reply.body) if reply.announce is None else reply.announce
        if length >= 0:
            handler.send_header("Content-Length", str(length))
        elif length == -1:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        limits = [limit for limit in (reply.cut_after, reply.stall_after) if limit is not None]
        body = reply.body[: min(limits, default=len(reply.body))]
        if length == -1:
            for start in range(0, len(body), 100):
                piece = body[start : start + 100]
                handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            handler.wfile.write(b"" if limits else b"0\r\n\r\n")
        else:
            handler.wfile.write(body)
        handler.wfile.flush()
        if reply.stall_after is not None:
            self.has_ended.wait(30)
        handler.close_connection = bool(limits) or length != len(reply.body)


def _negotiated(reply: Reply, asked: object) -> Reply:
    """Return what a server sends that knows versions and parts."""
    version = reply.headers.get("ETag", reply.headers.get("Last-Modified"))
    if reply.status != 200 or version is None:
        return reply
    if version in (asked["If-None-Match"], asked["If-Modified-Since"]):
        return Reply(b"", 304, reply.headers)
    wanted = asked["Range"]
    if wanted and reply.ranges and asked["If-Range"] in (None, version):
        start, size = int(wanted.removeprefix("bytes=").rstrip("-")), len(reply.body)
        if start >= size:
            return Reply(b"", 416, {"Content-Range": f"bytes */{size}"})
        headers = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        return replace(reply, body=reply.body[start:], status=206, headers=reply.headers | headers)
    return reply


@contextmanager
def running() -> Iterator[Server]:
    """Yield a server at work."""
    server = Server()
    thread = threading.Thread(target=server._http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.has_ended.set()
        server._http.shutdown()
        server._http.server_close()
        thread.join()


class Ticks:
    """A clock that only moves when somebody sleeps."""

    def __init__(self, now: datetime) -> None:
        self.start, self.passed, self.naps = now, 0.0, []
        self.clock = Clock(lambda: self.start + timedelta(seconds=self.passed), self.read, self.nap)

    def read(self) -> float:
        return 1000.0 + self.passed

    def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.passed += seconds


NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
