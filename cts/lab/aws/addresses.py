# SPDX-License-Identifier: GPL-2.0-or-later
"""EC2's addresses: Elastic IPs and the secondary addresses of network interfaces.

moto 5.2.5 knows an Elastic IP's interface but not its private address, lets an address be on
several interfaces, and refuses next to nothing. The actions here take the place of moto's; they
check everything before they change anything. Codes and texts of errors are EC2's where these are
known; where its documentation is silent a comment says so.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.responses import EC2Response
from moto.ec2.utils import add_tag_specification, generic_filter, random_eip_association_id

from lab.aws import gaps
from lab.aws.errors import AwsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where Elastic IPs come from that nobody asked for by name.
_POOL = ipaddress.ip_network("52.9.128.0/17")
# The first addresses of a subnet are AWS's, and the last one.
_RESERVED = 4
_FILTERS = {
    "allocation-id": "AllocationId",
    "association-id": "AssociationId",
    "domain": "Domain",
    "instance-id": "InstanceId",
    "network-border-group": "NetworkBorderGroup",
    "network-interface-id": "NetworkInterfaceId",
    "network-interface-owner-id": "NetworkInterfaceOwnerId",
    "private-ip-address": "PrivateIpAddress",
    "public-ip": "PublicIp",
}


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


# What an interface has.


def private_addresses(interface: NetworkInterface) -> list[str]:
    """The private IPv4 addresses of an interface, the primary one first."""
    primary = interface.private_ip_address
    listed = [item["PrivateIpAddress"] for item in interface.private_ip_addresses]
    return [primary, *(item for item in listed if item != primary)]


def ipv6_addresses(interface: NetworkInterface) -> list[str]:
    """The IPv6 addresses of an interface in their canonical form, in the order of assignment."""
    return [str(ipaddress.ip_address(item)) for item in interface.ipv6_addresses]


def associations(interface: NetworkInterface) -> dict[str, ElasticAddress]:
    """Private address -> Elastic IP of an interface."""
    return {
        address.private_ip_address: address
        for address in interface.ec2_backend.addresses
        if address.eni is not None and address.eni.id == interface.id
    }


def public_name(public_ip: str, region: str) -> str:
    """The DNS name that belongs to a public address."""
    zone = "compute-1" if region == "us-east-1" else f"{region}.compute"
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"ec2-{public_ip.replace('.', '-')}.{zone}.amazonaws.com{suffix}"


def public_name_of(interface: NetworkInterface, public_ip: str) -> str | None:
    """The DNS name of an interface's public address; None where the VPC gives out no names."""
    backend = interface.ec2_backend
    if backend.get_vpc(interface.vpc_id).enable_dns_hostnames not in (True, "true"):
        return None
    return public_name(public_ip, backend.region_name)


def _set_private(interface: NetworkInterface, addresses: Iterable[str]) -> None:
    """Give an interface these addresses; all that describes it follows."""
    elastic = associations(interface)
    items = []
    for address in addresses:
        primary = address == interface.private_ip_address
        item: dict[str, Any] = {"PrivateIpAddress": address, "Primary": primary}
        if address in elastic:
            item["Association"] = _association(elastic[address])
        items.append(item)
    interface.private_ip_addresses = items
    main = elastic.get(interface.private_ip_address)
    interface.public_ip = main.public_ip if main else None


def _refresh(interface: NetworkInterface) -> None:
    _set_private(interface, private_addresses(interface))


def _association(address: ElasticAddress) -> dict[str, Any]:
    return {
        "AllocationId": address.allocation_id,
        "AssociationId": address.association_id,
        "IpOwnerId": address.eni.owner_id,
        "PublicDnsName": public_name_of(address.eni, address.public_ip) or "",
        "PublicIp": address.public_ip,
    }


def _primary_association(interface: NetworkInterface) -> dict[str, Any] | None:
    address = associations(interface).get(interface.private_ip_address)
    return _association(address) if address else None


# Elastic IPs.


def _private_of(address: ElasticAddress) -> str | None:
    if address.eni is None:
        return None
    return address.__dict__.get("lab_private_ip") or address.eni.private_ip_address


