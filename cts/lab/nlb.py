# SPDX-License-Identifier: GPL-2.0-or-later
"""Network Load Balancers whose packets are real: HAProxy follows AWS's state.

A balancer has one address in each of its subnets, as one on AWS has a node in each zone. Every
address has a backend of its own for each target group and checks its targets itself, from that
address. A backend without a healthy target fails open: each target is a backup server, too, which
is not checked. Targets come and go while HAProxy runs; a change of listeners or health checks
starts a successor, which takes over what is known of the targets' health.
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lab.haproxy import HAProxy, Key, quote
from lab.state import LabError, State
from lab.topology import Balancer, Eni, Topology

log = logging.getLogger(__name__)

POLL_S = 0.2
# AWS ends a TCP flow that has been idle for so long.
IDLE_S = 350
# HAProxy does not end a session whose client has closed its half when it is told to end all of a
# server's; a server that is gone would be kept, and could not come back, for as long as that.
HALF_CLOSED_S = 3
OPEN = ".open"
_CROSS_ZONE = "load_balancing.cross_zone.enabled"
_UNHEALTHY_ENDS = "target_health_state.unhealthy.connection_termination.enabled"
_DRAINED_ENDS = "deregistration_delay.connection_termination.enabled"

# Values of HAProxy's check_status: nothing known yet, and the ways to fail that AWS tells apart.
_PASSED_OR_UNKNOWN = ("", "UNK", "INI", "L4OK", "L6OK", "L7OK", "L7OKC")
_TIMEOUTS = ("L4TOUT", "L6TOUT", "L7TOUT")


class Health(NamedTuple):
    """State, reason and description of a target in the words of DescribeTargetHealth."""

    state: str
    reason: str | None = None
    description: str | None = None


HEALTHY = Health("healthy")
CHECKING = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
FAILED = Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
TIMED_OUT = Health("unhealthy", "Target.Timeout", "Request timed out")
DRAINING = Health(
    "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
)
BROKEN = Health(
    "unavailable",
    "Elb.InternalError",
    "Target health is unavailable due to an internal error",
)


@dataclass(frozen=True)
class Target:
    """A target of a target group, with the names that people know both by."""

    group: str
    id: str
    group_name: str
    node: str | None


@dataclass(frozen=True)
class Server:
    """A target as a server of HAProxy; `check` are the options of its health check."""

    target: Target
    address: str
    check: str
    draining: bool
    ends_when_drained: bool


@dataclass(frozen=True)
class Plan:
    """What one balancer's HAProxy is to be: frontends, backends by name, and their servers.

    Nothing stands for no HAProxy.
    """

    frontends: str = ""
    backends: dict[str, str] = field(default_factory=dict)
    servers: dict[Key, Server] = field(default_factory=dict)

    @property
    def active(self) -> dict[Key, Server]:
        """The servers that health checks are for."""
        return {key: server for key, server in self.servers.items() if not server.draining}

    def same_but_servers(self, other: "Plan") -> bool:
        """Whether a running HAProxy can go from one to the other."""
        return (self.frontends, self.backends) == (other.frontends, other.backends)

    def config(self, servers: dict[Key, str]) -> str:
        """The text for HAProxy with these servers from the beginning."""
        text = self.frontends
        for backend, options in self.backends.items():
            text += f"\nbackend {backend}\n{options}"
            for (of, name), definition in servers.items():
                if of == backend:
                    text += f"    server {name} {definition}\n"
        return text


# --- from AWS's state to a plan ------------------------------------------------------------


def plan(balancer: Balancer, region: dict[str, Any]) -> Plan:
    """What a region's snapshot makes of one of its balancers.

    Raises LabError when that is more than the lab can do.
    """
    entries = [item for item in region["load_balancers"] if item["id"] == balancer.id]
    groups = {group["id"]: group for group in region["target_groups"]}
    # A network balancer's listener has one target group.
    listeners = [
        (listener["port"], groups[listener["target_groups"][0]])
        for entry in entries
        for listener in entry["listeners"]
        if listener["protocol"] == "TCP" and listener["target_groups"][0] in groups
    ]
    if not listeners:
        return Plan()
    used = {group["id"]: group for _port, group in listeners}
    frontends, backends, servers = _defaults(), {}, {}
    for eni in balancer.enis:
        place = eni.subnet.name
        for port, group in listeners:
            frontends += _frontend(f"{port}.{place}", f"{eni.ip}:{port}", _backend(group, eni))
        for group in used.values():
            backends[_backend(group, eni)] = _options(eni.ip, group)
            cross = _cross_zone(entries[0], group)
            servers |= {
                (_backend(group, eni), f"{target['id']}.{target['serial']}"): server
                for target, server in _servers(region, eni.subnet.id, group, cross)
            }
    return Plan(frontends, backends, servers)


def _backend(group: dict[str, Any], eni: Eni) -> str:
    return f"{group['name']}.{eni.subnet.name}"


def _servers(
    region: dict[str, Any], subnet: str, group: dict[str, Any], cross_zone: bool
) -> Iterator[tuple[dict[str, Any], Server]]:
    """The targets that the balancer's address in a subnet uses."""
    zones = {item["id"]: item["az"] for item in region["subnets"]}
    primary = {
        eni["instance"]: eni
        for eni in region["enis"]
        if eni["instance"] and eni["device_index"] == 0
    }
    for target in group["targets"]:
        eni = primary.get(target["id"])
        if eni is None or target["use"] == "unused":
            continue
        if cross_zone or zones[eni["subnet"]] == zones[subnet]:
            yield target, _server(group, target, eni["ips"][0])


