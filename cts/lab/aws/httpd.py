# SPDX-License-Identifier: GPL-2.0-or-later
"""A threaded HTTP/1.1 server whose answers may break off, hang or be reset on the raw socket."""

from __future__ import annotations

import http.server
import logging
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

log = logging.getLogger(__name__)

_MAX_BODY = 16 * 1024 * 1024
_IDLE_S = 60.0
_POLL_S = 0.25


@dataclass
class Request:
    """One request as it came in."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    peer: str
    local: str
    tls: bool
    tls_new: bool
    started: float
    wall: float
    size: int

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query string, still percent-encoded."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The first header called `name` in any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass
class Reply:
    """What to answer, and how it reaches the client.

    `delivery` is "whole", "hang" (never answer), "reset" (RST in the middle of the body) or
    "lost" (close without a byte). `chunks` with `length` stands in for a body too big to hold.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    delivery: str = "whole"
    chunks: Iterable[bytes] | None = None
    length: int = 0
    date: float | None = None
    sent: Callable[[float, int], None] | None = None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    timeout = _IDLE_S
    server: Server

    def setup(self) -> None:
        self._ready = False
        self._served = 0
        if isinstance(self.request.getsockname(), tuple):
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls is not None:
            self.request.settimeout(_IDLE_S)
            try:
                plain = self.request
                self.request = self.server.tls.wrap_socket(plain, server_side=True)
                self.server.replace(plain, self.request)
            except (ssl.SSLError, OSError) as error:
                self.server.handshake_failed(self.client_address, error)
                return
        self._ready = True
        super().setup()

    def handle(self) -> None:
        if not self._ready:
            return
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError, TimeoutError) as error:
            log.debug("connection from %s ended: %s", self.client_address, error)

    def finish(self) -> None:
        if not self._ready:
            return
        try:
            super().finish()
        except (OSError, ValueError) as error:
            log.debug("connection from %s could not be flushed: %s", self.client_address, error)
        self.server.shutdown_request(self.request)

    def log_message(self, format: str, *args: object) -> None:
        log.debug("%s " + format, self.client_address, *args)

    def __getattr__(self, name: str) -> Callable[[], None]:
        # http.server looks for a method do_<METHOD>; every method is served alike here.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        started, wall = time.monotonic(), time.time()
        if self.headers.get("Transfer-Encoding"):
            self.send_error(HTTPStatus.NOT_IMPLEMENTED, "chunked requests are not understood")
            self.close_connection = True
            return
        text = self.headers.get("Content-Length") or "0"
        length = int(text) if text.isdecimal() else -1
        if not 0 <= length <= _MAX_BODY:
            self.send_error(
                HTTPStatus.BAD_REQUEST if length < 0 else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        headers = list(self.headers.items())
        overhead = sum(len(name) + len(value) + 4 for name, value in headers) + 2
        peer, local = self.client_address, self.connection.getsockname()
        request = Request(
            method=self.command,
            target=self.path,
            headers=headers,
            body=body,
            peer=peer[0] if isinstance(peer, tuple) else "",
            local=local[0] if isinstance(local, tuple) else "",
            tls=self.server.tls is not None,
            tls_new=self.server.tls is not None and self._served == 0,
            started=started,
            wall=wall,
            size=len(self.raw_requestline) + overhead + length,
        )
        self._served += 1
        reply = self.server.application(request)
        size = 0
        # The client may have an answer in one piece before this thread runs on.
        answered = time.monotonic()
        try:
            size = self._deliver(reply)
        finally:
            if reply.sent is not None:
                at_once = reply.delivery == "whole" and reply.chunks is None
                reply.sent(answered if at_once else time.monotonic(), size)

    def _deliver(self, reply: Reply) -> int:
        if reply.delivery == "hang":
            self._wait_for_peer()
            self.close_connection = True
            return 0
        if reply.delivery == "lost":
            self.close_connection = True
            return 0
        length = reply.length if reply.chunks is not None else len(reply.body)
        head = self._head(reply, length)
        self.wfile.write(head)
        if self.command == "HEAD" or reply.status in (204, 304):
            self.wfile.flush()
            return len(head)
        if reply.delivery == "reset":
            half = reply.body[: len(reply.body) // 2]
            self.wfile.write(half)
            self.wfile.flush()
            # A close with a zero linger time sends RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
            return len(head) + len(half)
        for chunk in reply.chunks if reply.chunks is not None else (reply.body,):
            self.wfile.write(chunk)
        self.wfile.flush()
        return len(head) + length

    def _head(self, reply: Reply, length: int) -> bytes:
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = ""
        lines = [f"HTTP/1.1 {reply.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines += [f"Date: {formatdate(reply.date, usegmt=True)}", f"Content-Length: {length}"]
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _wait_for_peer(self) -> None:
        """Block until the client gives up or the server stops."""
        self.connection.settimeout(_POLL_S)
        while not self.server.stopping.is_set():
            try:
                if not self.connection.recv(4096):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves `application` on a listening socket, one thread a connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        listener: socket.socket,
        application: Callable[[Request], Reply],
        tls: ssl.SSLContext | None = None,
        handshake_failed: Callable[[tuple, Exception], None] | None = None,
    ) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.application = application
        self.tls = tls
        self.stopping = threading.Event()
        self._handshake_failed = handshake_failed
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": _POLL_S}, daemon=True
        )

    def start(self) -> None:
        """Accept connections in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, close the listening socket and end every connection."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the peer was faster

    def handshake_failed(self, peer: tuple, error: Exception) -> None:
        """Told by a connection whose TLS handshake did not succeed."""
        log.debug("TLS handshake with %s failed: %s", peer, error)
        if self._handshake_failed is not None:
            self._handshake_failed(peer, error)

    def process_request(self, request: socket.socket, client_address: object) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def replace(self, old: socket.socket, new: socket.socket) -> None:
        """Note that TLS took over the connection `old`."""
        with self._lock:
            self._connections.discard(old)
            self._connections.add(new)

    def shutdown_request(self, request: socket.socket) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("a request from %s failed", client_address)


def listen(address: str, port: int) -> socket.socket:
    """A listening TCP socket that children do not inherit."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, port))
    listener.listen(128)
    return listener
