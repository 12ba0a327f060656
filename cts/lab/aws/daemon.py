# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon that is AWS for one lab: python -m lab.aws.daemon STATE_DIR.

It reads STATE_DIR/lab.json, builds that in moto, writes STATE_DIR/topology.json, and serves the
AWS endpoints, the instance metadata of each node, and the control API on STATE_DIR/control.sock
until SIGTERM. With --listen it stands alone: no namespaces, no packets, no machines to switch;
instances then start and stop at once.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab.aws import pki
from lab.aws.auth import Authorizer, CredentialStore
from lab.aws.changes import differences
from lab.aws.cloud import Cloud
from lab.aws.context import Context
from lab.aws.control import Control
from lab.aws.dns import NameServers
from lab.aws.endpoints import Endpoint, resolve
from lab.aws.faults import FaultTable
from lab.aws.gateway import Gateway
from lab.aws.httpd import Server, listen
from lab.aws.imds import Imds, RoleCredentials, Where
from lab.aws.labjson import LabError
from lab.aws.power import Power
from lab.aws.seed import Seeder
from lab.aws.sts import Issuer, Sts

log = logging.getLogger(__name__)


def _forbid_outgoing(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: nothing in this process may connect to anywhere but a unix socket."""
    if event == "socket.connect" and args[0].family in (socket.AF_INET, socket.AF_INET6):
        raise PermissionError(f"the lab's AWS does not connect to {args[1]}")


def _forget_environment() -> None:
    """Keep the caller's own AWS settings away from botocore and moto."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MOTO_")):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def _write_json(path: Path, document: Any) -> None:
    """Write a file that appears whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=2) + "\n")
    temporary.rename(path)


class Daemon:
    """Everything the daemon serves, wired together."""

    def __init__(self, state_dir: Path, standalone: bool) -> None:
        self.state_dir = state_dir
        self.issuer = Issuer()
        self._standalone = standalone
        self._stop = threading.Event()
        self._servers: list[Server] = []
        self._events = (state_dir / "events.jsonl").open("a", buffering=1)
        lab = json.loads((state_dir / "lab.json").read_text())
        cloud = Cloud()
        seeder = Seeder(cloud, lab)
        seeder.check()
        endpoints = resolve(list(lab["regions"]), lab["api_net"])
        self.topology = seeder.build(endpoints)
        cloud.changed({"node": None, "service": None, "action": "seed"})
        self._dataplane = None if standalone else self._make_dataplane()
        if self._dataplane is not None:
            cloud.target_health = self._dataplane.target_health
        cloud.subscribe(self._changed)
        # A client in the internet is none of AWS's instances.
        self.machines = {
            name: machine
            for group in ("nodes", "clients")
            for name, machine in self.topology.get(group, {}).items()
            if "instance" in machine
        }
        home = cloud.regions[0]
        store, authorizer = CredentialStore(cloud, home), Authorizer(cloud, home)
        self.context = Context(
            cloud, endpoints, self._addresses(), self._fault_table(endpoints), store, authorizer
        )
        self.dns = NameServers(self.context)
        self.dns.view.follow(cloud.snapshot())
        self.gateway = Gateway(
            self.context,
            Sts(cloud, store, authorizer, self.issuer, home),
            Power(cloud, None if standalone else self._switch),
            self._rotate,
        )
        roles = RoleCredentials(store)
        self.imds = {
            name: Imds(self.context, name, machine["region"], machine["instance"], roles)
            for name, machine in self.machines.items()
        }

    def _rotate(self, node: str, lifetime_s: float) -> None:
        """End the credentials that a node's role has, and give it others; clients have no role."""
        if self.imds[node].role() is not None:
            self.imds[node].rotate(lifetime_s, expire_old=True)

    def _addresses(self) -> dict[str, str]:
        return {
            address: name
            for name, machine in self.machines.items()
            for eni in machine["enis"]
            for address in (eni["ip"], eni["ip6"])
            if address
        }

    def _fault_table(self, endpoints: list[Endpoint]) -> FaultTable:
        block, unblock = (None, None) if self._standalone else self._packet_filter()
        return FaultTable(
            self.machines,
            endpoints,
            block=block,
            unblock=unblock,
            gate_imds=lambda node, closed: self.imds[node].gate(closed),
        )

    # What the rest of the lab provides.

    def _make_dataplane(self) -> Any:
        from lab.dataplane import DataPlane

        return DataPlane(self.topology)

    def _packet_filter(self) -> Any:
        from lab import netns

        name = self.topology["name"]

        def block(node: str, addresses: list[str], how: str) -> None:
            netns.block(name, node, addresses, how)

        def unblock(node: str, addresses: list[str]) -> None:
            netns.unblock(name, node, addresses)

        return block, unblock

    def _switch(self, node: str, what: str) -> bool:
        command = [sys.executable, "-m", "lab.cli", "--lab", self.topology["name"]]
        done = subprocess.run([*command, "_power", what, node], check=False)
        return done.returncode == 0

    # Changes of AWS's state.

    def _changed(self, cause: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> None:
        now = {"t": time.monotonic(), "wall": time.time(), "kind": "aws"}
        event = {**now, **cause, "changes": differences(old, new)}
        self._events.write(json.dumps(event) + "\n")
        self.dns.view.follow(new)
        self._follow(new)

    def _follow(self, snapshot: dict[str, Any]) -> None:
        if self._dataplane is None:
            return
        try:
            self._dataplane.apply(snapshot)
        except Exception:
            # AWS has changed all the same; the answer to the caller must say so.
            log.exception("the data plane does not follow AWS's state")

    def sync(self) -> dict[str, Any]:
        """Let the data plane follow the state once more."""
        with self.context.cloud.lock:
            if self._dataplane is not None:
                self._dataplane.apply(self.context.cloud.snapshot())
        return {}

    def follow_settings(self) -> None:
        """Let AWS's state know what settings and faults ask of it."""
        settings, faults, cloud = self.context.settings, self.context.faults, self.context.cloud
        # Old states are kept as long as any read may lag.
        cloud.keep_s = max(settings.read_delay_s, settings.imds_delay_s, faults.max_lag_s())
        cloud.ledger.list_errors = settings.change_batch_lists
        delay_s = settings.insync_delay_s
        cloud.ledger.delay_s = math.inf if delay_s is None else delay_s
        if not faults.holds_changes():
            cloud.ledger.release()

    # Serving.

    def start(self, listen_address: str, port_https: int, port_http: int, imds: list[str]) -> None:
        """Open every port, then announce the topology."""
        names = [name for endpoint in self.context.endpoints for name in endpoint.names]
        addresses = [endpoint.address for endpoint in self.context.endpoints]
        if self._standalone:
            names.append("localhost")
            addresses.append(listen_address)
        chain, untrusted = pki.prepare(self.state_dir, names, addresses)
        tls = self._tls(chain, untrusted)
        serve = self.gateway.serve
        self._servers = [
            Server(listen(listen_address, port_https), serve, tls, self._handshake_failed),
            Server(listen(listen_address, port_http), serve),
            Server(self._control_socket(), Control(self).serve),
        ]
        for item in imds:
            node, address, port = _parse_imds(item, list(self.imds))
            self.imds[node].open(Where([address], port))
        for server in self._servers:
            server.start()
        if self._standalone:
            https, plain = (server.socket.getsockname()[1] for server in self._servers[:2])
            self.topology["standalone"] = {
                "https": f"https://{listen_address}:{https}",
                "http": f"http://{listen_address}:{plain}",
                "imds": {node: item.url() for node, item in self.imds.items() if item.url()},
            }
        (self.state_dir / "daemon.pid").write_text(f"{os.getpid()}\n")
        _write_json(self.state_dir / "topology.json", self.topology)

    def stop(self) -> dict[str, Any]:
        """Let run() return."""
        self._stop.set()
        return {}

    def run(self) -> None:
        """Serve until stop() is called, then close everything."""
        self._stop.wait()
        closing = [imds.close for imds in self.imds.values()]
        closing += [self.dns.close, *(server.stop for server in self._servers)]
        with ThreadPoolExecutor(len(closing)) as pool:
            for done in [pool.submit(close) for close in closing]:
                done.result()
        if self._dataplane is not None:
            self._dataplane.close()
        for name in ("control.sock", "daemon.pid", "topology.json", "server.pem", "untrusted.pem"):
            (self.state_dir / name).unlink(missing_ok=True)
        self._events.close()

    def _control_socket(self) -> socket.socket:
        path = self.state_dir / "control.sock"
        path.unlink(missing_ok=True)
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        control.bind(str(path))
        path.chmod(0o600)
        control.listen(64)
        return control

    def _tls(self, chain: Path, untrusted: Path) -> ssl.SSLContext:
        contexts = []
        for path in (chain, untrusted):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(path)
            contexts.append(context)
        trusted, wrong = contexts

        def choose(connection: ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            endpoint = self.gateway.endpoint(name)
            node = self.context.machine_at(connection.getpeername()[0])
            service = endpoint.service if endpoint else None
            region = endpoint.region if endpoint else None
            if self.context.faults.bad_certificate(service, region, node):
                connection.context = wrong

        trusted.sni_callback = choose
        return trusted

    def _handshake_failed(self, peer: tuple, error: Exception) -> None:
        self.context.requests.record_handshake(self.context.machine_at(peer[0]), error)


def _parse_imds(text: str, nodes: list[str]) -> tuple[str, str, int]:
    node, _, rest = text.partition("=")
    address, _, port = rest.rpartition(":")
    if node not in nodes or not address or not port.isdigit() or int(port) > 65535:
        known = ", ".join(nodes)
        raise LabError(f"--imds: {text!r} is not possible; allowed: NODE=ADDR:PORT ({known})")
    return node, address.strip("[]"), int(port)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lab.aws.daemon", description="Serve AWS for one lab."
    )
    parser.add_argument("state_dir", type=Path, help="directory with lab.json")
    parser.add_argument(
        "--listen",
        metavar="ADDR",
        help="stand alone on this address, without namespaces or machines",
    )
    parser.add_argument("--port-https", type=int, default=443, metavar="N", help="0 picks one")
    parser.add_argument("--port-http", type=int, default=80, metavar="N", help="0 picks one")
    parser.add_argument(
        "--imds",
        action="append",
        default=[],
        metavar="NODE=ADDR:PORT",
        help="serve a node's instance metadata here (port 0 picks one); may be repeated",
    )
    parser.add_argument("--verbose", action="store_true", help="log every connection")
    return parser.parse_args()


def main() -> int:
    """Entry point."""
    options = _arguments()
    level = logging.DEBUG if options.verbose else logging.INFO
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO
    )
    logging.getLogger("lab").setLevel(level)
    _forget_environment()
    sys.addaudithook(_forbid_outgoing)
    try:
        daemon = Daemon(options.state_dir, standalone=options.listen is not None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: daemon.stop())
        daemon.start(
            options.listen or "0.0.0.0", options.port_https, options.port_http, options.imds
        )
    except (OSError, ValueError, ClientError, BotoCoreError) as error:
        log.error("cannot serve %s: %s: %s", options.state_dir, type(error).__name__, error)
        return 1
    daemon.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
