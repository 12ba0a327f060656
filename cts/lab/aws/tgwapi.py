# SPDX-License-Identifier: GPL-2.0-or-later
"""EC2's actions on Transit Gateways, in the place of moto's; transit.py has the models.

Everything is checked before anything is changed. What takes minutes on AWS (an attachment that is
pending, a gateway that is modifying) is over at once here. Codes and texts of errors are EC2's
where these are known; where its documentation is silent a comment says so.
"""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Callable
from typing import Any

from moto.backends import get_backend
from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from moto.ec2.utils import add_tag_specification, random_transit_gateway_attachment_id

from lab.aws import gaps, transit
from lab.aws.errors import AwsError
from lab.aws.transit import Attachment, Gateway, Join, Peer, Peering, Route, Table

_PAGE = (5, 1000)
_GATEWAY_OPTIONS = {
    "AmazonSideAsn": 64512,
    "AutoAcceptSharedAttachments": "disable",
    "DefaultRouteTableAssociation": "enable",
    "DefaultRouteTablePropagation": "enable",
    "DnsSupport": "enable",
    "MulticastSupport": "disable",
    "SecurityGroupReferencingSupport": "disable",
    "VpnEcmpSupport": "enable",
}
_VPC_OPTIONS = {
    "ApplianceModeSupport": "disable",
    "DnsSupport": "enable",
    "Ipv6Support": "disable",
    "SecurityGroupReferencingSupport": "enable",
}
# Filter -> where its value is in an item of the answer.
_GATEWAY_FILTERS = {
    "options.amazon-side-asn": "Options.AmazonSideAsn",
    "options.association-default-route-table-id": "Options.AssociationDefaultRouteTableId",
    "options.default-route-table-association": "Options.DefaultRouteTableAssociation",
    "options.default-route-table-propagation": "Options.DefaultRouteTablePropagation",
    "options.propagation-default-route-table-id": "Options.PropagationDefaultRouteTableId",
    "owner-id": "OwnerId",
    "state": "State",
    "tag-key": "Tags.key",
    "transit-gateway-id": "TransitGatewayId",
}
_TABLE_FILTERS = {
    "default-association-route-table": "DefaultAssociationRouteTable",
    "default-propagation-route-table": "DefaultPropagationRouteTable",
    "state": "State",
    "tag-key": "Tags.key",
    "transit-gateway-id": "TransitGatewayId",
    "transit-gateway-route-table-id": "TransitGatewayRouteTableId",
}
_ATTACHMENT_FILTERS = {
    "association.state": "Association.State",
    "association.transit-gateway-route-table-id": "Association.TransitGatewayRouteTableId",
    "resource-id": "ResourceId",
    "resource-owner-id": "ResourceOwnerId",
    "resource-type": "ResourceType",
    "state": "State",
    "tag-key": "Tags.key",
    "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
    "transit-gateway-id": "TransitGatewayId",
    "transit-gateway-owner-id": "TransitGatewayOwnerId",
}
_VPC_FILTERS = {
    "state": "State",
    "tag-key": "Tags.key",
    "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
    "transit-gateway-id": "TransitGatewayId",
    "vpc-id": "VpcId",
}
_RELATION_FILTERS = {
    "resource-id": "ResourceId",
    "resource-type": "ResourceType",
    "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
}
_ROUTE_FILTERS = {
    "attachment.resource-id": "TransitGatewayAttachments.ResourceId",
    "attachment.resource-type": "TransitGatewayAttachments.ResourceType",
    "attachment.transit-gateway-attachment-id": (
        "TransitGatewayAttachments.TransitGatewayAttachmentId"
    ),
    "state": "State",
    "type": "Type",
}
Item = dict[str, Any]


# Looking things up.


def _gone(what: str, code: str, resource_id: str) -> AwsError:
    return AwsError(f"{code}.NotFound", f"{what} {resource_id} was deleted or does not exist.")


