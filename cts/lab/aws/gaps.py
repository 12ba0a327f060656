# SPDX-License-Identifier: GPL-2.0-or-later
"""Where EC2 behaves otherwise than moto 5.2.5: corrections of its models and checks before it.

`install` corrects what moto computes or answers. `check` refuses requests that EC2 refuses and
moto accepts; it runs before moto, because moto's ReplaceRoute drops the old target before it has
looked at the new one. Both name the parameters as the EC2 Query API spells them.
"""

from __future__ import annotations

import base64
import contextlib
import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

import moto.ec2.models.instances
import moto.ec2.utils
from botocore.model import OperationModel, Shape
from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance
from moto.ec2.models.route_tables import Route, RouteTable
from moto.ec2.responses import EC2Response

from lab.aws import transit
from lab.aws.errors import AwsError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TARGETS = (
    "CarrierGatewayId",
    "EgressOnlyInternetGatewayId",
    "GatewayId",
    "InstanceId",
    "LocalGatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "TransitGatewayId",
    "VpcEndpointId",
    "VpcPeeringConnectionId",
)
# Identifier parameters of the actions we check, with the prefix and the name in EC2's error codes.
_IDENTIFIERS = {
    "RouteTableId": ("rtb", "InvalidRouteTableId"),
    "NetworkInterfaceId": ("eni", "InvalidNetworkInterfaceId"),
    "InstanceId": ("i", "InvalidInstanceID"),
    "VpcId": ("vpc", "InvalidVpcID"),
    "TransitGatewayId": ("tgw", "InvalidTransitGatewayID"),
    "TransitGatewayIds": ("tgw", "InvalidTransitGatewayID"),
    "TransitGatewayRouteTableId": ("tgw-rtb", "InvalidRouteTableId"),
    "TransitGatewayRouteTableIds": ("tgw-rtb", "InvalidRouteTableId"),
    "TransitGatewayAttachmentId": ("tgw-attach", "InvalidTransitGatewayAttachmentID"),
    "TransitGatewayAttachmentIds": ("tgw-attach", "InvalidTransitGatewayAttachmentID"),
}
# Paged actions: the list in the answer, and the smallest and largest page.
_PAGED = {
    "describe_route_tables": ("RouteTables", 5, 100),
    "describe_network_interfaces": ("NetworkInterfaces", 5, 1000),
    "describe_vpcs": ("Vpcs", 5, 1000),
    "describe_subnets": ("Subnets", 5, 1000),
}
_DEFAULT_PAGE = 1000


# What moto computes.


def destination(route: Route) -> str:
    """The destination of a route, whichever family or prefix list."""
    return (
        route.destination_cidr_block
        or route.destination_ipv6_cidr_block
        or route.destination_prefix_list_id
    )


def target(route: Route) -> str | None:
    """The id of what a route points at, or "local"."""
    for value in (
        route.network_interface_id,
        route.instance_id,
        route.gateway_id,
        route.nat_gateway_id,
        route.transit_gateway_id,
        route.vpc_peering_connection_id,
        route.egress_only_internet_gateway_id,
        route.carrier_gateway_id,
    ):
        if value:
            return value
    return None


def _interface(route: Route) -> Any:
    """The ENI of a route; a route to an instance uses its primary one."""
    if route.interface is not None:
        return route.interface
    return route.instance.nics.get(0) if route.instance is not None else None


def _network_interface_id(route: Route) -> str | None:
    interface = _interface(route)
    return interface.id if interface is not None else None


def _instance_id(route: Route) -> str | None:
    interface = _interface(route)
    if interface is not None:
        return interface.instance.id if interface.instance is not None else None
    return route.instance.id if route.instance is not None else None


def _instance_owner_id(route: Route) -> str | None:
    return route.route_table.owner_id if _instance_id(route) else None


def _state(route: Route) -> str:
    """EC2: "blackhole" when the ENI is gone or detached, its instance does not run, or the VPC
    is not attached to the Transit Gateway any more."""
    table = route.route_table
    if route.transit_gateway is not None:
        attachment = transit.attached(table.ec2_backend, table.vpc_id, route.transit_gateway.id)
        return "active" if attachment is not None else "blackhole"
    interface = _interface(route)
    if interface is not None:
        attached = interface.instance
        present = interface.id in interface.ec2_backend.enis
        if not present or attached is None or attached.state in ("stopped", "terminated"):
            return "blackhole"
    elif route.instance is not None:
        return "blackhole"
    return "active"


