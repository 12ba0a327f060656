# SPDX-License-Identifier: GPL-2.0-or-later
"""The AWS of a lab as the tests of agents arrange and inspect it, and what their actions return."""

import json
from typing import Any

from lab.handle import Lab
from lab.topology import REGION, VIP, VIP6
from runner import Outcome

ROLE = "ocf-aws-node"
ROUTE, ROUTE6 = f"{VIP}/32", f"{VIP6}/128"
OK, FAILED, WRONG_HERE, DENIED, WRONG, NOT_RUNNING, DEGRADED = 0, 1, 2, 4, 6, 7, 190
# Of an action whose fault never ends: it gives up half a second before.
SHORT_MS = 2500
END_TIMEOUT_S = 10


class Cloud:
    """The lab's AWS and the nodes' addresses, as tests arrange and inspect them."""

    def __init__(self, lab: Lab):
        self.lab = lab

    def ec2(self, operation: str, **params: Any) -> Any:
        """Change or read AWS's state past every check."""
        return self.lab.control.aws(REGION, "ec2", operation, **params)

    def mend(self) -> None:
        """Nothing is wrong with AWS any more, and the nodes' role may do what it is for."""
        self.lab.clear_faults()
        self.lab.control.settings(
            read_delay_s=0, imds_delay_s=0, clock_offset_s=0, latency_ms=0, quotas=False
        )
        self.lab.control.set_policy(ROLE, None)

    def eni(self, name: str, index: int = 0) -> str:
        return self.lab.topology.member(name).enis[index].id

    def table(self, name: str) -> str:
        (found,) = (table["id"] for table in self._tables() if table["name"] == name)
        return found

    def vpc(self) -> str:
        return self.lab.topology.vpcs[0].id

    def _tables(self) -> list[dict[str, Any]]:
        return self.lab.state()["regions"][REGION]["route_tables"]

    def targets(self, destination: str = ROUTE) -> dict[str, str]:
        """Where each route table that knows the destination sends it: {table's name: target}."""
        return {
            table["name"]: route["target"]
            for table in self._tables()
            for route in table["routes"]
            if route["destination"] == destination
        }

    def owners(self, destination: str = ROUTE) -> set[str]:
        return set(self.lab.route_owners(destination).values())

    def route(
        self, verb: str, table: str, destination: str = ROUTE, eni: str | None = None
    ) -> None:
        """Create, Replace or Delete a route."""
        family = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
        params = {"RouteTableId": self.table(table), family: destination}
        if eni:
            params["NetworkInterfaceId"] = eni
        self.ec2(f"{verb}Route", **params)

    def point(self, table: str, eni: str, destination: str = ROUTE) -> None:
        """Lead a table's route elsewhere, creating it where it is missing."""
        verb = "Replace" if table in self.targets(destination) else "Create"
        self.route(verb, table, destination, eni)

    def addresses(self, where: str) -> dict[str, dict[str, Any]]:
        """The addresses of a node: {address: what `ip` says about it, with its ifname}."""
        links = json.loads(self.lab.exec(where, "ip", "-j", "address").stdout)
        return {
            info["local"]: {**info, "ifname": link["ifname"]}
            for link in links
            for info in link["addr_info"]
        }

    def has(self, where: str, address: str = VIP) -> bool:
        return address in self.addresses(where)

    def remove(self, where: str, *addresses: str) -> None:
        """Take addresses off a node's interfaces, where they are there."""
        present = self.addresses(where)
        for address in present.keys() & set(addresses):
            prefixed = f"{address}/{present[address]['prefixlen']}"
            interface = present[address]["ifname"]
            self.lab.exec(where, "ip", "address", "del", prefixed, "dev", interface)

    def writes(self, outcome: Outcome) -> list[str]:
        """The calls of an action that change AWS."""
        return [call for call in outcome.calls() if not call.startswith("Describe")]

    def set_check(self, eni: str, on: bool) -> None:
        """Switch the source/dest check of an interface."""
        check = {"Value": on}
        self.ec2("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=eni, SourceDestCheck=check)