def _gateway(backend: Any, gateway_id: str) -> Gateway:
    if gateway_id not in backend.transit_gateways:
        raise _gone("Transit Gateway", "InvalidTransitGatewayID", gateway_id)
    return backend.transit_gateways[gateway_id]


def _table(backend: Any, table_id: str) -> Table:
    if table_id not in backend.transit_gateways_route_tables:
        raise _gone("Transit Gateway Route Table", "InvalidRouteTableID", table_id)
    return backend.transit_gateways_route_tables[table_id]


def _attachment(backend: Any, attachment_id: str) -> Attachment:
    found = backend.transit_gateway_attachments.get(attachment_id)
    if found is None:
        code = "InvalidTransitGatewayAttachmentID"
        raise _gone("Transit Gateway Attachment", code, attachment_id)
    return found


def _usable(attachment: Attachment, *states: str) -> Attachment:
    if attachment.state not in (states or (transit.AVAILABLE,)):
        raise AwsError("IncorrectState", f"{attachment.id} is in invalid state")
    return attachment


def _named_table(response: EC2Response) -> Table:
    return _table(response.ec2_backend, response._get_param("TransitGatewayRouteTableId"))


def _named_attachment(response: EC2Response) -> Attachment:
    return _attachment(response.ec2_backend, response._get_param("TransitGatewayAttachmentId"))


def _check_same_gateway(table: Table, attachment: Attachment) -> None:
    """The code and the text are not documented."""
    if attachment.gateway != table.gateway:
        text = f"{attachment.id} and {table.id} belong to different Transit Gateways"
        raise AwsError("InvalidParameterValue", text)


def _tags(response: EC2Response) -> dict[str, str]:
    return add_tag_specification(response._get_param("TagSpecifications", []))


def _unsupported(_: EC2Response) -> ActionResult:
    raise AwsError("UnsupportedOperation", "This lab cannot modify Transit Gateways")


# Answers.


