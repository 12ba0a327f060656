# SPDX-License-Identifier: GPL-2.0-or-later
"""Route 53's name servers: a resolver for each VPC, and one for the internet.

They answer from what Route 53 has published, never from moto itself, and know no other names.
"""

from __future__ import annotations

import logging
import random
import re
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass
from typing import Any

import dnslib
from dnslib import QTYPE, RCODE, RR, DNSLabel, DNSRecord

from lab.aws.context import Context
from lab.aws.httpd import listen
from lab.aws.inside import opened
from lab.aws.records import canonical_name, name_of
from lab.aws.route53 import Ledger

log = logging.getLogger(__name__)

PORT = 53
_MAX_ALIASES = 8
_PLAIN_UDP_SIZE = 512
_POLL_S = 0.25
_TCP_IDLE_S = 10.0
_NAME_TYPES = {"CNAME": dnslib.CNAME, "NS": dnslib.NS, "PTR": dnslib.PTR}
# name -> type -> the record sets of both
Content = dict[str, dict[str, list[dict[str, Any]]]]


# What the zones say.


class _Zone:
    """One published zone."""

    def __init__(self, zone: dict[str, Any]) -> None:
        self.name: str = zone["name"]
        self.private: bool = zone["private"]
        self.vpcs: list[str] = zone["vpcs"]
        self._content: Content = {}
        # Also the names between the zone and a record: they exist, without records.
        self._names: set[str] = set()
        for record in zone["records"]:
            kinds = self._content.setdefault(record["name"], {})
            kinds.setdefault(record["type"], []).append(record)
            name = record["name"]
            while name != self.name:
                self._names.add(name)
                name = name.partition(".")[2]
        self._names.add(self.name)

    def visible_in(self, vpc: str | None) -> bool:
        """Whether a VPC, or the internet (None), sees the zone."""
        return vpc in self.vpcs if self.private else True

    def has(self, name: str) -> bool:
        """Whether the name lies in the zone."""
        return name == self.name or name.endswith("." + self.name)

    def find(self, name: str) -> dict[str, list[dict[str, Any]]] | None:
        """The record sets of a name by type, of a wildcard if need be; None if it is not there."""
        if name in self._names:
            return self._content.get(name, {})
        while name != self.name:
            name = name.partition(".")[2]
            wildcard = self._content.get(rf"\052.{name}")
            if wildcard is not None or name in self._names:
                return wildcard
        return None

    def authority(self) -> list[RR]:
        """The SOA record, which says how long a negative answer holds."""
        sets = self._content[self.name].get("SOA", [])
        return [rr for item in sets[:1] for rr in _resource_records(DNSLabel(self.name), item)]


class View:
    """What the name servers have of Route 53 at any moment."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._live: list[dict[str, Any]] = []
        self._zones: list[_Zone] | None = None
        self._lock = threading.Lock()

    def follow(self, snapshot: dict[str, Any]) -> None:
        """Take the zones of a snapshot; what is PENDING of them shows later."""
        with self._lock:
            self._live = snapshot["zones"]
            self._zones = None

    def zone(self, vpc: str | None, name: str) -> _Zone | None:
        """The zone that answers for a name: a private one of the VPC hides every public one, and
        among those of a kind the one closest to the name is meant."""
        found = [zone for zone in self._published() if zone.has(name) and zone.visible_in(vpc)]
        return max(found, key=lambda zone: (zone.private, len(zone.name)), default=None)

    def _published(self) -> list[_Zone]:
        with self._lock:
            zones = self._zones
            if zones is None:
                content, complete = self._ledger.published(self._live)
                zones = [_Zone(zone) for zone in content]
                # While anything is PENDING, the next question has to look again.
                self._zones = zones if complete else None
            return zones


def _chosen(sets: list[dict[str, Any]]) -> dict[str, Any]:
    """The record set that is answered, of those of one name and type."""
    weights = [item["weight"] for item in sets]
    if None not in weights:
        return random.choices(sets, weights if any(weights) else None)[0]
    primary = [item for item in sets if item["failover"] == "PRIMARY"]
    return (primary or sets)[0]


def _label(name: str) -> DNSLabel:
    """A canonical name as DNS carries it."""
    labels = [
        re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), label).encode("latin-1")
        for label in canonical_name(name).split(".")[:-1]
    ]
    return DNSLabel(labels)


def _resource_records(owner: DNSLabel, record: dict[str, Any]) -> list[RR]:
    kind, ttl = record["type"], record["ttl"]
    if kind in _NAME_TYPES:
        data = [_NAME_TYPES[kind](_label(value)) for value in record["values"]]
        return [RR(owner, getattr(QTYPE, kind), ttl=ttl, rdata=item) for item in data]
    found = [rr for value in record["values"] for rr in RR.fromZone(f". {ttl} IN {kind} {value}")]
    for rr in found:
        rr.rname = owner
    return found


def answer(view: View, vpc: str | None, request: DNSRecord) -> DNSRecord:
    """The answer to a request from a VPC, or from the internet."""
    reply = request.reply(ra=1, aa=1)
    owner, kind = request.q.qname, QTYPE.get(request.q.qtype)
    for _ in range(_MAX_ALIASES):
        name = name_of(owner.label)
        zone = view.zone(vpc, name)
        sets = zone.find(name) if zone is not None else None
        if sets is None:
            reply.header.rcode = RCODE.NXDOMAIN
            reply.add_auth(*(zone.authority() if zone is not None else []))
            return reply
        if kind in sets:
            reply.add_answer(*_resource_records(owner, _chosen(sets[kind])))
            return reply
        if "CNAME" not in sets:
            reply.add_auth(*zone.authority())
            return reply
        alias = _resource_records(owner, _chosen(sets["CNAME"]))[0]
        reply.add_answer(alias)
        owner = alias.rdata.label
    reply.header.rcode = RCODE.SERVFAIL
    return reply


# Serving.


@dataclass(frozen=True)
class _Asked:
    """Where a request comes from: the resolver, and the sender's address."""

    resolver: Resolver
    peer: str

    def answer(self, data: bytes) -> DNSRecord | None:
        """The answer; None when there shall be none."""
        try:
            request = DNSRecord.parse(data)
        except dnslib.DNSError as error:
            log.debug("no DNS request from %s: %s", self.peer, error)
            return None
        if request.header.qr or not request.questions:
            return None
        try:
            return self.resolver.answer(request, self.peer)
        except Exception:
            log.exception("the answer to %s failed", request.q)
            reply = request.reply()
            reply.header.rcode = RCODE.SERVFAIL
            return reply