def _cross_zone(balancer: dict[str, Any], group: dict[str, Any]) -> bool:
    own = group["attributes"][_CROSS_ZONE]
    return (own if own in ("true", "false") else balancer["attributes"][_CROSS_ZONE]) == "true"


def _defaults() -> str:
    return f"""\
defaults
    mode tcp
    retries 0
    timeout client {IDLE_S}s
    timeout server {IDLE_S}s
    timeout server-fin {HALF_CLOSED_S}s
    timeout connect 10s
"""


def _frontend(name: str, bind: str, backend: str) -> str:
    return f"""
frontend {name}
    bind {bind}
    default_backend {backend}
"""


def _options(address: str, group: dict[str, Any]) -> str:
    """What a backend is but for its servers. Raises LabError."""
    check = group["health_check"]
    lines = ["balance roundrobin", "option allbackups", f"source {address}"]
    # The options that servers get when they are added: when they change, so does the text.
    lines.append(f"# {_check_options(group)}")
    lines.append(f"timeout connect {check['timeout_s']}s")
    lines.append(f"timeout check {check['timeout_s']}s")
    if check["protocol"] not in ("TCP", "HTTP"):
        raise LabError(
            f"target group '{group['name']}': the lab has no health checks by "
            f"{check['protocol']}, only by TCP and HTTP"
        )
    if check["protocol"] == "TCP":
        # HAProxy's plain check resets a connection before the target's program can see it.
        lines += ["option tcp-check", "tcp-check connect linger"]
    else:
        lines.append("option httpchk")
        lines.append(
            f"http-check send meth GET uri {quote(check['path'])} ver HTTP/1.1 "
            f"hdr Host {address} hdr User-Agent ELB-HealthChecker/2.0"
        )
        lines.append(f"http-check expect status {check['codes']}")
    return "".join(f"    {line}\n" for line in lines)


def _check_options(group: dict[str, Any]) -> str:
    check = group["health_check"]
    options = f"inter {check['interval_s']}s rise {check['healthy']} fall {check['unhealthy']}"
    if group["attributes"][_UNHEALTHY_ENDS] == "true":
        options += " on-marked-down shutdown-sessions"
    return options


def _server(group: dict[str, Any], target: dict[str, Any], address: str) -> Server:
    return Server(
        Target(group["id"], target["id"], group["name"], target["node"]),
        f"{address}:{target['port']}",
        f"check port {target['check_port']} {_check_options(group)}",
        target["use"] == "draining",
        group["attributes"][_DRAINED_ENDS] == "true",
    )


# --- from HAProxy's checks to AWS's words ---------------------------------------------------


