# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios of Pacemaker's own test suite, with the address in front and a client watching.

The client asks all the while; AWS's state, the cluster's own view and the client's record must
agree. Fencing is by fence_aws, unmodified.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.handle import SERVICE, SERVICE_PORT, Lab
from lab.state import until
from lab.topology import REGION, VIP
from watch import SETTLE_S, Watch, Watched

GROUP, ADDRESS, PROGRAM = "web", "vip", "service"
URL = f"http://{VIP}:{SERVICE_PORT}/"
ROUTE = f"{VIP}/32"
MONITOR_S = 5
WATCHED = Watched(
    GROUP, [ADDRESS, PROGRAM], PROGRAM, lambda lab: set(lab.route_owners(ROUTE).values())
)


@pytest.fixture(scope="module")
def group(lab: Lab) -> Iterator[None]:
    """The address and a service behind it, made with pcs."""
    lab.exec("n1", "pcs", "resource", "defaults", "update", "resource-stickiness=100")
    monitor = ["op", "monitor", f"interval={MONITOR_S}s", "--group", GROUP]
    address = ["ocf:aws:route-table-vip", f"ip={VIP}"]
    lab.exec("n1", "pcs", "resource", "create", ADDRESS, *address, *monitor)
    program = ["ocf:heartbeat:anything", "binfile=/usr/bin/python3", "pidfile=/run/service.pid"]
    program.append(f"cmdline_options={SERVICE} {SERVICE_PORT}")
    lab.exec("n1", "pcs", "resource", "create", PROGRAM, *program, *monitor, "--wait=60")
    yield
    lab.exec("n1", "pcs", "resource", "delete", GROUP)


@pytest.fixture
def watch(lab: Lab, group: None, tmp_path: Path) -> Iterator[Watch]:
    """A client that asks during the test, which begins when the service is settled."""
    record = tmp_path / "client.jsonl"
    with lab.asking(URL, record):
        watch = Watch(lab, WATCHED, record)
        watch.begin()
        yield watch


def test_flip(lab: Lab, watch: Watch) -> None:
    """The active node leaves the cluster in good order, and comes back."""
    first = watch.active
    heir = watch.other(first)
    lab.stop_cluster(first)
    watch.wait_served_by(heir)
    lab.start_cluster(first)
    watch.wait_online()
    watch.wait_served_by(heir)
    assert watch.answered_by == [first, heir]
    assert watch.fail_count(ADDRESS) == 0
    assert watch.fenced == []


def _remove_address(lab: Lab, node: str) -> None:
    lab.exec(node, "ip", "address", "del", f"{VIP}/32", "dev", "eth0")


def _steal_routes(lab: Lab, node: str) -> None:
    thief = next(member for name, member in lab.topology.nodes.items() if name != node)
    for table in lab.state()["regions"][REGION]["route_tables"]:
        if any(route["destination"] == ROUTE for route in table["routes"]):
            lab.control.aws(
                REGION,
                "ec2",
                "ReplaceRoute",
                RouteTableId=table["id"],
                DestinationCidrBlock=ROUTE,
                NetworkInterfaceId=thief.enis[0].id,
            )


@pytest.mark.parametrize("damage", [_remove_address, _steal_routes])
def test_resource_recover(lab: Lab, watch: Watch, damage) -> None:
    """The address is lost behind the cluster's back; the monitor sees it and it is mended."""
    node = watch.active
    damage(lab, node)
    until(lambda: watch.fail_count(ADDRESS) == 1, SETTLE_S, "the monitor to see the loss")
    watch.wait_served_by(node)
    assert watch.lost
    assert watch.answered_by == [node]
    assert ("start", ADDRESS, node) in watch.operations
    assert watch.fenced == []


def test_standby_loop(lab: Lab, watch: Watch) -> None:
    """Each node in turn is put on standby, and gives the service away."""
    expected = [watch.active]
    for _ in lab.topology.nodes:
        leaving = expected[-1]
        heir = watch.other(leaving)
        with _standby(lab, leaving):
            watch.wait_served_by(heir)
        expected.append(heir)
    assert watch.answered_by == expected
    assert watch.fail_count(ADDRESS) == 0
    assert watch.fenced == []


@contextlib.contextmanager
def _standby(lab: Lab, node: str) -> Iterator[None]:
    lab.exec(node, "pcs", "node", "standby", node)
    try:
        yield
    finally:
        lab.exec(node, "pcs", "node", "unstandby", node)


def test_maintenance_mode(lab: Lab, watch: Watch) -> None:
    """Corosync and Pacemaker restart on every node; the client does not notice."""
    node = watch.active
    lab.exec("n1", "pcs", "property", "set", "maintenance-mode=true")
    try:
        for name in lab.topology.nodes:
            lab.stop_cluster(name)
            lab.start_cluster(name)
            watch.wait_online()
    finally:
        lab.exec("n1", "pcs", "property", "set", "maintenance-mode=false")
    watch.wait_served_by(node)
    assert watch.lost == []
    assert watch.answered_by == [node]
    assert watch.operations == []
    assert watch.fenced == []


def test_node_killed(lab: Lab, watch: Watch) -> None:
    """The active node dies without a word; it is fenced once, and comes back."""
    victim = watch.active
    heir = watch.other(victim)
    lab.kill(victim)
    watch.wait_served_by(heir)
    watch.wait_online()
    watch.wait_served_by(heir)
    assert watch.answered_by == [victim, heir]
    assert watch.fenced == [victim]
    assert lab.instance_state(victim) == "running"