def _route_filter(name: str) -> Callable[[Route], str | None] | None:
    attribute = {
        "route.destination-ipv6-cidr-block": "destination_ipv6_cidr_block",
        "route.destination-prefix-list-id": "destination_prefix_list_id",
        "route.egress-only-internet-gateway-id": "egress_only_internet_gateway_id",
        "route.instance-id": "instance_id",
        "route.origin": "origin",
        "route.state": "state",
    }.get(name)
    return (lambda route: getattr(route, attribute)) if attribute else None


def _table_filters(
    original: Callable[[RouteTable, str, str | None], Any],
) -> Callable[[RouteTable, str, str | None], Any]:
    def get_filter_value(
        table: RouteTable, filter_name: str, method_name: str | None = None
    ) -> Any:
        value = _route_filter(filter_name)
        if value is not None:
            return [item for item in map(value, table.routes) if item]
        if filter_name == "association.gateway-id":
            return [item for item in table._associations.values() if item.startswith("igw-")]
        return original(table, filter_name, method_name)

    return get_filter_value


def _filter_matching(
    original: Callable[[Any, str, Any], bool],
) -> Callable[[Any, str, Any], bool]:
    def is_filter_matching(thing: Any, name: str, wanted: Any) -> bool:
        """EC2: one value of the thing that is among those of the filter is enough.

        Of several values moto wants all of the one to be among the other.
        """
        values = thing.get_filter_value(name)
        if isinstance(values, list) and isinstance(wanted, list):
            return any(fnmatch.fnmatchcase(str(v), pattern) for v in values for pattern in wanted)
        return original(thing, name, wanted)

    return is_filter_matching


def _terminate(original: Callable[[Instance], Any]) -> Callable[[Instance], Any]:
    def terminate(instance: Instance) -> Any:
        """moto leaves the ENIs of a terminated instance attached to it."""
        previous = original(instance)
        for interface in list(instance.nics.values()):
            instance.detach_eni(interface)
        return previous

    return terminate


def _instance_check(instance: Instance) -> bool:
    """EC2: an instance's source/destination check is that of its primary interface."""
    primary = instance.__dict__.get("nics", {}).get(0)
    return bool(primary.source_dest_check) if primary is not None else True


def _set_instance_check(instance: Instance, value: bool | str) -> None:
    primary = instance.__dict__.get("nics", {}).get(0)
    if primary is not None:
        primary.source_dest_check = value in (True, "true")


def _page(items: list[Any], size: int, token: str | None) -> tuple[list[Any], str | None]:
    start = 0
    if token:
        try:
            start = int(base64.b64decode(token, validate=True).decode())
        except ValueError:
            raise AwsError("InvalidParameterValue", f"Unable to parse token {token}") from None
    end = start + size
    following = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], following


def paged(
    original: Callable[[EC2Response], ActionResult], key: str, low: int, high: int
) -> Callable[[EC2Response], ActionResult]:
    """A Describe action that answers the list `key` in pages of `low` to `high` items.

    moto answers everything at once whatever MaxResults says.
    """

    def method(response: EC2Response) -> ActionResult:
        result = dict(original(response).result)
        size = response._get_int_param("MaxResults")
        if size is not None and not low <= size <= high:
            message = f"Value ( {size} ) for parameter maxResults is invalid. "
            message += f"Expecting a value between {low} and {high}."
            raise AwsError("InvalidParameterValue", message)
        token = response._get_param("NextToken")
        items, following = _page(list(result[key]), size or _DEFAULT_PAGE, token)
        result[key] = items
        if following:
            result["NextToken"] = following
        return ActionResult(result)

    method.__name__ = original.__name__
    return method


def install() -> None:
    """Correct moto's models in this process; harmless when repeated."""
    if getattr(Route, "instance_owner_id", None) is not None:
        return
    Route.network_interface_id = property(_network_interface_id)
    Route.instance_id = property(_instance_id)
    Route.instance_owner_id = property(_instance_owner_id)
    Route.state = property(_state)
    RouteTable.get_filter_value = _table_filters(RouteTable.get_filter_value)
    moto.ec2.utils.is_filter_matching = _filter_matching(moto.ec2.utils.is_filter_matching)
    Instance.terminate = _terminate(Instance.terminate)
    Instance.source_dest_check = property(_instance_check, _set_instance_check)
    for name, (key, low, high) in _PAGED.items():
        setattr(EC2Response, name, paged(getattr(EC2Response, name), key, low, high))


# What moto does not check: parameters against EC2's model.


def _serialized_name(name: str, shape: Shape) -> str:
    """The name of a structure's member in an EC2 query (botocore's serializer, class EC2)."""
    own = shape.serialization.get("queryName")
    if own:
        return own
    location = shape.serialization.get("name", name)
    return location[0].upper() + location[1:]