def judge(row: dict[str, str], before: Health | None) -> Health:
    """The health of a server by its row of HAProxy's statistics and what it was before."""
    status = row["check_status"].removeprefix("* ")
    if row["status"].startswith("UP"):
        return HEALTHY
    if status in _PASSED_OR_UNKNOWN:
        # On its way up, or not checked since a successor took over.
        return {HEALTHY: FAILED, BROKEN: CHECKING, None: CHECKING}.get(before, before)
    if status in _TIMEOUTS:
        return TIMED_OUT
    if status == "L7STS":
        text = f"Health checks failed with these codes: [{row['check_code']}]"
        return Health("unhealthy", "Target.ResponseCodeMismatch", text)
    return FAILED


def together(states: list[Health], before: Health | None) -> Health:
    """What a balancer's addresses find of a target: as before, until they agree."""
    if len({health.state for health in states}) == 1:
        return states[0]
    return before or CHECKING


# --- a balancer that runs --------------------------------------------------------------------


class _Running:
    """One balancer's HAProxy, kept to its plan."""

    def __init__(self, balancer: Balancer, state: State):
        self.balancer = balancer
        self._haproxy = HAProxy(state, balancer.name)
        self._plan = Plan()
        # Servers told to drain, and whether their connections end with that.
        self._drained: dict[Key, bool] = {}
        self._states: dict[Key, Health] = {}
        self._targets: dict[Target, Health] = {}
        self._trouble: str | None = None

    def follow(self, wanted: Plan) -> None:
        """Come to a new plan. Raises LabError when HAProxy refuses, or has died."""
        if self._plan.frontends and not self._haproxy.alive:
            raise LabError(self._haproxy.last_words())
        if not wanted.frontends:
            self._haproxy.stop()
        elif not wanted.same_but_servers(self._plan):
            self._succeed(wanted)
        self._plan = wanted

    def _succeed(self, wanted: Plan) -> None:
        """Start HAProxy anew; targets that were healthy have connections from its first moment."""
        healthy = [key for key in wanted.active if self._states.get(key) == HEALTHY]
        servers = {_twin(key): f"{server.address} backup" for key, server in wanted.active.items()}
        for key in healthy:
            server = wanted.servers[key]
            servers[key] = f"{server.address} {server.check}"
        self._haproxy.configure(wanted.config(servers))
        for key in healthy:
            # Otherwise the first check that fails would be enough.
            self._haproxy.command(f"set server {'/'.join(key)} health up")
        self._drained.clear()

    def look(self) -> dict[Target, Health]:
        """Let HAProxy have the servers of the plan; what its health checks say of the targets."""
        if not self._plan.frontends:
            return {}
        rows, trouble = {}, None
        try:
            if not self._haproxy.alive:
                raise LabError(self._haproxy.last_words())
            rows = self._converge()
        except (OSError, LabError) as error:
            trouble = str(error)
            if trouble != self._trouble:
                log.error("load balancer %s: %s", self.balancer.load_balancer, trouble)
        self._trouble = trouble
        self._states = {
            key: self._health(key, server, rows) for key, server in self._plan.servers.items()
        }
        found: dict[Target, list[Health]] = {}
        for key, server in self._plan.servers.items():
            found.setdefault(server.target, []).append(self._states[key])
        self._targets = {
            target: together(states, self._targets.get(target)) for target, states in found.items()
        }
        return self._targets

    def _health(self, key: Key, server: Server, rows: dict[Key, dict[str, str]]) -> Health:
        if server.draining:
            return DRAINING
        if self._trouble:
            return BROKEN
        before = self._states.get(key)
        return judge(rows[key], before) if key in rows else before or CHECKING

    def stop(self) -> None:
        """End HAProxy."""
        self._haproxy.stop()

    def _converge(self) -> dict[Key, dict[str, str]]:
        """Add and remove servers; those whose connections have not ended yet wait for next time.

        Returns HAProxy's rows as they were before.
        """
        rows = self._haproxy.servers()
        for key, row in rows.items():
            # One that a connection has kept from being removed may be wanted again since.
            if _checked(key) not in self._plan.servers or row["status"] == "MAINT":
                self._remove(key, row)
        for key, server in self._plan.servers.items():
            if server.draining:
                self._drain(key, server, rows)
                continue
            if key not in rows:
                self._add(key, server)
            if _twin(key) not in rows:
                self._add_unchecked(_twin(key), server)
        return rows

    def _add(self, key: Key, server: Server) -> None:
        """Add a server that gets no connections until its checks have passed."""
        name = "/".join(key)
        self._haproxy.command(
            f"add server {name} {server.address} weight 0 {server.check}",
            answer="New server registered.",
        )
        # HAProxy takes a new server for healthy; without weight it is not used meanwhile.
        self._haproxy.command(
            f"enable health {name}",
            f"set server {name} state ready",
            f"set server {name} health down",
            f"set server {name} weight 1",
        )

    def _add_unchecked(self, key: Key, server: Server) -> None:
        name = "/".join(key)
        self._haproxy.command(
            f"add server {name} {server.address} backup", answer="New server registered."
        )
        self._haproxy.command(f"set server {name} state ready")

    def _drain(self, key: Key, server: Server, rows: dict[Key, dict[str, str]]) -> None:
        """No new connections; those there are go on."""
        if key in self._drained:
            return
        for name in (key, _twin(key)):
            if name in rows:
                self._haproxy.command(f"set server {'/'.join(name)} state drain")
        self._drained[key] = server.ends_when_drained

    def _remove(self, key: Key, row: dict[str, str]) -> None:
        """Remove a server; one that has drained stays as long as its connections may."""
        if row["scur"] != "0" and not self._drained.get(_checked(key), True):
            return
        name = "/".join(key)
        if row["status"] != "MAINT":
            self._haproxy.command(f"set server {name} state maint")
        # Again each time: one that was just being connected is not among them at first.
        self._haproxy.command(f"shutdown sessions server {name}")
        self._haproxy.try_command(f"del server {name}", "Server deleted.")


