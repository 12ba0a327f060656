# SPDX-License-Identifier: GPL-2.0-or-later
"""The service a cluster keeps running in the demo and the tests: who is here?

`service.py PORT` answers every HTTP request with the name of the machine. It uses nothing but
Python's library, so that any machine can run it as ocf:heartbeat:anything.
"""

import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REQUEST_TIMEOUT_S = 5


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        body = socket.gethostname().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        """Twenty requests a second are not worth a log."""


if __name__ == "__main__":
    _Server(("::", int(sys.argv[1])), _Handler).serve_forever()