def _present(item: Item) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def _values(value: Any, path: list[str]) -> list[str]:
    """The texts that are at a path in an answer; several where it leads through a list."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text for item in value for text in _values(item, path)]
    if path:
        return _values(value.get(path[0]), path[1:])
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _filter_values(item: Item, name: str, paths: dict[str, str]) -> list[str]:
    if name.startswith("tag:"):
        return [tag["value"] for tag in item.get("Tags") or [] if name == f"tag:{tag['key']}"]
    return _values(item, paths[name].split("."))


def _filtered(items: list[Item], filters: dict[str, Any], paths: dict[str, str]) -> list[Item]:
    """The items that have one of the values of each filter; `paths` says where they have it."""
    for name, patterns in filters.items():
        if name not in paths and not (name.startswith("tag:") and "tag-key" in paths):
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        items = [
            item
            for item in items
            for values in [_filter_values(item, name, paths)]
            if any(fnmatch.fnmatchcase(value, one) for value in values for one in patterns)
        ]
    return items


def _gateway_item(gateway: Gateway) -> Item:
    backend = gateway.ec2_backend
    place = f"{backend.region_name}:{backend.account_id}"
    options = dict(gateway.options)
    for use in ("Association", "Propagation"):
        if gateway.enabled(f"DefaultRouteTable{use}"):
            options[f"{use}DefaultRouteTableId"] = gateway.default_table
    return {
        "TransitGatewayId": gateway.id,
        "TransitGatewayArn": f"arn:{backend.partition}:ec2:{place}:transit-gateway/{gateway.id}",
        "State": transit.AVAILABLE,
        "OwnerId": backend.account_id,
        "Description": gateway.description,
        "CreationTime": gateway.created,
        "Options": options,
        "Tags": gateway.get_tags(),
    }


def _table_item(table: Table) -> Item:
    gateway = table.ec2_backend.transit_gateways[table.gateway]
    default = gateway.default_table == table.id
    return {
        "TransitGatewayRouteTableId": table.id,
        "TransitGatewayId": table.gateway,
        "State": transit.AVAILABLE,
        "DefaultAssociationRouteTable": default and gateway.enabled("DefaultRouteTableAssociation"),
        "DefaultPropagationRouteTable": default and gateway.enabled("DefaultRouteTablePropagation"),
        "CreationTime": table.created,
        "Tags": table.get_tags(),
    }


def _attachment_item(attachment: Attachment) -> Item:
    """One side of an attachment, as DescribeTransitGatewayAttachments lists it."""
    account = attachment.ec2_backend.account_id
    association = None
    if attachment.table is not None:
        association = {"TransitGatewayRouteTableId": attachment.table, "State": "associated"}
    return _present(
        {
            "TransitGatewayAttachmentId": attachment.id,
            "TransitGatewayId": attachment.gateway,
            "TransitGatewayOwnerId": account,
            "ResourceOwnerId": account,
            "ResourceType": attachment.join.kind,
            "ResourceId": attachment.join.resource,
            "State": attachment.state,
            "Association": association,
            "CreationTime": attachment.created,
            "Tags": attachment.get_tags(),
        }
    )


def _vpc_item(attachment: Attachment) -> Item:
    return {
        "TransitGatewayAttachmentId": attachment.id,
        "TransitGatewayId": attachment.gateway,
        "VpcId": attachment.join.resource,
        "VpcOwnerId": attachment.ec2_backend.account_id,
        "State": attachment.state,
        "SubnetIds": attachment.join.subnets,
        "CreationTime": attachment.created,
        "Options": attachment.join.options,
        "Tags": attachment.get_tags(),
    }


def _side(peer: Peer, account: str) -> Item:
    return {"TransitGatewayId": peer.gateway, "OwnerId": account, "Region": peer.region}


_STATUS = {
    transit.PENDING: ("pendingAcceptance", "Pending acceptance"),
    transit.AVAILABLE: ("available", "Available"),
    transit.REJECTED: ("rejected", "Rejected"),
    transit.DELETED: ("deleted", "Deleted"),
}


def _peering_item(attachment: Attachment) -> Item:
    peering, account = attachment.join.peering, attachment.ec2_backend.account_id
    code, message = _STATUS[attachment.state]
    return _present(
        {
            "TransitGatewayAttachmentId": attachment.id,
            "AccepterTransitGatewayAttachmentId": peering.accepter_attachment,
            "RequesterTgwInfo": _side(peering.requester, account),
            "AccepterTgwInfo": _side(peering.accepter, account),
            "Status": {"Code": code, "Message": message},
            "State": attachment.state,
            "CreationTime": attachment.created,
            "Tags": attachment.get_tags(),
        }
    )


def _route_attachment(attachment: Attachment) -> Item:
    return {
        "ResourceId": attachment.join.resource,
        "TransitGatewayAttachmentId": attachment.id,
        "ResourceType": attachment.join.kind,
    }


def _route_item(route: Route) -> Item:
    found = {"DestinationCidrBlock": route.destination, "Type": route.kind, "State": route.state}
    if route.attachment is not None:
        found["TransitGatewayAttachments"] = [_route_attachment(route.attachment)]
    return found


# Gateways.


def _create_gateway(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    options = {**_GATEWAY_OPTIONS, **response._get_param("Options", {})}
    description = response._get_param("Description", "")
    gateway = Gateway(backend, description, options, _tags(response))
    uses = ("DefaultRouteTableAssociation", "DefaultRouteTablePropagation")
    if any(gateway.enabled(use) for use in uses):
        gateway.default_table = Table(backend, gateway.id, {}).id
    return ActionResult({"TransitGateway": _gateway_item(gateway)})


def _describe_gateways(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    wanted = response._get_param("TransitGatewayIds", []) or list(backend.transit_gateways)
    found = [_gateway_item(_gateway(backend, item)) for item in wanted]
    return ActionResult(
        {
            "TransitGateways": _filtered(
                found, response._filters_from_querystring(), _GATEWAY_FILTERS
            )
        }
    )


def _delete_gateway(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    gateway = _gateway(backend, response._get_param("TransitGatewayId"))
    left = [
        item.id
        for item in backend.transit_gateway_attachments.values()
        if item.gateway == gateway.id and item.state not in (transit.DELETED, transit.REJECTED)
    ]
    if left:
        text = f"{gateway.id} has non-deleted Transit Gateway Attachments: {', '.join(left)}."
        raise AwsError("IncorrectState", text)
    described = {**_gateway_item(gateway), "State": "deleting"}
    for table in list(backend.transit_gateways_route_tables.values()):
        if table.gateway == gateway.id:
            del backend.transit_gateways_route_tables[table.id]
    del backend.transit_gateways[gateway.id]
    return ActionResult({"TransitGateway": described})


# Attachments.


def _describe_attachments(response: EC2Response) -> ActionResult:
    found = [_attachment_item(item) for item in _asked_for(response, "vpc", "peering")]
    return ActionResult(
        {
            "TransitGatewayAttachments": _filtered(
                found, response._filters_from_querystring(), _ATTACHMENT_FILTERS
            )
        }
    )


def _asked_for(response: EC2Response, *kinds: str) -> list[Attachment]:
    backend = response.ec2_backend
    wanted = response._get_param("TransitGatewayAttachmentIds", [])
    found = [_attachment(backend, item) for item in wanted]
    if not wanted:
        found = list(backend.transit_gateway_attachments.values())
    return [item for item in found if item.join.kind in kinds]


def _use_defaults(attachment: Attachment) -> None:
    """Associate a new attachment with its gateway's default table, and let a VPC propagate."""
    backend = attachment.ec2_backend
    gateway = backend.transit_gateways[attachment.gateway]
    if gateway.enabled("DefaultRouteTableAssociation"):
        attachment.table = gateway.default_table
    if gateway.enabled("DefaultRouteTablePropagation") and attachment.join.kind == "vpc":
        _table(backend, gateway.default_table).propagating.append(attachment.id)


