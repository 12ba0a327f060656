# SPDX-License-Identifier: GPL-2.0-or-later
"""Host names of AWS's services, taken from botocore's endpoint rules, and their lab addresses."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

# Signing name -> name of the service in botocore and in moto.
SERVICES = {
    "ec2": "ec2",
    "sts": "sts",
    "elasticloadbalancing": "elbv2",
    "route53": "route53",
    "iam": "iam",
}
# The first addresses of the API network belong to routers.
_FIRST_HOST = 10


@dataclass
class Endpoint:
    """One service in one region: the scope of its signatures, its names and its address."""

    service: str
    region: str
    address: str = ""
    names: list[str] = field(default_factory=list)


def _variants(regions: list[str], service: str) -> list[dict[str, object]]:
    """The endpoint parameters a client may use: each region, dual stack, FIPS, global STS."""
    flags = [(False, False), (True, False), (False, True), (True, True)]
    found: list[dict[str, object]] = [
        {"Region": region, "UseDualStack": dual, "UseFIPS": fips}
        for region in regions
        for dual, fips in flags
    ]
    if service == "sts" and any(not r.startswith(("cn-", "us-gov-", "us-iso")) for r in regions):
        found.append({"Region": "aws-global", "UseDualStack": False, "UseFIPS": False})
    return found


def resolve(regions: list[str], api_net: str) -> list[Endpoint]:
    """All endpoints of `regions`, one address of `api_net` for each (service, region) pair.

    Global services have one pair a partition; its region is the one their signatures name.
    """
    loader = botocore.session.Session().get_component("data_loader")
    partitions = loader.load_data("partitions")
    found: dict[tuple[str, str], Endpoint] = {}
    for service, model in SERVICES.items():
        rules = loader.load_service_model(model, "endpoint-rule-set-1")
        provider = EndpointProvider(rules, partitions)
        for variant in _variants(regions, service):
            try:
                answer = provider.resolve_endpoint(**variant)
            except EndpointProviderError:
                continue  # this partition has no such variant (FIPS, dual stack)
            schemes = answer.properties.get("authSchemes") or [{}]
            scope = schemes[0].get("signingRegion", variant["Region"])
            endpoint = found.setdefault((service, scope), Endpoint(service, scope))
            name = urlsplit(answer.url).hostname
            if name not in endpoint.names:
                endpoint.names.append(name)
    hosts = ipaddress.ip_network(api_net).network_address + _FIRST_HOST
    endpoints = list(found.values())
    for offset, endpoint in enumerate(endpoints):
        endpoint.address = str(hosts + offset)
    return endpoints