def _described(address: ElasticAddress) -> dict[str, Any]:
    """One item of DescribeAddresses; what does not apply is left out."""
    eni = address.eni
    found = {
        "PublicIp": address.public_ip,
        "AllocationId": address.allocation_id,
        "Domain": "vpc",
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": address.ec2_backend.region_name,
        "Tags": address.get_tags() or None,
    }
    if eni is not None:
        found |= {
            "AssociationId": address.association_id,
            "InstanceId": eni.instance.id if eni.instance else None,
            "NetworkInterfaceId": eni.id,
            "NetworkInterfaceOwnerId": eni.owner_id,
            "PrivateIpAddress": address.private_ip_address,
        }
    return {name: value for name, value in found.items() if value is not None}


def _filter_values(
    original: Callable[[ElasticAddress, str, str | None], Any],
) -> Callable[[ElasticAddress, str, str | None], Any]:
    def get_filter_value(
        address: ElasticAddress, filter_name: str, method_name: str | None = None
    ) -> Any:
        if filter_name in _FILTERS:
            return _described(address).get(_FILTERS[filter_name])
        return original(address, filter_name, method_name)

    return get_filter_value


def _by_allocation(backend: Any, allocation_id: str) -> ElasticAddress:
    for address in backend.addresses:
        if address.allocation_id == allocation_id:
            return address
    message = f"The allocation ID '{allocation_id}' does not exist"
    raise AwsError("InvalidAllocationID.NotFound", message)


def _by_public_ip(backend: Any, public_ip: str) -> ElasticAddress:
    for address in backend.addresses:
        if address.public_ip == public_ip:
            return address
    raise AwsError("InvalidAddress.NotFound", f"Address '{public_ip}' not found.")


def _by_association(backend: Any, association_id: str) -> ElasticAddress:
    for address in backend.addresses:
        if address.association_id == association_id:
            return address
    message = f"The association ID '{association_id}' does not exist"
    raise AwsError("InvalidAssociationID.NotFound", message)


# How a parameter names an Elastic IP.
_FINDERS = {
    "AllocationId": _by_allocation,
    "PublicIp": _by_public_ip,
    "AssociationId": _by_association,
}


def named_address(backend: Any, params: dict[str, Any], *names: str) -> ElasticAddress:
    """The Elastic IP a request means by one of these parameters. Raises AwsError."""
    given = [name for name in names if params.get(name)]
    if len(given) != 1:
        message = f"You must specify exactly one of {' and '.join(names)}"
        code = "InvalidParameterCombination" if given else "MissingParameter"
        raise AwsError(code, message)
    return _FINDERS[given[0]](backend, params[given[0]])


def _named(response: EC2Response, *names: str) -> ElasticAddress:
    params = {name: response._get_param(name) for name in names}
    return named_address(response.ec2_backend, params, *names)