class _Udp(socketserver.BaseRequestHandler):
    server: _UdpServer

    def handle(self) -> None:
        data, out = self.request
        asked = _Asked(self.server.resolver, self.client_address[0])
        reply = asked.answer(data)
        if reply is None:
            return
        packed = reply.pack()
        if len(packed) > _udp_size(data):
            packed = reply.truncate().pack()
        out.sendto(packed, self.client_address)


def _udp_size(request: bytes) -> int:
    """The largest answer the client takes: 512 octets, or what EDNS says (RFC 6891)."""
    options = [rr for rr in DNSRecord.parse(request).ar if rr.rtype == QTYPE.OPT]
    return max(_PLAIN_UDP_SIZE, *(rr.edns_len for rr in options), 0)


class _Tcp(socketserver.StreamRequestHandler):
    server: _TcpServer
    timeout = _TCP_IDLE_S

    def handle(self) -> None:
        asked = _Asked(self.server.resolver, self.client_address[0])
        try:
            while len(head := self.rfile.read(2)) == 2:
                reply = asked.answer(self.rfile.read(struct.unpack("!H", head)[0]))
                if reply is None:
                    self.rfile.read(1)  # silent until the client has enough
                    return
                packed = reply.pack()
                self.wfile.write(struct.pack("!H", len(packed)) + packed)
        except OSError as error:
            log.debug("DNS connection from %s ended: %s", asked.peer, error)


class _UdpServer(socketserver.UDPServer):
    def __init__(self, own: socket.socket, resolver: Resolver) -> None:
        super().__init__(own.getsockname(), _Udp, bind_and_activate=False)
        self.socket.close()
        self.socket = own
        self.resolver = resolver

    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("a DNS request from %s failed", client_address)


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, own: socket.socket, resolver: Resolver) -> None:
        super().__init__(own.getsockname(), _Tcp, bind_and_activate=False)
        self.socket.close()
        self.socket = own
        self.resolver = resolver

    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("a DNS connection from %s failed", client_address)


class Resolver:
    """The resolver of one VPC, or of the internet (None), at all its addresses."""

    def __init__(
        self,
        context: Context,
        view: View,
        vpc: str | None,
        *,
        netns: str | None,
        addresses: list[str],
        port: int,
    ) -> None:
        self._context = context
        self._view = view
        self._vpc = vpc
        sockets = opened(netns, lambda: [_sockets(address, port) for address in addresses])
        self.port = sockets[0][0].getsockname()[1]
        self._servers = [
            server
            for tcp, udp in sockets
            for server in (_TcpServer(tcp, self), _UdpServer(udp, self))
        ]
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True)
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()

    def answer(self, request: DNSRecord, peer: str) -> DNSRecord | None:
        """The answer, or what a fault rule makes of it: None is silence."""
        action = f"{QTYPE.get(request.q.qtype)} {name_of(request.q.qname.label)}"
        node = self._context.machine_at(peer)
        effect = self._context.faults.take("dns", None, action, node, {})
        if effect.kind == "hang":
            return None
        if effect.kind == "servfail":
            reply = request.reply(ra=1)
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        return answer(self._view, self._vpc, request)

    def close(self) -> None:
        """Stop answering."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()


def _sockets(address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket at one port."""
    tcp = listen(address, port)
    udp = socket.socket(tcp.family, socket.SOCK_DGRAM)
    udp.bind((address, tcp.getsockname()[1]))
    return tcp, udp


class NameServers:
    """All resolvers of a lab."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.view = View(context.cloud.ledger)
        self._resolvers: dict[str | None, Resolver] = {}

    def open(self, vpc: str | None, netns: str | None, addresses: list[str], port: int) -> int:
        """Let a VPC (None is the internet) have its resolver there; returns its port."""
        self._close(vpc)
        resolver = Resolver(
            self._context, self.view, vpc, netns=netns, addresses=addresses, port=port
        )
        self._resolvers[vpc] = resolver
        return resolver.port

    def _close(self, vpc: str | None) -> None:
        resolver = self._resolvers.pop(vpc, None)
        if resolver is not None:
            resolver.close()

    def close(self) -> None:
        """Stop all of them."""
        for vpc in list(self._resolvers):
            self._close(vpc)