def _end(attachment: Attachment, state: str = transit.DELETED) -> None:
    attachment.state, attachment.table = state, None
    for table in attachment.ec2_backend.transit_gateways_route_tables.values():
        if attachment.id in table.propagating:
            table.propagating.remove(attachment.id)


def _check_subnets(backend: Any, vpc_id: str, subnet_ids: list[str]) -> None:
    zones = set()
    for subnet_id in subnet_ids:
        subnet = backend.get_subnet(subnet_id)
        if subnet.vpc_id != vpc_id:
            # The code is not documented.
            text = f"Subnet {subnet_id} does not belong to VPC {vpc_id}"
            raise AwsError("InvalidParameterValue", text)
        if subnet.availability_zone in zones:
            text = f"Duplicate subnets for same AZ: {subnet_id}"
            raise AwsError("DuplicateSubnetsInSameZone", text)
        zones.add(subnet.availability_zone)


def _create_vpc_attachment(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    gateway = _gateway(backend, response._get_param("TransitGatewayId"))
    vpc = backend.get_vpc(response._get_param("VpcId"))
    subnets = response._get_param("SubnetIds", [])
    _check_subnets(backend, vpc.id, subnets)
    if transit.attached(backend, vpc.id, gateway.id) is not None:
        text = f"{gateway.id} has non-deleted Transit Gateway Attachments with same VPC ID."
        raise AwsError("DuplicateTransitGatewayAttachment", text)
    options = {**_VPC_OPTIONS, **response._get_param("Options", {})}
    join = Join("vpc", vpc.id, subnets, options)
    attachment = Attachment(backend, gateway.id, join, _tags(response))
    _use_defaults(attachment)
    return ActionResult({"TransitGatewayVpcAttachment": _vpc_item(attachment)})


def _describe_vpc_attachments(response: EC2Response) -> ActionResult:
    found = [_vpc_item(item) for item in _asked_for(response, "vpc")]
    return ActionResult(
        {
            "TransitGatewayVpcAttachments": _filtered(
                found, response._filters_from_querystring(), _VPC_FILTERS
            )
        }
    )


def _delete_vpc_attachment(response: EC2Response) -> ActionResult:
    attachment = _usable(_of_kind(_named_attachment(response), "vpc"))
    _end(attachment)
    return ActionResult({"TransitGatewayVpcAttachment": _vpc_item(attachment)})


def _of_kind(attachment: Attachment, kind: str) -> Attachment:
    if attachment.join.kind != kind:
        code = "InvalidTransitGatewayAttachmentID"
        raise _gone("Transit Gateway Attachment", code, attachment.id)
    return attachment


# Peerings.


def _create_peering(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    gateway = _gateway(backend, response._get_param("TransitGatewayId"))
    account, region = response._get_param("PeerAccountId"), response._get_param("PeerRegion")
    peer_id = response._get_param("PeerTransitGatewayId")
    accounts = get_backend("ec2")
    # EC2 takes such a request, and lets the attachment fail later.
    if account != backend.account_id or region not in accounts[account]:
        raise AwsError("InvalidParameterValue", f"No peer {account} in {region} in this lab")
    if peer_id == gateway.id:
        raise AwsError("InvalidParameterValue", f"Cannot peer {gateway.id} with itself")
    far = accounts[account][region]
    peer = _gateway(far, peer_id)
    requester, accepter = Peer(gateway.id, backend.region_name), Peer(peer.id, region)
    mine = random_transit_gateway_attachment_id()
    theirs = mine if far is not backend else random_transit_gateway_attachment_id()
    peering = Peering(requester, accepter, theirs if far is backend else None)
    join = Join("peering", peer.id, peering=peering)
    attachment = Attachment(backend, gateway.id, join, _tags(response), mine)
    Attachment(far, peer.id, Join("peering", gateway.id, peering=peering), {}, theirs)
    return ActionResult({"TransitGatewayPeeringAttachment": _peering_item(attachment)})


def _sides(attachment: Attachment) -> list[Attachment]:
    """Both sides of a peering."""
    peering, backend = attachment.join.peering, attachment.ec2_backend
    regions = get_backend("ec2")[backend.account_id]
    return [
        item
        for region in {peering.requester.region, peering.accepter.region}
        for item in regions[region].transit_gateway_attachments.values()
        if item.join.peering == peering
        and (item.id == attachment.id or peering.accepter_attachment is not None)
    ]


def _answer_request(response: EC2Response, verb: str) -> Attachment:
    """The accepter's attachment, whose request is open."""
    attachment = _of_kind(_named_attachment(response), "peering")
    if not attachment.is_accepter:
        text = f"Cannot {verb} {attachment.id} as the source of the peering request."
        raise AwsError("InvalidParameterValue", text)
    return _usable(attachment, transit.PENDING)


def _accept_peering(response: EC2Response) -> ActionResult:
    attachment = _answer_request(response, "accept")
    for side in _sides(attachment):
        side.state = transit.AVAILABLE
        _use_defaults(side)
    return ActionResult({"TransitGatewayPeeringAttachment": _peering_item(attachment)})


def _reject_peering(response: EC2Response) -> ActionResult:
    attachment = _answer_request(response, "reject")
    for side in _sides(attachment):
        _end(side, transit.REJECTED)
    return ActionResult({"TransitGatewayPeeringAttachment": _peering_item(attachment)})


def _delete_peering(response: EC2Response) -> ActionResult:
    attachment = _of_kind(_named_attachment(response), "peering")
    _usable(attachment, transit.AVAILABLE, transit.PENDING, transit.REJECTED)
    for side in _sides(attachment):
        _end(side)
    return ActionResult({"TransitGatewayPeeringAttachment": _peering_item(attachment)})


def _describe_peerings(response: EC2Response) -> ActionResult:
    found = []
    for attachment in _asked_for(response, "peering"):
        item = _peering_item(attachment)
        own = {"gateway": attachment.gateway, "account": attachment.ec2_backend.account_id}
        found.append({**item, "own": own})
    paths = {
        "local-owner-id": "own.account",
        "remote-owner-id": "own.account",
        "state": "State",
        "tag-key": "Tags.key",
        "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
        "transit-gateway-id": "own.gateway",
    }
    kept = _filtered(found, response._filters_from_querystring(), paths)
    for item in kept:
        del item["own"]
    return ActionResult({"TransitGatewayPeeringAttachments": kept})


# Route tables.


def _create_table(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    gateway = _gateway(backend, response._get_param("TransitGatewayId"))
    table = Table(backend, gateway.id, _tags(response))
    return ActionResult({"TransitGatewayRouteTable": _table_item(table)})


def _describe_tables(response: EC2Response) -> ActionResult:
    backend = response.ec2_backend
    wanted = response._get_param("TransitGatewayRouteTableIds", [])
    wanted = wanted or list(backend.transit_gateways_route_tables)
    found = [_table_item(_table(backend, item)) for item in wanted]
    return ActionResult(
        {
            "TransitGatewayRouteTables": _filtered(
                found, response._filters_from_querystring(), _TABLE_FILTERS
            )
        }
    )


def _associated(table: Table) -> list[Attachment]:
    every = table.ec2_backend.transit_gateway_attachments.values()
    return [item for item in every if item.table == table.id]


def _delete_table(response: EC2Response) -> ActionResult:
    table = _named_table(response)
    if _associated(table):
        # The text is not documented.
        raise AwsError("IncorrectState", f"{table.id} has associated attachments")
    described = {**_table_item(table), "State": "deleting"}
    del response.ec2_backend.transit_gateways_route_tables[table.id]
    return ActionResult({"TransitGatewayRouteTable": described})


def _relation(table: Table, attachment: Attachment, state: str) -> Item:
    item = {**_route_attachment(attachment), "State": state}
    return {**item, "TransitGatewayRouteTableId": table.id}


def _associate(response: EC2Response) -> ActionResult:
    table, attachment = _named_table(response), _usable(_named_attachment(response))
    _check_same_gateway(table, attachment)
    if attachment.table is not None:
        text = f"Transit Gateway Attachment {attachment.id} is already associated to a route table."
        raise AwsError("Resource.AlreadyAssociated", text)
    attachment.table = table.id
    return ActionResult({"Association": _relation(table, attachment, "associating")})


def _disassociate(response: EC2Response) -> ActionResult:
    table, attachment = _named_table(response), _named_attachment(response)
    if attachment.table != table.id:
        text = f"{attachment.id} is not associated with {table.id}"
        raise AwsError("InvalidAssociation.NotFound", text)
    attachment.table = None
    return ActionResult({"Association": _relation(table, attachment, "disassociating")})


def _enable_propagation(response: EC2Response) -> ActionResult:
    table, attachment = _named_table(response), _usable(_named_attachment(response))
    _check_same_gateway(table, attachment)
    if attachment.join.kind == "peering":
        # User guide: routes over a peering are static. The code is not documented.
        text = f"{attachment.id} is a peering attachment, which cannot propagate routes"
        raise AwsError("UnsupportedOperation", text)
    if attachment.id in table.propagating:
        text = f"Propagation of {attachment.id} is already enabled in {table.id}"
        raise AwsError("TransitGatewayRouteTablePropagation.Duplicate", text)
    table.propagating.append(attachment.id)
    return ActionResult({"Propagation": _relation(table, attachment, "enabled")})


def _disable_propagation(response: EC2Response) -> ActionResult:
    table, attachment = _named_table(response), _named_attachment(response)
    if attachment.id not in table.propagating:
        text = f"Propagation of {attachment.id} is not enabled in {table.id}"
        raise AwsError("TransitGatewayRouteTablePropagation.NotFound", text)
    table.propagating.remove(attachment.id)
    return ActionResult({"Propagation": _relation(table, attachment, "disabled")})


def _get_associations(response: EC2Response) -> ActionResult:
    found = [
        {**_route_attachment(item), "State": "associated"}
        for item in _associated(_named_table(response))
    ]
    return ActionResult(
        {"Associations": _filtered(found, response._filters_from_querystring(), _RELATION_FILTERS)}
    )


def _get_propagations(response: EC2Response) -> ActionResult:
    table = _named_table(response)
    attachments = [_attachment(response.ec2_backend, item) for item in table.propagating]
    found = [{**_route_attachment(item), "State": "enabled"} for item in attachments]
    kept = _filtered(found, response._filters_from_querystring(), _RELATION_FILTERS)
    return ActionResult({"TransitGatewayRouteTablePropagations": kept})


# Routes.


def _destination(response: EC2Response) -> str:
    name = "DestinationCidrBlock"
    return str(gaps.cidr_block(name, response._get_param(name)))


def _target(response: EC2Response, table: Table) -> str | None:
    """The attachment a route is to lead to, None for a blackhole."""
    attachment_id = response._get_param("TransitGatewayAttachmentId")
    blackhole = response._get_param("Blackhole") is True
    if blackhole == bool(attachment_id):
        text = "The request must contain either transitGatewayAttachmentId or blackhole"
        raise AwsError("InvalidParameterCombination" if blackhole else "MissingParameter", text)
    if blackhole:
        return None
    attachment = _usable(_attachment(response.ec2_backend, attachment_id))
    _check_same_gateway(table, attachment)
    return attachment.id


def _answer_route(table: Table, destination: str) -> ActionResult:
    (route,) = [item for item in transit.routes(table) if item.destination == destination]
    return ActionResult({"Route": _route_item(route)})


def _create_route(response: EC2Response) -> ActionResult:
    table, destination = _named_table(response), _destination(response)
    target = _target(response, table)
    if destination in table.static:
        text = f"Route {destination} already exists in Transit Gateway Route Table {table.id}."
        raise AwsError("RouteAlreadyExists", text)
    table.static[destination] = target
    return _answer_route(table, destination)


def _static(table: Table, destination: str) -> None:
    if destination not in table.static:
        text = f"Route {destination} does not exists in Transit Gateway Route Table {table.id}."
        raise AwsError("InvalidRoute.NotFound", text)


def _replace_route(response: EC2Response) -> ActionResult:
    """A propagated route is none that could be replaced; EC2 does not find it."""
    table, destination = _named_table(response), _destination(response)
    target = _target(response, table)
    _static(table, destination)
    table.static[destination] = target
    return _answer_route(table, destination)


def _delete_route(response: EC2Response) -> ActionResult:
    table, destination = _named_table(response), _destination(response)
    _static(table, destination)
    answer = _answer_route(table, destination)
    answer.result["Route"]["State"] = "deleted"
    del table.static[destination]
    return answer


def _longest(routes: list[Route], wanted: Any) -> list[Route]:
    covering = [item for item in routes if _covers(_network(item), wanted)]
    return [max(covering, key=lambda item: _network(item).prefixlen)] if covering else []


def _network(route: Route) -> Any:
    return ipaddress.ip_network(route.destination)


def _covers(outer: Any, inner: Any) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)


_SEARCHES: dict[str, Callable[[list[Route], Any], list[Route]]] = {
    "exact-match": lambda routes, wanted: [r for r in routes if _network(r) == wanted],
    "longest-prefix-match": _longest,
    "subnet-of-match": lambda routes, wanted: [r for r in routes if _covers(wanted, _network(r))],
    "supernet-of-match": lambda routes, wanted: [r for r in routes if _covers(_network(r), wanted)],
}


def _searched(routes: list[Route], search: str, texts: list[str]) -> list[Route]:
    """The routes that one of the values of a route-search filter means."""
    found: list[Route] = []
    for text in texts:
        try:
            wanted = ipaddress.ip_network(text, strict=False)
        except ValueError:
            message = f"Value ({text}) for parameter route-search.{search} is invalid."
            raise AwsError("InvalidParameterValue", message) from None
        found += _SEARCHES[search](routes, wanted)
    return [route for route in routes if route in found]


def _find_routes(response: EC2Response) -> ActionResult:
    found = transit.routes(_named_table(response))
    others = {}
    for name, values in response._filters_from_querystring().items():
        kind, _, search = name.partition(".")
        if kind == "route-search" and search in _SEARCHES:
            found = _searched(found, search, values)
        else:
            others[name] = values
    items = _filtered([_route_item(route) for route in found], others, _ROUTE_FILTERS)
    return ActionResult({"Routes": items})


_find_page = gaps.paged(_find_routes, "Routes", *_PAGE)


def _search_routes(response: EC2Response) -> ActionResult:
    found = _find_page(response).result
    return ActionResult({**found, "AdditionalRoutesAvailable": "NextToken" in found})


_ACTIONS: dict[str, Callable[[EC2Response], ActionResult]] = {
    "accept_transit_gateway_peering_attachment": _accept_peering,
    "associate_transit_gateway_route_table": _associate,
    "create_transit_gateway": _create_gateway,
    "create_transit_gateway_peering_attachment": _create_peering,
    "create_transit_gateway_route": _create_route,
    "create_transit_gateway_route_table": _create_table,
    "create_transit_gateway_vpc_attachment": _create_vpc_attachment,
    "delete_transit_gateway": _delete_gateway,
    "delete_transit_gateway_peering_attachment": _delete_peering,
    "delete_transit_gateway_route": _delete_route,
    "delete_transit_gateway_route_table": _delete_table,
    "delete_transit_gateway_vpc_attachment": _delete_vpc_attachment,
    "disable_transit_gateway_route_table_propagation": _disable_propagation,
    "disassociate_transit_gateway_route_table": _disassociate,
    "enable_transit_gateway_route_table_propagation": _enable_propagation,
    "modify_transit_gateway": _unsupported,
    "modify_transit_gateway_vpc_attachment": _unsupported,
    "reject_transit_gateway_peering_attachment": _reject_peering,
    "replace_transit_gateway_route": _replace_route,
    "search_transit_gateway_routes": _search_routes,
}
# Actions that answer in pages, and the list in the answer.
_PAGED: dict[str, tuple[Callable[[EC2Response], ActionResult], str]] = {
    "describe_transit_gateway_attachments": (_describe_attachments, "TransitGatewayAttachments"),
    "describe_transit_gateway_peering_attachments": (
        _describe_peerings,
        "TransitGatewayPeeringAttachments",
    ),
    "describe_transit_gateway_route_tables": (_describe_tables, "TransitGatewayRouteTables"),
    "describe_transit_gateway_vpc_attachments": (
        _describe_vpc_attachments,
        "TransitGatewayVpcAttachments",
    ),
    "describe_transit_gateways": (_describe_gateways, "TransitGateways"),
    "get_transit_gateway_route_table_associations": (_get_associations, "Associations"),
    "get_transit_gateway_route_table_propagations": (
        _get_propagations,
        "TransitGatewayRouteTablePropagations",
    ),
}


def install() -> None:
    """Put the actions in the place of moto's in this process; harmless when repeated."""
    for name, function in _ACTIONS.items():
        setattr(EC2Response, name, function)
    for name, (function, key) in _PAGED.items():
        setattr(EC2Response, name, gaps.paged(function, key, *_PAGE))