def _walk(shape: Shape, parts: list[str]) -> Shape | None:
    """The shape a parameter name such as Filter.1.Value.2 denotes, or None."""
    for part in parts:
        if shape.type_name == "structure":
            members = {_serialized_name(n, s): s for n, s in shape.members.items()}
            if part not in members:
                return None
            shape = members[part]
        elif shape.type_name == "list" and part.isdigit():
            shape = shape.member
        else:
            return None
    return shape


def validate(operation: OperationModel, params: dict[str, str]) -> None:
    """Refuse unknown parameters, missing ones and values of the wrong type, as EC2 does."""
    shape = operation.input_shape
    for name, value in params.items():
        if name in ("Action", "Version"):
            continue
        leaf = _walk(shape, name.split(".")) if shape is not None else None
        if leaf is None:
            raise AwsError("UnknownParameter", f"The parameter {name} is not recognized")
        kind = leaf.type_name
        if kind == "boolean" and value not in ("true", "false"):
            message = (
                f"Value ({value}) for parameter {name} is invalid. Expected 'true' or 'false'."
            )
            raise AwsError("InvalidParameterValue", message)
        if kind in ("integer", "long") and not re.fullmatch(r"-?\d+", value):
            message = f"Value ({value}) for parameter {name} is invalid. Expected an integer."
            raise AwsError("InvalidParameterValue", message)
    for member in shape.required_members if shape is not None else []:
        name = _serialized_name(member, shape.members[member])
        if not any(key == name or key.startswith(name + ".") for key in params):
            message = f"The request must contain the parameter {name}"
            raise AwsError("MissingParameter", message)
    for name, value in params.items():
        prefix, code = _IDENTIFIERS.get(re.sub(r"\.\d+$", "", name), (None, None))
        if prefix and not re.fullmatch(rf"{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})", value):
            message = f'Invalid id: "{value}" (expecting "{prefix}-...")'
            raise AwsError(f"{code}.Malformed", message)


# What moto does not check: routes.


def cidr_block(
    name: str, text: str, kind: Callable[..., Network] = ipaddress.ip_network
) -> Network:
    """The CIDR block in a parameter, its host bits cleared as EC2 does. Raises AwsError."""
    try:
        if "/" not in text:
            raise ValueError(text)
        return kind(text, strict=False)
    except ValueError:
        message = f"Value ({text}) for parameter {name[0].lower()}{name[1:]} is invalid. "
        message += "This is not a valid CIDR block."
        raise AwsError("InvalidParameterValue", message) from None


def _network(params: dict[str, str]) -> Network | None:
    """The destination of a route request; puts its canonical form back, as EC2 does."""
    given = [
        name
        for name in ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
        if name in params
    ]
    if len(given) != 1:
        message = "Exactly one of destinationCidrBlock, destinationIpv6CidrBlock and "
        message += "destinationPrefixListId should be provided."
        code = "InvalidParameterCombination" if given else "MissingParameter"
        raise AwsError(code, message)
    name = given[0]
    if name == "DestinationPrefixListId":
        return None
    kind = ipaddress.IPv6Network if "Ipv6" in name else ipaddress.IPv4Network
    network = cidr_block(name, params[name], kind)
    params[name] = str(network)
    return network


def with_one_interface(backend: Any, instance_id: str) -> Instance:
    """The instance of an id, which EC2 takes for its interface. Raises AwsError when it has more."""
    instance = backend.get_instance(instance_id)
    if len(instance.nics) != 1:
        message = f"There are multiple interfaces attached to instance '{instance_id}'. "
        message += "Please specify an interface ID for the operation instead."
        raise AwsError("InvalidInstanceID", message)
    return instance


def _check_target(backend: Any, table: RouteTable, params: dict[str, str]) -> None:
    targets = [name for name in _TARGETS if name in params]
    if len(targets) != 1:
        code = "InvalidParameterCombination" if targets else "MissingParameter"
        raise AwsError(code, "The request must contain exactly one target of the route")
    kind, value = targets[0], params[targets[0]]
    if kind == "NetworkInterfaceId":
        vpc = backend.get_network_interface(value).vpc_id
        what = "network interface"
    elif kind == "InstanceId":
        vpc, what = with_one_interface(backend, value).vpc_id, "instance"
    elif kind == "GatewayId" and value.startswith("igw-"):
        vpc, what = backend.get_internet_gateway(value).vpc.id, "network gateway"
    elif kind == "TransitGatewayId":
        # EC2 says the same of a gateway that is not there and of one the VPC is not attached to.
        if transit.attached(backend, table.vpc_id, value) is None:
            text = f"The transitGateway ID '{value}' does not exist."
            raise AwsError("InvalidTransitGatewayID.NotFound", text)
        return
    else:
        return
    if vpc != table.vpc_id:
        message = f"route table {table.id} and {what} {value} belong to different networks"
        raise AwsError("InvalidParameterValue", message)


