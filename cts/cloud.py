# SPDX-License-Identifier: GPL-2.0-or-later
"""The AWS of a lab as the tests of agents arrange and inspect it, and what their actions return."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.aws.cloud import is_read
from lab.handle import Lab
from lab.topology import REGION, VIP, VIP6
from runner import Outcome

ROLE = "ocf-aws-node"
ROUTE, ROUTE6 = f"{VIP}/32", f"{VIP6}/128"
OK, FAILED, WRONG_HERE, DENIED, WRONG, NOT_RUNNING, DEGRADED = 0, 1, 2, 4, 6, 7, 190
# Of an action whose fault never ends: it gives up half a second before.
SHORT_MS = 2500
# Leaves time for a second look at AWS when a silent IMDS has had half of it.
CONFIRM_MS = 10000
END_TIMEOUT_S = 10


@dataclass(frozen=True)
class Bad:
    """A wrong value and the words that the one line about it must have."""

    parameters: dict[str, str | None]
    code: int
    says: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.parameters.items())

    def check(self, refused: Outcome) -> None:
        """The outcome of an action with it: one line says what is wrong, and nobody was asked."""
        assert refused.code == self.code
        assert len(refused.stderr.splitlines()) == 1
        for word in self.says:
            assert word in refused.reason
        assert refused.requests == []


def actions_of(policy: dict[str, Any]) -> list[str]:
    """All actions that a policy allows, in order."""
    lists = [statement["Action"] for statement in policy["Statement"]]
    return sorted(name for item in lists for name in ([item] if isinstance(item, str) else item))


def errors(checked: Outcome) -> list[str]:
    """The findings of a preflight that are wrong."""
    return [line for line in checked.stderr.splitlines() if line.startswith("ERROR: ")]


class Cloud:
    """The lab's AWS and the nodes' addresses, as tests arrange and inspect them."""

    def __init__(self, lab: Lab, region: str = REGION):
        self.lab, self.region = lab, region

    def ec2(self, operation: str, **params: Any) -> Any:
        """Change or read AWS's state past every check."""
        return self.lab.control.aws(self.region, "ec2", operation, **params)

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
        return self.lab.state()["regions"][self.region]["route_tables"]

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

    def writes(self, outcome: Outcome, *regions: str) -> list[str]:
        """The calls of an action that change AWS, in some regions or in all."""
        return [call for call in outcome.calls("ec2", *regions) if not is_read(call)]

    def set_check(self, eni: str, on: bool) -> None:
        """Switch the source/dest check of an interface."""
        check = {"Value": on}
        self.ec2("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=eni, SourceDestCheck=check)

    # --- Elastic IPs ---

    def allocate(self, public_ip: str) -> str:
        """Make an Elastic IP of this address; its allocation id."""
        return self.ec2("AllocateAddress", Domain="vpc", Address=public_ip)["AllocationId"]

    def elastic_ip(self, public_ip: str) -> dict[str, Any]:
        """What AWS says about an Elastic IP."""
        (found,) = self.ec2("DescribeAddresses", PublicIps=[public_ip])["Addresses"]
        return found

    def leads_to(self, public_ip: str) -> tuple[str, str] | None:
        """The interface and the private address behind an Elastic IP."""
        found = self.elastic_ip(public_ip)
        if "NetworkInterfaceId" not in found:
            return None
        return found["NetworkInterfaceId"], found["PrivateIpAddress"]

    def associate(self, public_ip: str, eni: str, private_ip: str | None = None) -> None:
        """Lead an Elastic IP to an interface, wherever it leads now."""
        more = {"PrivateIpAddress": private_ip} if private_ip else {}
        allocation = self.elastic_ip(public_ip)["AllocationId"]
        self.ec2("AssociateAddress", AllocationId=allocation, NetworkInterfaceId=eni, **more)

    def disassociate(self, public_ip: str) -> None:
        """Lead an Elastic IP nowhere."""
        if self.leads_to(public_ip):
            self.ec2("DisassociateAddress", PublicIp=public_ip)

    # --- secondary addresses ---

    def holder(self, address: str) -> str | None:
        """The interface that has a private address."""
        six = ":" in address
        name = "ipv6-addresses.ipv6-address" if six else "addresses.private-ip-address"
        filters = [{"Name": name, "Values": [address]}]
        found = self.ec2("DescribeNetworkInterfaces", Filters=filters)["NetworkInterfaces"]
        return found[0]["NetworkInterfaceId"] if found else None

    def unassign(self, addresses: Iterable[str]) -> None:
        """Take addresses away from the interfaces that have them."""
        for address in addresses:
            eni = self.holder(address)
            if eni and ":" in address:
                self.ec2("UnassignIpv6Addresses", NetworkInterfaceId=eni, Ipv6Addresses=[address])
            elif eni:
                options = {"NetworkInterfaceId": eni, "PrivateIpAddresses": [address]}
                self.ec2("UnassignPrivateIpAddresses", **options)

    def assign(self, eni: str, *addresses: str) -> None:
        """Give addresses to an interface, whoever has them."""
        self.unassign(addresses)
        for address in addresses:
            if ":" in address:
                self.ec2("AssignIpv6Addresses", NetworkInterfaceId=eni, Ipv6Addresses=[address])
            else:
                options = {"NetworkInterfaceId": eni, "PrivateIpAddresses": [address]}
                self.ec2("AssignPrivateIpAddresses", **options)