def _allocate_address(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    taken = {address.public_ip for address in backend.addresses}
    wanted = response._get_param("Address")
    if wanted in taken:
        raise AwsError("InvalidIPAddress.InUse", f"Address {wanted} is in use.")
    if wanted is None:
        wanted = next(str(item) for item in _POOL.hosts() if str(item) not in taken)
    tags = add_tag_specification(response._get_param("TagSpecifications", []))
    address = backend.allocate_address("vpc", address=wanted, tags=tags)
    kept = ("PublicIp", "AllocationId", "Domain", "PublicIpv4Pool", "NetworkBorderGroup")
    described = _described(address)
    return ActionResult({name: described[name] for name in kept})


def _release_address(response: EC2Response) -> EmptyResult:
    address = _named(response, "AllocationId", "PublicIp")
    if address.eni is not None:
        raise AwsError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")
    response.ec2_backend.addresses.remove(address)
    return EmptyResult()


def _describe_addresses(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    allocations = response._get_param("AllocationIds", [])
    publics = response._get_param("PublicIps", [])
    found = list(backend.addresses)
    if allocations or publics:
        wanted = [_by_allocation(backend, item) for item in allocations]
        wanted += [_by_public_ip(backend, item) for item in publics]
        found = [address for address in found if address in wanted]
    found = generic_filter(response._filters_from_querystring(), found)
    return ActionResult({"Addresses": [_described(address) for address in found]})


def _target(response: EC2Response) -> NetworkInterface:
    """The interface that an Elastic IP is to be associated with."""
    backend = response.ec2_backend
    eni_id = response._get_param("NetworkInterfaceId")
    instance_id = response._get_param("InstanceId")
    if bool(eni_id) == bool(instance_id):
        code = "InvalidParameterCombination" if eni_id else "MissingParameter"
        raise AwsError(code, "You must specify either an instance or a network interface")
    if eni_id:
        return backend.get_network_interface(eni_id)
    return gaps.with_one_interface(backend, instance_id).nics[0]


def _check_gateway(backend: Any, vpc_id: str) -> None:
    gateways = backend.internet_gateways.values()
    if not any(gateway.vpc is not None and gateway.vpc.id == vpc_id for gateway in gateways):
        message = f"Network {vpc_id} is not attached to any internet gateway"
        raise AwsError("Gateway.NotAttached", message)


def _refuse_associated(resource: str, address: ElasticAddress) -> None:
    message = f"resource {resource} is already associated with associate-id "
    raise AwsError("Resource.AlreadyAssociated", message + str(address.association_id))


def _associate_address(response: EC2Response) -> ActionResult:
    """API_AssociateAddress: idempotent; reassociation is automatic unless it is set to false."""
    address = _named(response, "AllocationId", "PublicIp")
    interface = _target(response)
    private = response._get_param("PrivateIpAddress") or interface.private_ip_address
    if private not in private_addresses(interface):
        # The text is not documented.
        raise _invalid(f"Address {private} is not assigned to interface {interface.id}")
    _check_gateway(response.ec2_backend, interface.vpc_id)
    present = associations(interface).get(private)
    if present is not address:
        if response._get_param("AllowReassociation") is False:
            if address.eni is not None:
                _refuse_associated(address.allocation_id, address)
            if present is not None:
                _refuse_associated(interface.id, present)
        for old in (address, present):
            if old is not None:
                _disassociate(old)
        _associate(address, interface, private)
    return ActionResult({"AssociationId": address.association_id})


def _associate(address: ElasticAddress, interface: NetworkInterface, private: str) -> None:
    address.eni, address.lab_private_ip = interface, private
    address.association_id = random_eip_association_id()
    _refresh(interface)


def _disassociate(address: ElasticAddress) -> None:
    interface, address.eni = address.eni, None
    address.association_id = address.lab_private_ip = None
    if interface is not None:
        _refresh(interface)


def _disassociate_address(response: EC2Response) -> EmptyResult:
    _disassociate(_named(response, "AssociationId", "PublicIp"))
    return EmptyResult()


def _delete_interface(
    original: Callable[[NetworkInterfaceBackend, str], None],
) -> Callable[[NetworkInterfaceBackend, str], None]:
    def delete_network_interface(backend: Any, eni_id: str) -> None:
        """moto leaves an Elastic IP associated with an interface that is gone."""
        interface = backend.get_network_interface(eni_id)
        for address in associations(interface).values():
            _disassociate(address)
        original(backend, eni_id)

    return delete_network_interface


# Private addresses.


def _parse(text: str, kind: Callable[[str], Address]) -> str:
    try:
        return str(kind(text))
    except ValueError:
        raise _invalid(f"Value ({text}) for parameter address is invalid.") from None


def _reserved(network: Network) -> set[Address]:
    found = {network.network_address + number for number in range(_RESERVED)}
    return {*found, network.broadcast_address}


def _check_range(addresses: list[str], network: Network) -> None:
    for address in map(ipaddress.ip_address, addresses):
        if address not in network:
            raise _invalid(f"Address {address} does not fall within the subnet's address range")
        if address in _reserved(network):
            raise _invalid(f"Address {address} is in subnet's reserved address range")


def _free(network: Network, taken: set[str], count: int) -> list[str]:
    """Addresses that nobody has."""

    def candidates() -> Iterator[str]:
        reserved = _reserved(network)
        for address in network:
            if address not in reserved and str(address) not in taken:
                yield str(address)

    supply = candidates()
    found = [address for _, address in zip(range(count), supply, strict=False)]
    if len(found) < count:
        message = "There aren't sufficient free Ipv4 addresses or prefixes"
        raise AwsError("InsufficientFreeAddressesInSubnet", message)
    return found


def _refuse_prefixes(response: EC2Response) -> None:
    for name in ("Ipv4Prefixes", "Ipv4PrefixCount", "Ipv6Prefixes", "Ipv6PrefixCount"):
        if response._get_param(name):
            raise AwsError("UnsupportedOperation", "This lab has no prefix delegation")


def _wanted(response: EC2Response, names: tuple[str, str]) -> tuple[list[str], int]:
    """The addresses of a request, or how many it asks for."""
    _refuse_prefixes(response)
    addresses, count = response._get_param(names[0], []), response._get_int_param(names[1], 0)
    if bool(addresses) == bool(count):
        message = "You must specify either the IP addresses or the IP address count"
        code = "InvalidParameterCombination" if count else "MissingParameter"
        raise AwsError(code, message)
    return addresses, count


def _in_subnet(interface: NetworkInterface) -> list[NetworkInterface]:
    enis = interface.ec2_backend.enis.values()
    return [other for other in enis if other.subnet.id == interface.subnet.id]


def _assign_private_ip_addresses(response: EC2Response) -> ActionResult:
    interface = response.ec2_backend.get_network_interface(
        response._get_param("NetworkInterfaceId")
    )
    wanted, count = _wanted(response, ("PrivateIpAddresses", "SecondaryPrivateIpAddressCount"))
    network = ipaddress.ip_network(interface.subnet.cidr_block)
    holders = {ip: eni for eni in _in_subnet(interface) for ip in private_addresses(eni)}
    if count:
        addresses = _free(network, set(holders), count)
    else:
        addresses = [_parse(item, ipaddress.IPv4Address) for item in wanted]
        _check_range(addresses, network)
        _check_move(addresses, holders, response._get_param("AllowReassignment") is True)
    for address in addresses:
        _move_private(address, holders.get(address), interface)
    assigned = [{"PrivateIpAddress": address} for address in addresses]
    result = {"NetworkInterfaceId": interface.id, "AssignedPrivateIpAddresses": assigned}
    return ActionResult(result)


def _check_move(addresses: list[str], holders: dict[str, NetworkInterface], allowed: bool) -> None:
    """Without AllowReassignment EC2 refuses whatever is assigned, here also to the interface
    itself: what it does then is not documented. The text for primary addresses is not either."""
    primary = [ip for ip in addresses if ip in holders and ip == holders[ip].private_ip_address]
    if primary:
        raise _invalid(f"[{', '.join(primary)}] assigned as primary address, cannot be moved.")
    held = [ip for ip in addresses if ip in holders]
    if held and not allowed:
        raise _invalid(f"[{', '.join(held)}] assigned, but move is not allowed.")


def _move_private(address: str, old: NetworkInterface | None, new: NetworkInterface) -> None:
    """API_AssignPrivateIpAddresses: an Elastic IP on an address goes with it."""
    elastic = associations(old).get(address) if old is not None else None
    if old is not None:
        _set_private(old, [item for item in private_addresses(old) if item != address])
    _set_private(new, [*private_addresses(new), address])
    if elastic is not None:
        elastic.eni = new
        _refresh(old)
        _refresh(new)


def _unassign_private_ip_addresses(response: EC2Response) -> EmptyResult:
    interface = response.ec2_backend.get_network_interface(
        response._get_param("NetworkInterfaceId")
    )
    _refuse_prefixes(response)
    given = response._get_param("PrivateIpAddresses", [])
    addresses = [_parse(item, ipaddress.IPv4Address) for item in given]
    if not addresses:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter privateIpAddress"
        )
    present = private_addresses(interface)
    if any(address not in present for address in addresses):
        raise _invalid(
            f"Some of the specified addresses are not assigned to interface {interface.id}"
        )
    if interface.private_ip_address in addresses:
        # The text is not documented.
        raise _invalid(f"The primary address of interface {interface.id} cannot be unassigned")
    for address, elastic in associations(interface).items():
        if address in addresses:
            _disassociate(elastic)
    _set_private(interface, [item for item in present if item not in addresses])
    return EmptyResult()


def _ipv6_network(interface: NetworkInterface) -> Network:
    blocks = list(interface.subnet.ipv6_cidr_block_associations.values())
    if not blocks:
        raise _invalid(f"The subnet {interface.subnet.id} has no IPv6 CIDR block")
    return ipaddress.ip_network(blocks[0]["ipv6CidrBlock"])


def _assign_ipv6_addresses(response: EC2Response) -> ActionResult:
    """There is no AllowReassignment for IPv6: an address has to be unassigned first. With what
    code EC2 refuses one that is in use is not documented; here it is the one of IPv4."""
    interface = response.ec2_backend.get_network_interface(
        response._get_param("NetworkInterfaceId")
    )
    wanted, count = _wanted(response, ("Ipv6Addresses", "Ipv6AddressCount"))
    network = _ipv6_network(interface)
    holders = {ip: eni for eni in _in_subnet(interface) for ip in ipv6_addresses(eni)}
    if count:
        addresses = _free(network, set(holders), count)
    else:
        addresses = [_parse(item, ipaddress.IPv6Address) for item in wanted]
        _check_range(addresses, network)
        held = [ip for ip in addresses if ip in holders]
        if held:
            raise _invalid(f"[{', '.join(held)}] assigned, but move is not allowed.")
    interface.ipv6_addresses.extend(addresses)
    result = {"NetworkInterfaceId": interface.id, "AssignedIpv6Addresses": addresses}
    return ActionResult(result)


def _unassign_ipv6_addresses(response: EC2Response) -> ActionResult:
    interface = response.ec2_backend.get_network_interface(
        response._get_param("NetworkInterfaceId")
    )
    _refuse_prefixes(response)
    given = response._get_param("Ipv6Addresses", [])
    addresses = [_parse(item, ipaddress.IPv6Address) for item in given]
    present = ipv6_addresses(interface)
    for address in addresses:
        if address not in present:
            raise _invalid(
                f"The address '{address}' is not mapped to interface ID '{interface.id}'"
            )
    interface.ipv6_addresses = [item for item in present if item not in addresses]
    result = {"NetworkInterfaceId": interface.id, "UnassignedIpv6Addresses": addresses}
    return ActionResult(result)


# Permissions.


def named(backend: Any, action: str, params: dict[str, str]) -> dict[str, str]:
    """The parameters of a request, with the allocation id of the Elastic IP it means otherwise.

    IAM decides on that address's ARN. An address that does not exist has none: EC2 then says
    that it does not exist to whoever may use the action on any address.
    """
    if action not in ("AssociateAddress", "DisassociateAddress", "ReleaseAddress"):
        return params
    for name, finder in _FINDERS.items():
        if params.get(name):
            try:
                return {**params, "AllocationId": finder(backend, params[name]).allocation_id}
            except AwsError:
                return {**params, "AllocationId": "*"}
    return params


_ACTIONS: dict[str, Callable[[EC2Response], ActionResult]] = {
    "allocate_address": _allocate_address,
    "assign_ipv6_addresses": _assign_ipv6_addresses,
    "assign_private_ip_addresses": _assign_private_ip_addresses,
    "associate_address": _associate_address,
    "describe_addresses": _describe_addresses,
    "disassociate_address": _disassociate_address,
    "release_address": _release_address,
    "unassign_ipv6_addresses": _unassign_ipv6_addresses,
    "unassign_private_ip_addresses": _unassign_private_ip_addresses,
}


def _interface_filter_values(
    original: Callable[[NetworkInterface, str, str | None], Any],
) -> Callable[[NetworkInterface, str, str | None], Any]:
    """The filters by address, of which moto's knows the primary IPv4 address alone."""

    def get_filter_value(
        interface: NetworkInterface, filter_name: str, method_name: str | None = None
    ) -> Any:
        if filter_name in ("private-ip-address", "addresses.private-ip-address"):
            return [item["PrivateIpAddress"] for item in interface.private_ip_addresses]
        if filter_name == "ipv6-addresses.ipv6-address":
            return [str(ipaddress.ip_address(item)) for item in interface.ipv6_addresses]
        return original(interface, filter_name, method_name)

    return get_filter_value


def install() -> None:
    """Put the actions in the place of moto's in this process; harmless when repeated."""
    if EC2Response.associate_address is _associate_address:
        return
    for name, function in _ACTIONS.items():
        setattr(EC2Response, name, function)
    ElasticAddress.private_ip_address = property(_private_of)
    ElasticAddress.get_filter_value = _filter_values(ElasticAddress.get_filter_value)
    NetworkInterface.get_filter_value = _interface_filter_values(NetworkInterface.get_filter_value)
    NetworkInterface.association = property(_primary_association)
    NetworkInterface.instance_private_ip_address_list = property(
        lambda interface: interface.private_ip_addresses
    )
    NetworkInterfaceBackend.delete_network_interface = _delete_interface(
        NetworkInterfaceBackend.delete_network_interface
    )