def _twin(key: Key) -> Key:
    """The same server without checks, for when there is nothing better."""
    return key[0], f"{key[1]}{OPEN}"


def _checked(key: Key) -> Key:
    """The same server with checks."""
    return key[0], key[1].removesuffix(OPEN)


class Balancers:
    """All balancers of a lab, and the thread that looks after them once they run."""

    def __init__(self, topology: Topology, state: State):
        self._state = state
        self._running = [_Running(item, state) for item in topology.balancers.values()]
        self._health: dict[Target, Health] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._watch = threading.Thread(target=self._keep_looking, daemon=True)

    def apply(self, snapshot: dict[str, Any]) -> None:
        """Let the balancers follow AWS's state. Raises LabError."""
        with self._lock:
            for running in self._running:
                region = snapshot["regions"][running.balancer.vpc.region]
                running.follow(plan(running.balancer, region))
            self._look()
            if self._running and not self._watch.is_alive() and not self._end.is_set():
                self._watch.start()

    def health(self, group: str, target: str) -> Health | None:
        """What the health checks have found of a target; None before there were any."""
        return next(
            (
                health
                for known, health in self._health.items()
                if (known.group, known.id) == (group, target)
            ),
            None,
        )

    def close(self) -> None:
        """Stop looking, and end the balancers."""
        self._end.set()
        if self._watch.is_alive():
            self._watch.join()
        for running in self._running:
            running.stop()

    def _keep_looking(self) -> None:
        while not self._end.wait(POLL_S):
            with self._lock:
                self._look()

    def _look(self) -> None:
        before, now = self._health, {}
        for running in self._running:
            found = running.look()
            now |= found
            for target, health in found.items():
                self._record(running.balancer, target, before.get(target), health)
        for target, health in before.items():
            if target not in now:
                self._record(None, target, health, None)
        self._health = now

    def _record(
        self, balancer: Balancer | None, target: Target, old: Health | None, new: Health | None
    ) -> None:
        if old == new:
            return
        self._state.event(
            "health",
            load_balancer=balancer.load_balancer if balancer else None,
            target_group=target.group_name,
            target=target.node or target.id,
            old=old and old.state,
            new=new and new.state,
            reason=new and new.reason,
        )
