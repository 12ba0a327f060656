# SPDX-License-Identifier: GPL-2.0-or-later
"""The endpoints of common/endpoint.c against botocore's partitions and endpoint rule sets."""

import os
import re
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.endpoint_provider import EndpointProvider

BUILD = Path(os.environ.get("OCF_AWS_BUILD", Path(__file__).parents[1] / "build"))
TOOL = BUILD / "tests" / "tool_endpoint"
# Endpoint prefix -> the name of the service in botocore.
SERVICES = {"ec2": "ec2", "sts": "sts", "route53": "route53", "elasticloadbalancing": "elbv2"}
VARIANTS = list(product([False, True], repeat=2))


class Case(NamedTuple):
    """One question to the table."""

    service: str
    region: str
    dualstack: bool
    fips: bool


@pytest.fixture(scope="module")
def partitions() -> list[dict]:
    """The partitions as botocore knows them."""
    loader = botocore.session.get_session().get_component("data_loader")
    return loader.load_data("partitions")["partitions"]


@pytest.fixture(scope="module")
def providers(partitions: list[dict]) -> dict[str, EndpointProvider]:
    """The rule set of each service."""
    loader = botocore.session.get_session().get_component("data_loader")
    return {
        prefix: EndpointProvider(
            loader.load_service_model(name, "endpoint-rule-set-1"), {"partitions": partitions}
        )
        for prefix, name in SERVICES.items()
    }


def by_tool(cases: list[Case]) -> list[str]:
    """The library's answers, one line a case."""
    lines = "".join(f"{c.service} {c.region} {c.dualstack:d} {c.fips:d}\n" for c in cases)
    done = subprocess.run(
        [TOOL], input=lines, capture_output=True, text=True, check=True, timeout=60
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(cases)
    return answers


def by_botocore(provider: EndpointProvider, case: Case) -> str:
    """Host and signing region by the rule set; the region itself where the rules name none."""
    found = provider.resolve_endpoint(
        Region=case.region, UseDualStack=case.dualstack, UseFIPS=case.fips
    )
    url = urlsplit(found.url)
    assert (url.scheme, url.path, url.port) == ("https", "", None)
    schemes = found.properties.get("authSchemes", [{}])
    return f"{url.hostname} {schemes[0].get('signingRegion', case.region)}"


def future_regions(partition: dict) -> Iterator[str]:
    """Regions that do not exist yet, made from those that do, which the partition's regex takes."""
    for region in partition["regions"]:
        match = re.fullmatch(r"(.+)-([a-z]+)-(\d+)", region)
        if match is not None:
            yield f"{match[1]}-{match[2]}-{int(match[3]) + 8}"
            yield f"{match[1]}-nowhere-23"


def regions_of(partition: dict) -> set[str]:
    """Every region of the partition, and those to come."""
    invented = {r for r in future_regions(partition) if re.match(partition["regionRegex"], r)}
    return invented | set(partition["regions"])


def test_every_region_equals_botocore(
    partitions: list[dict], providers: dict[str, EndpointProvider]
) -> None:
    """Host, signing region and partition: every service, region and variant."""
    cases = [
        (Case(service, region, *variant), partition["id"])
        for partition in partitions
        for region in sorted(regions_of(partition))
        for service in SERVICES
        for variant in VARIANTS
    ]
    assert len(partitions) >= 8
    assert len(cases) > 1500
    for (case, partition), answer in zip(cases, by_tool([c for c, _ in cases]), strict=True):
        assert answer == f"{by_botocore(providers[case.service], case)} {partition}", case


def test_every_partition_has_future_regions(partitions: list[dict]) -> None:
    """The comparison above does cover regions that are in no list, in every partition."""
    for partition in partitions:
        assert regions_of(partition) - set(partition["regions"]), partition["id"]


def test_unknown_prefix_is_the_commercial_partition(
    providers: dict[str, EndpointProvider],
) -> None:
    """As botocore does with a region that it cannot place."""
    cases = [Case(service, "qq-north-1", *variant) for service in SERVICES for variant in VARIANTS]
    for case, answer in zip(cases, by_tool(cases), strict=True):
        assert answer == f"{by_botocore(providers[case.service], case)} aws", case


@pytest.mark.parametrize(
    "region",
    [
        "ap-northeast-1.evil.example",
        "ap_northeast_1",
        "AP-NORTHEAST-1",
        "-ap-northeast-1",
        "ap-northeast-1-",
        "ap-northeast-1/x",
        "東京",
        "a" * 40,
    ],
)
def test_bad_region_is_refused_and_named(region: str) -> None:
    """A region becomes part of a host name: nothing else gets into it."""
    (answer,) = by_tool([Case("ec2", region, False, False)])
    assert answer.startswith(f'error "{region}" is not a region')