def _check_destination(backend: Any, table: RouteTable, network: Network) -> None:
    """Inside the VPC only a whole subnet can be routed elsewhere, never a single address."""
    vpc = backend.get_vpc(table.vpc_id)
    ipv6 = network.version == 6
    blocks = [item["cidr_block"] for item in vpc.get_cidr_block_association_set(ipv6=ipv6)]
    if not any(network.subnet_of(ipaddress.ip_network(block)) for block in blocks):
        return
    subnets = [subnet for zone in backend.subnets.values() for subnet in zone.values()]
    for subnet in subnets:
        if subnet.vpc_id != table.vpc_id:
            continue
        own = [subnet.cidr_block]
        if ipv6:
            own = [i["ipv6CidrBlock"] for i in subnet.ipv6_cidr_block_associations.values()]
        if str(network) in own:
            return
    message = "Route destination doesn't match any subnet CIDR blocks."
    raise AwsError("InvalidParameterValue", message)


def _check_route(backend: Any, params: dict[str, str]) -> RouteTable:
    table = backend.get_route_table(params["RouteTableId"])
    network = _network(params)
    _check_target(backend, table, params)
    if network is not None:
        _check_destination(backend, table, network)
    return table


def _replace_route(backend: Any, params: dict[str, str]) -> None:
    _check_route(backend, params)


def _create_route(backend: Any, params: dict[str, str]) -> None:
    table = _check_route(backend, params)
    wanted = next(value for name, value in params.items() if name.startswith("Destination"))
    if any(destination(route) == wanted for route in table.routes):
        raise AwsError("RouteAlreadyExists", f"The route identified by {wanted} already exists.")


def _delete_route(backend: Any, params: dict[str, str]) -> None:
    table = backend.get_route_table(params["RouteTableId"])
    network = _network(params)
    for route in table.routes:
        if route.local and destination(route) == str(network):
            message = f"cannot remove local route {network} in route table {table.id}"
            raise AwsError("InvalidParameterValue", message)


def _delete_interface(backend: Any, params: dict[str, str]) -> None:
    interface = backend.get_network_interface(params["NetworkInterfaceId"])
    if interface.instance is not None:
        message = f"Network interface '{interface.id}' is currently in use."
        raise AwsError("InvalidParameterValue", message)


def _detach_interface(backend: Any, params: dict[str, str]) -> None:
    for interface in backend.enis.values():
        if interface.attachment_id == params["AttachmentId"] and interface.device_index == 0:
            message = "The network interface at device index 0 cannot be detached."
            raise AwsError("OperationNotPermitted", message)


def _modify_instance(backend: Any, params: dict[str, str]) -> None:
    if "SourceDestCheck.Value" in params or params.get("Attribute") == "sourceDestCheck":
        with_one_interface(backend, params["InstanceId"])


_CHECKS: dict[str, Callable[[Any, dict[str, str]], None]] = {
    "ReplaceRoute": _replace_route,
    "CreateRoute": _create_route,
    "DeleteRoute": _delete_route,
    "DeleteNetworkInterface": _delete_interface,
    "DetachNetworkInterface": _detach_interface,
    "ModifyInstanceAttribute": _modify_instance,
}


def check(backend: Any, action: str, params: dict[str, str]) -> None:
    """Refuse what EC2 would refuse; may put canonical values into `params`."""
    function = _CHECKS.get(action)
    if function is not None:
        function(backend, params)


def associate_ipv6(backend: Any, vpc_id: str, cidr6: str) -> None:
    """Give a VPC an IPv6 block of one's own choice; moto's AssociateVpcCidrBlock takes no
    Ipv6CidrBlock and breaks the VPC when it is given one."""
    association = backend.associate_vpc_cidr_block(vpc_id, "", True)
    random_block, association["cidr_block"] = association["cidr_block"], cidr6
    for table in backend.route_tables.values():
        for key, route in list(table._routes.items()):
            if route.local and route.destination_ipv6_cidr_block == random_block:
                del table._routes[key]
                backend.create_route(table.id, None, destination_ipv6_cidr_block=cidr6, local=True)


@contextlib.contextmanager
def instance_id(wanted: str | None) -> Iterator[None]:
    """Inside, the next instance gets this id rather than one of moto's; None leaves it to moto.

    The caller sees to it that nobody else makes instances meanwhile.
    """
    if wanted is None:
        yield
        return
    genuine = moto.ec2.models.instances.random_instance_id
    moto.ec2.models.instances.random_instance_id = lambda: wanted
    try:
        yield
    finally:
        moto.ec2.models.instances.random_instance_id = genuine
