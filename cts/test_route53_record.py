# SPDX-License-Identifier: GPL-2.0-or-later
"""route53-record run by hand in the nodes of a lab: what it finds, does, asks and says."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloud as clouds
import pytest
from cloud import DEGRADED, DENIED, FAILED, NOT_RUNNING, OK, ROLE, SHORT_MS, WRONG, WRONG_HERE
from lab.handle import Lab
from lab.state import until
from lab.topology import RECORD_TTL_S, REGION, ZONE
from runner import BUILD, RSCTMP, Outcome, Runner

AGENT = "route53-record"
LAB_NAME = "cts_r53"
DB, WEB = f"db.{ZONE}", f"web.{ZONE}"
LIST, CHANGE, FIND = "ListResourceRecordSets", "ChangeResourceRecordSets", "ListHostedZonesByName"
END_TIMEOUT_S = 30
QUOTA = 5
FAR_VPC = "vpc-0123456789abcdef0"


class Cloud(clouds.Cloud):
    """The hosted zones of the lab, as tests arrange and inspect them."""

    def aws(self, operation: str, **params: Any) -> Any:
        """Change or read Route 53's state past every check."""
        return self.lab.control.aws(REGION, "route53", operation, **params)

    def zones(self) -> list[dict[str, Any]]:
        return self.aws("ListHostedZones")["HostedZones"]

    def zone(self, private: bool = True) -> str:
        """The id of the private or the public zone of the scenario."""
        (found,) = [
            zone["Id"].rpartition("/")[2]
            for zone in self.zones()
            if zone["Name"] == ZONE and zone["Config"]["PrivateZone"] == private
        ]
        return found

    def sets(self, zone: str, name: str = DB) -> list[dict[str, Any]]:
        """The record sets of a name, but those that each zone has."""
        found = self.aws("ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]
        return [each for each in found if each["Name"] == name and each["Type"] in ("A", "AAAA")]

    def values(self, private: bool = True, name: str = DB) -> dict[str, list[str]]:
        """What a name stands for: {type, or set identifier: values}."""
        return {
            each.get("SetIdentifier", each["Type"]): [
                record["Value"] for record in each["ResourceRecords"]
            ]
            for each in self.sets(self.zone(private), name)
        }

    def change(self, zone: str, *changes: tuple[str, dict[str, Any]]) -> None:
        """Make changes, (action, record set)."""
        batch = [{"Action": action, "ResourceRecordSet": given} for action, given in changes]
        self.aws(CHANGE, HostedZoneId=zone, ChangeBatch={"Changes": batch})

    def put(self, zone: str, *sets: dict[str, Any]) -> None:
        self.change(zone, *(("UPSERT", given) for given in sets))

    def ours(self, where: str) -> dict[str, list[str]]:
        """What the name stands for when it is a node's."""
        eni = self.lab.topology.member(where).enis[0]
        return {"A": [eni.ip], "AAAA": [eni.ip6]}

    def owned_by(self, where: str, zone: str | None = None) -> None:
        """Let the name stand for a node."""
        for kind, values in self.ours(where).items():
            self.put(zone or self.zone(), record(DB, kind, *values))

    def reset(self) -> None:
        """One private and one public zone; the private name leads to n1; nothing is wrong."""
        self.mend()
        self.lab.control.settings(insync_delay_s=0)
        for zone in self.zones():
            if zone["Name"] != ZONE:
                self.delete_zone(zone["Id"])
        for private in (True, False):
            zone = self.zone(private)
            found = [*self.sets(zone), *self.sets(zone, WEB)]
            if found:
                self.change(zone, *(("DELETE", each) for each in found))
        self.owned_by("n1")
        self.put(self.zone(private=False), record(DB, "A", "192.0.2.99"))

    def delete_zone(self, zone: str) -> None:
        """Delete a zone with all that it has."""
        found = self.aws("ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]
        own = [("DELETE", each) for each in found if each["Type"] not in ("NS", "SOA")]
        if own:
            self.change(zone, *own)
        self.aws("DeleteHostedZone", Id=zone)

    def create_zone(self, name: str, vpc: str | None = None) -> str:
        """Create a zone, private to a VPC or public; returns its id."""
        more: dict[str, Any] = {"HostedZoneConfig": {"PrivateZone": vpc is not None}}
        if vpc:
            more["VPC"] = {"VPCRegion": REGION, "VPCId": vpc}
        made = self.aws(
            "CreateHostedZone", Name=name, CallerReference=str(len(self.zones())), **more
        )
        return made["HostedZone"]["Id"].rpartition("/")[2]


def record(name: str, kind: str, *values: str, ttl: int = RECORD_TTL_S, **more: Any) -> Any:
    """A record set with values."""
    return {
        "Name": name,
        "Type": kind,
        "TTL": ttl,
        "ResourceRecords": [{"Value": value} for value in values],
        **more,
    }


def calls(outcome: Outcome) -> list[str]:
    return outcome.calls("route53")


def writes(outcome: Outcome) -> int:
    return calls(outcome).count(CHANGE)


@pytest.fixture(scope="module")
def machines(agents: Path) -> Iterator[Lab]:
    """Two nodes without a cluster, and two zones of one name."""
    options = {"scenario": "complete", "with_cluster": False, "agents": agents}
    with Lab.running(LAB_NAME, **options) as lab:
        yield lab
        lab.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture
def cloud(machines: Lab) -> Cloud:
    """Route 53 as it was in the beginning."""
    cloud = Cloud(machines)
    cloud.reset()
    return cloud


@pytest.fixture
def name(machines: Lab, cloud: Cloud) -> Iterator[Runner]:
    """The agent with the name and its private zone; whatever a test does, no secret comes out."""
    runner = Runner(machines, AGENT, name="db.corp.example", zone="corp.example", instance="name")
    runner.clean()
    yield runner
    runner.check_secrets()


@pytest.fixture
def here(name: Runner) -> Runner:
    """The name runs on n1, whose caches are warm."""
    assert name.start("n1").code == OK
    return name


# --- the life of a name --------------------------------------------------------------------


def test_life_cycle_moves_between_nodes(name: Runner, cloud: Cloud) -> None:
    for active, other in (("n2", "n1"), ("n1", "n2")):
        assert name.probe(active).code == NOT_RUNNING
        started = name.start(active)
        assert (started.code, writes(started)) == (OK, 1)
        assert cloud.values() == cloud.ours(active)
        assert name.probe(active).code == OK
        assert name.monitor(active).code == OK
        assert name.probe(other).code == NOT_RUNNING
        assert name.monitor(other).code == NOT_RUNNING
        stopped = name.stop(active)
        assert (stopped.code, stopped.requests) == (OK, [])
        assert cloud.values() == cloud.ours(active), "stop leaves the record"
        assert name.probe(active).code == NOT_RUNNING
    assert cloud.values(private=False) == {"A": ["192.0.2.99"]}


def test_start_of_what_is_right_writes_nothing(name: Runner, cloud: Cloud) -> None:
    for _ in range(2):
        started = name.start("n1")
        assert (started.code, started.reasons) == (OK, [])
        assert [call for call in calls(started) if call != FIND] == [LIST]
    assert cloud.values() == cloud.ours("n1")


def test_probe_where_it_was_not_started_asks_nobody(name: Runner) -> None:
    for _ in range(2):
        assert (name.probe("n1").code, name.probe("n1").requests) == (NOT_RUNNING, [])
        assert name.stop("n1").requests == []


def test_record_that_does_not_exist_is_created(name: Runner, cloud: Cloud) -> None:
    fresh = name.start("n2", name="New.Corp.Example.")
    assert fresh.code == OK
    found = cloud.sets(cloud.zone(), f"new.{ZONE}")
    assert {each["Type"]: each["TTL"] for each in found} == {"A": 10, "AAAA": 10}
    assert cloud.values(name=f"new.{ZONE}") == cloud.ours("n2")


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("198.51.100.7", {"A": ["198.51.100.7"]}),
        ("2001:db8:9::7", {"AAAA": ["2001:db8:9::7"]}),
        ("198.51.100.7,2001:db8:9::7", {"A": ["198.51.100.7"], "AAAA": ["2001:db8:9::7"]}),
        ("198.51.100.8 198.51.100.7", {"A": ["198.51.100.8", "198.51.100.7"]}),
    ],
)
def test_values_that_are_given(
    name: Runner, cloud: Cloud, value: str, kinds: dict[str, list[str]]
) -> None:
    started = name.start("n2", value=value)
    assert started.code == OK
    assert cloud.values() == cloud.ours("n1") | kinds
    assert not any("ipv4s" in call for call in started.calls("imds"))
    assert name.monitor("n2", value=value).code == OK


def test_public_value(name: Runner, cloud: Cloud, machines: Lab) -> None:
    allocated = machines.control.aws(REGION, "ec2", "DescribeAddresses")["Addresses"][0]
    eni = machines.topology.member("n2").enis[0]
    machines.control.aws(
        REGION,
        "ec2",
        "AssociateAddress",
        AllocationId=allocated["AllocationId"],
        NetworkInterfaceId=eni.id,
        AllowReassociation=True,
    )
    public = {"zone_visibility": "public", "value": "public"}
    assert name.start("n2", **public).code == OK
    assert cloud.values(private=False) == {"A": [allocated["PublicIp"]], "AAAA": [eni.ip6]}
    assert name.monitor("n2", **public).code == OK


def test_wildcard_name(name: Runner, cloud: Cloud) -> None:
    wild = {"name": "*.apps.corp.example"}
    assert name.start("n1", **wild).code == OK
    moved = name.start("n2", **wild)
    assert (moved.code, writes(moved)) == (OK, 1)
    assert cloud.values(name=f"\\052.apps.{ZONE}") == cloud.ours("n2")
    escaped = name.monitor("n2", name="\\052.apps.corp.example.")
    assert (escaped.code, writes(escaped)) == (OK, 0)


def test_name_is_never_taken_for_another(name: Runner, cloud: Cloud) -> None:
    for near in (f"db2.{ZONE}", f"xdb.{ZONE}", f"a.db.{ZONE}"):
        cloud.put(cloud.zone(), record(near, "A", "192.0.2.1"))
    assert name.start("n2").code == OK
    assert cloud.values() == cloud.ours("n2")
    for near in (f"db2.{ZONE}", f"xdb.{ZONE}", f"a.db.{ZONE}"):
        assert cloud.values(name=near) == {"A": ["192.0.2.1"]}


# --- zones ---------------------------------------------------------------------------------


def test_zone_of_the_other_visibility_is_left_alone(name: Runner, cloud: Cloud) -> None:
    assert name.start("n2", zone_visibility="public").code == OK
    assert cloud.values(private=False) == cloud.ours("n2")
    assert cloud.values() == cloud.ours("n1")


@pytest.mark.parametrize("form", ["{}", "/hostedzone/{}"])
def test_zone_by_id(name: Runner, cloud: Cloud, form: str) -> None:
    by_id = {"zone": None, "hosted_zone_id": form.format(cloud.zone(private=False))}
    started = name.start("n2", **by_id)
    assert (started.code, FIND in calls(started)) == (OK, False)
    assert cloud.values(private=False) == cloud.ours("n2")
    assert cloud.values() == cloud.ours("n1")


def test_both_zones_of_the_name(name: Runner, cloud: Cloud) -> None:
    both = {"zone_visibility": "both"}
    started = name.start("n2", **both)
    assert (started.code, writes(started)) == (OK, 2)
    for private in (True, False):
        assert cloud.values(private) == cloud.ours("n2")
    assert calls(name.monitor("n2", **both)) == [LIST, LIST]
    cloud.owned_by("n1", cloud.zone(private=False))
    drifted = name.monitor("n2", **both)
    assert drifted.code == DEGRADED
    assert cloud.zone(private=False) in drifted.reason


def test_private_zone_of_this_vpc_is_taken_among_several(name: Runner, cloud: Cloud) -> None:
    mine = cloud.zone()
    other = cloud.create_zone(ZONE, FAR_VPC)
    try:
        assert name.start("n2").code == OK
        assert cloud.sets(other) == []
        assert {each["TTL"] for each in cloud.sets(mine)} == {RECORD_TTL_S}
    finally:
        cloud.delete_zone(other)
    assert cloud.values() == cloud.ours("n2")


@pytest.mark.parametrize("visibility", ["private", "public", "both"])
def test_zones_that_cannot_be_told_apart(name: Runner, cloud: Cloud, visibility: str) -> None:
    private = visibility == "private"
    ids = [cloud.zone(private), cloud.create_zone(ZONE, cloud.vpc() if private else None)]
    try:
        refused = name.start("n2", zone_visibility=visibility)
        checked = name("n2", "validate-all", depth=10, zone_visibility=visibility)
        by_id = name.start("n2", zone=None, hosted_zone_id=ids[0])
    finally:
        cloud.delete_zone(ids[1])
    for outcome in (refused, checked):
        assert outcome.code == WRONG
        assert all(each in outcome.stderr for each in ids)
        assert "hosted_zone_id" in outcome.stderr
        assert writes(outcome) == 0
    assert by_id.code == OK


def test_zone_that_does_not_exist(name: Runner, cloud: Cloud) -> None:
    refused = name.start("n2", name="db.nowhere.example", zone="nowhere.example")
    assert refused.code == WRONG
    assert 'zone="nowhere.example."' in refused.reason
    refused = name.start("n2", zone=None, hosted_zone_id="Z0000000000000000000")
    assert refused.code == WRONG
    assert 'hosted_zone_id="Z0000000000000000000"' in refused.reason


def test_zone_of_the_other_visibility_only_is_named(name: Runner, cloud: Cloud) -> None:
    public = cloud.create_zone("pub.example.")
    refused = name.start("n2", name="db.pub.example", zone="pub.example")
    assert refused.code == WRONG
    for word in ('zone="pub.example."', "private", public, "zone_visibility"):
        assert word in refused.stderr


def test_zone_that_was_made_anew_is_found_again(name: Runner, cloud: Cloud) -> None:
    anew = {"name": "db.anew.example", "zone": "anew.example"}
    old = cloud.create_zone("anew.example.", cloud.vpc())
    assert name.start("n1", **anew).code == OK
    assert FIND not in calls(name.monitor("n1", **anew))
    cloud.delete_zone(old)
    cloud.create_zone("anew.example.", cloud.vpc())
    seen = name.monitor("n1", **anew)
    assert seen.code == NOT_RUNNING
    assert "does not exist" in seen.reason
    assert name.start("n1", **anew).code == OK
    assert name.monitor("n1", **anew).code == OK


def test_zone_that_was_deleted_stops_nothing(name: Runner, cloud: Cloud) -> None:
    for lost in ({"zone": "lost.example"}, {"zone": None}):
        zone = cloud.create_zone("lost.example.", cloud.vpc())
        options = {"name": "db.lost.example", **lost}
        if not lost["zone"]:
            options["hosted_zone_id"] = zone
        assert name.start("n1", **options).code == OK
        cloud.delete_zone(zone)
        seen = name.monitor("n1", **options)
        assert seen.code == DEGRADED
        assert "zone" in seen.reason


# --- sets of several records ---------------------------------------------------------------


@pytest.fixture
def weighted(cloud: Cloud) -> dict[str, Any]:
    """A weighted set of two; parameters for its member blue."""
    check = cloud.aws(
        "CreateHealthCheck",
        CallerReference=f"check-{len(cloud.zones())}",
        HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80},
    )["HealthCheck"]["Id"]
    blue = {"SetIdentifier": "blue & <co>", "Weight": 70, "HealthCheckId": check}
    green = {"SetIdentifier": "green", "Weight": 30}
    cloud.put(
        cloud.zone(),
        record(WEB, "A", "192.0.2.1", ttl=60, **blue),
        record(WEB, "A", "192.0.2.2", ttl=60, **green),
    )
    return {"name": "web.corp.example", "set_identifier": "blue & <co>"}


def test_weighted_member_keeps_all_but_its_value(
    name: Runner, cloud: Cloud, weighted: dict[str, Any]
) -> None:
    before = {each["SetIdentifier"]: each for each in cloud.sets(cloud.zone(), WEB)}
    for active in ("n2", "n1"):
        started = name.start(active, **weighted)
        assert (started.code, writes(started)) == (OK, 1)
        after = {each["SetIdentifier"]: each for each in cloud.sets(cloud.zone(), WEB)}
        moved = {"ResourceRecords": [{"Value": cloud.ours(active)["A"][0]}]}
        assert after == before | {"blue & <co>": before["blue & <co>"] | moved}
    assert name.monitor("n1", **weighted).code == OK


@pytest.mark.parametrize(
    ("identifier", "says"), [(None, "set_identifier"), ("pink", 'set_identifier="pink"')]
)
def test_member_that_is_not_there(
    name: Runner, cloud: Cloud, weighted: dict[str, Any], identifier: str | None, says: str
) -> None:
    refused = name.start("n2", **weighted | {"set_identifier": identifier})
    assert (refused.code, writes(refused)) == (WRONG, 0)
    assert says in refused.reason


def test_simple_record_has_no_members(name: Runner) -> None:
    refused = name.start("n2", set_identifier="blue")
    assert (refused.code, writes(refused)) == (WRONG, 0)
    assert "simple record" in refused.stderr


def test_alias_is_refused_and_left_alone(here: Runner, cloud: Cloud) -> None:
    zone = cloud.zone()
    cloud.put(zone, record(f"real.{ZONE}", "A", "192.0.2.1"))
    target = {"HostedZoneId": zone, "DNSName": f"real.{ZONE}", "EvaluateTargetHealth": False}
    cloud.put(zone, {"Name": DB, "Type": "A", "AliasTarget": target})
    try:
        seen, refused = here.monitor("n1"), here.start("n2")
    finally:
        cloud.change(zone, ("DELETE", {"Name": DB, "Type": "A", "AliasTarget": target}))
    assert (seen.code, writes(seen)) == (DEGRADED, 0)
    assert (refused.code, writes(refused)) == (WRONG, 0)
    assert "alias" in refused.reason


# --- what a monitor sees -------------------------------------------------------------------


def test_takeover_is_seen_and_nothing_is_written(here: Runner, cloud: Cloud) -> None:
    cloud.owned_by("n2")
    for policy in ("report", "repair"):
        for seen in (here.probe("n1", on_drift=policy), here.monitor("n1", on_drift=policy)):
            assert (seen.code, writes(seen)) == (NOT_RUNNING, 0)
            assert cloud.ours("n2")["A"][0] in seen.reason
    assert cloud.values() == cloud.ours("n2")


def test_deleted_record_is_seen(here: Runner, cloud: Cloud) -> None:
    zone = cloud.zone()
    cloud.change(zone, *(("DELETE", each) for each in cloud.sets(zone)))
    seen = here.monitor("n1")
    assert (seen.code, writes(seen)) == (NOT_RUNNING, 0)
    assert "does not exist" in seen.reason


DRIFTS: dict[str, Callable[[Cloud], dict[str, Any]]] = {
    "ttl": lambda cloud: record(DB, "A", *cloud.ours("n1")["A"], ttl=300),
    "AAAA": lambda cloud: record(DB, "AAAA", *cloud.ours("n2")["AAAA"]),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_reported_or_repaired(here: Runner, cloud: Cloud, drift: str) -> None:
    cloud.put(cloud.zone(), DRIFTS[drift](cloud))
    before = cloud.sets(cloud.zone())
    reported = here.monitor("n1")
    assert (reported.code, writes(reported)) == (DEGRADED, 0)
    assert {"ttl": "TTL 300s", "AAAA": "AAAA of"}[drift] in reported.reason
    probed = here.probe("n1", on_drift="repair")
    assert (probed.code, writes(probed)) == (OK, 0)
    assert cloud.sets(cloud.zone()) == before
    repaired = here.monitor("n1", on_drift="repair")
    assert (repaired.code, writes(repaired)) == (OK, 1)
    assert cloud.values() == cloud.ours("n1")


def test_warm_monitor_is_one_call(here: Runner, cloud: Cloud) -> None:
    # Slow answers, so that questions that go out together are seen to overlap.
    cloud.lab.fault("imds", "slow", param=300)
    warm = here.monitor("n1")
    assert (warm.code, calls(warm)) == (OK, [LIST])
    assert warm.rounds("imds") <= 1
    given = here.monitor("n1", value="10.0.2.10 2001:db8:100:2::10")
    assert (given.code, calls(given), given.calls("imds")) == (OK, [LIST], [])


def test_standby_monitor_keeps_the_caches_warm(name: Runner, cloud: Cloud) -> None:
    cold = name.monitor("n2", CRM_meta_role="Stopped")
    assert (cold.code, FIND in calls(cold)) == (NOT_RUNNING, True)
    started = name.start("n2")
    assert started.code == OK
    assert FIND not in calls(started)


def test_stop_succeeds_when_its_mark_cannot_be_removed(here: Runner, cloud: Cloud) -> None:
    """A record that was read for it may be another's: it is not deleted then."""
    with here.state_read_only("n1"):
        assert here.monitor("n1").code == OK
        stopped = here.stop("n1", delete_on_stop="true")
        assert (stopped.code, stopped.requests) == (OK, [])
        assert "mark stays" in stopped.stderr
        assert here.probe("n1").code == FAILED, "which has the cluster stop it"
        assert here.monitor("n1", CRM_meta_role="Stopped").code == NOT_RUNNING
        assert here.start("n2").code == OK
        assert here.probe("n1").code == NOT_RUNNING
    assert cloud.values() == cloud.ours("n2")


def test_depth_10_looks_at_the_zone(here: Runner, cloud: Cloud) -> None:
    fine = here.monitor("n1", depth=10)
    assert (fine.code, calls(fine)) == (OK, [LIST, "GetHostedZone"])
    elsewhere = cloud.create_zone("far.example.", FAR_VPC)
    far = {"name": "db.far.example", "zone": "far.example"}
    assert here.start("n1", **far).code == OK
    seen = here.monitor("n1", depth=10, **far)
    assert seen.code == DEGRADED
    for word in (elsewhere, cloud.vpc()):
        assert word in seen.reason


def test_depth_20_asks_the_resolver(here: Runner, cloud: Cloud) -> None:
    assert here.monitor("n1", depth=20).code == OK
    cloud.lab.control.settings(insync_delay_s=3600)
    assert here.start("n2", wait_insync="false").code == OK
    stale = here.monitor("n2", depth=20)
    assert stale.code == DEGRADED
    for word in ("169.254.169.253", cloud.ours("n1")["A"][0], DB):
        assert word in stale.reason
    assert here.monitor("n2").code == OK


@pytest.mark.parametrize("kind", ["servfail", "hang"])
def test_resolver_that_does_not_answer(here: Runner, cloud: Cloud, kind: str) -> None:
    cloud.lab.fault("dns", kind)
    seen = here.monitor("n1", depth=20, resolver="10.0.0.2")
    assert seen.code == DEGRADED
    assert "resolver 10.0.0.2" in seen.reason


def test_resolver_may_answer_with_any_member(name: Runner, weighted: dict[str, Any]) -> None:
    assert name.start("n1", **weighted).code == OK
    for _ in range(4):
        assert name.monitor("n1", depth=20, **weighted).code == OK


# --- writes --------------------------------------------------------------------------------


def test_stale_writer_loses_and_decides_again(name: Runner, cloud: Cloud) -> None:
    """The record is changed between the read and the write of a start."""
    cloud.lab.fault("route53", "slow", action=CHANGE, count=1, param=4000)
    running = name.begin("n2", "start", api_timeout="15s")
    until(
        lambda: any(entry["action"] == LIST for entry in running.requests()),
        END_TIMEOUT_S,
        "the start to read",
    )
    cloud.put(cloud.zone(), record(DB, "A", "192.0.2.77", ttl=77))
    started = name.end(running)
    assert started.code == OK
    made = [entry for entry in started.requests if entry["action"] in (LIST, CHANGE)]
    assert [(entry["action"], entry["status"]) for entry in made] == [
        (LIST, 200),
        (CHANGE, 400),
        (LIST, 200),
        (CHANGE, 200),
        (LIST, 200),
    ]
    assert cloud.values() == cloud.ours("n2")
    assert {each["TTL"] for each in cloud.sets(cloud.zone())} == {RECORD_TTL_S}


def test_lost_answer_causes_no_second_write(name: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "lost", action=CHANGE, count=1)
    started = name.start("n2")
    assert (started.code, writes(started)) == (OK, 1)
    assert cloud.values() == cloud.ours("n2")


def test_prior_request_is_waited_for(name: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "prior", count=2)
    started = name.start("n2")
    assert (started.code, writes(started)) == (OK, 3)
    assert cloud.values() == cloud.ours("n2")


def test_start_waits_until_in_sync(name: Runner, cloud: Cloud) -> None:
    cloud.lab.control.settings(insync_delay_s=3)
    started = name.start("n2", insync_interval="500ms")
    assert (started.code, writes(started)) == (OK, 1)
    assert "WARNING" not in started.stderr
    changes = [entry["started"] for entry in started.requests if entry["action"] == CHANGE]
    asked = [entry for entry in started.requests if entry["action"] == "GetChange"]
    assert asked[-1]["started"] - changes[0] >= 3
    assert calls(started).count(LIST) == 2, "the record is not read again meanwhile"
    assert cloud.values() == cloud.ours("n2")


def test_pending_for_ever_is_success_with_a_warning(name: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "pending")
    started = name.start("n2", timeout_ms=6000)
    assert (started.code, writes(started), started.reasons) == (OK, 1, [])
    (line,) = started.stderr.splitlines()
    assert line.startswith("WARNING: ")
    assert "PENDING" in line
    assert cloud.values() == cloud.ours("n2")
    seen = name.monitor("n2")
    assert (seen.code, calls(seen)) == (OK, [LIST])


def test_in_sync_need_not_be_waited_for(name: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "pending")
    started = name.start("n2", wait_insync="false")
    assert (started.code, started.stderr) == (OK, "")
    assert calls(started) == [FIND, LIST, CHANGE, LIST]


def test_changes_that_may_not_be_asked_for(name: Runner, cloud: Cloud) -> None:
    cloud.lab.control.settings(insync_delay_s=60)
    cloud.lab.fault("route53", "denied", action="GetChange")
    started = name.start("n2", insync_interval="500ms")
    assert (started.code, started.reasons) == (OK, [])
    assert "WARNING: " in started.stderr
    assert "route53:GetChange" in started.stderr
    assert cloud.values() == cloud.ours("n2")


def test_one_zone_of_two_refuses(name: Runner, cloud: Cloud) -> None:
    private = cloud.zone()
    allowed = [
        {"Effect": "Allow", "Action": "route53:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": f"route53:{CHANGE}",
            "Resource": f"arn:aws:route53:::hostedzone/{private}",
        },
    ]
    policy = {"Version": "2012-10-17", "Statement": allowed}
    cloud.lab.control.set_policy(ROLE, [policy])
    failed = name.start("n2", zone_visibility="both")
    assert failed.code == DENIED
    assert f"route53:{CHANGE}" in failed.reason
    assert (cloud.values(), cloud.values(private=False)) == (cloud.ours("n1"), cloud.ours("n2"))


def test_start_elsewhere_after_a_killed_start(name: Runner, cloud: Cloud) -> None:
    for action in (LIST, CHANGE):
        cloud.lab.fault("route53", "hang", action=action)
        running = name.begin("n2", "start", timeout_ms=60000, api_timeout="50s")
        until(
            lambda action=action, running=running: any(
                entry["action"] == action for entry in running.requests()
            ),
            END_TIMEOUT_S,
            f"the start to call {action}",
        )
        running.kill()
        cloud.lab.clear_faults()
        assert name.stop("n2").code == OK
        assert name.start("n1").code == OK
        assert cloud.values() == cloud.ours("n1")


def test_signal_ends_a_start_at_once(name: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "pending")
    running = name.begin("n2", "start", timeout_ms=60000)
    until(
        lambda: any(entry["action"] == CHANGE for entry in running.requests()),
        END_TIMEOUT_S,
        "the start to write",
    )
    running.signal(signal.SIGTERM)
    until(running.ended, END_TIMEOUT_S, "the start to end")
    assert name.end(running).code == FAILED


def test_two_starts_at_once_both_succeed(name: Runner, cloud: Cloud) -> None:
    both = [name.begin("n2", "start") for _ in range(2)]
    assert [name.end(one).code for one in both] == [OK, OK]
    assert cloud.values() == cloud.ours("n2")


# --- delete_on_stop ------------------------------------------------------------------------


def test_record_is_deleted_when_that_is_asked_for(here: Runner, cloud: Cloud) -> None:
    stopped = here.stop("n1", delete_on_stop="true")
    assert (stopped.code, stopped.stderr, writes(stopped)) == (OK, "", 1)
    assert cloud.values() == {}
    again = here.stop("n1", delete_on_stop="true")
    assert (again.code, writes(again)) == (OK, 0)


def test_record_of_another_node_is_not_deleted(here: Runner, cloud: Cloud) -> None:
    cloud.owned_by("n2")
    stopped = here.stop("n1", delete_on_stop="true")
    assert (stopped.code, writes(stopped)) == (OK, 0)
    assert cloud.values() == cloud.ours("n2")


def test_stop_where_it_was_not_started_deletes_nothing(here: Runner, cloud: Cloud) -> None:
    here.parameters |= {"value": "198.51.100.7", "delete_on_stop": "true"}
    assert here.start("n1").code == OK
    stopped = here.stop("n2")
    assert (stopped.code, stopped.requests) == (OK, [])
    assert cloud.values()["A"] == ["198.51.100.7"]


def test_signal_ends_a_stop_that_deletes(here: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "hang")
    stopping = here.begin("n1", "stop", delete_on_stop="true", api_timeout="50s")
    until(
        lambda: any(entry["action"] == LIST for entry in stopping.requests()),
        END_TIMEOUT_S,
        "the stop to read the record",
    )
    stopping.signal(signal.SIGTERM)
    until(stopping.ended, END_TIMEOUT_S, "the stop to end")
    assert here.end(stopping).code == FAILED


@pytest.mark.parametrize("kind", ["drop", "denied", "throttle"])
def test_stop_never_fails_for_what_aws_does(here: Runner, cloud: Cloud, kind: str) -> None:
    cloud.lab.fault("route53", kind)
    stopped = here.stop("n1", delete_on_stop="true", timeout_ms=3000)
    assert (stopped.code, stopped.reasons) == (OK, [])
    assert stopped.stderr.startswith("WARNING: stopped; left at AWS: ")
    assert here.probe("n1").code == NOT_RUNNING
    cloud.lab.clear_faults()
    assert here.start("n2").code == OK
    assert cloud.values() == cloud.ours("n2")


# --- reload-agent --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"ttl": "30s"}, {"A": ["10.0.2.10"]}),
        ({"value": "198.51.100.7"}, {"A": ["198.51.100.7"]}),
    ],
)
def test_reload_puts_changes_into_effect(
    here: Runner, cloud: Cloud, changed: dict[str, str], expected: dict[str, list[str]]
) -> None:
    reloaded = here("n1", "reload-agent", **changed)
    assert (reloaded.code, writes(reloaded)) == (OK, 1)
    assert cloud.values() | expected == cloud.values()
    assert here.monitor("n1", **changed).code == OK


def test_reload_of_what_does_not_run(name: Runner) -> None:
    assert name("n1", "reload-agent", ttl="30s").code == NOT_RUNNING


# --- faults --------------------------------------------------------------------------------

# N1, T2, A1: what each action says while Route 53 does not answer as it should.
SILENT = {"refuse": "cannot connect", "throttle": "Throttling", "e500": "InternalError"}


@pytest.mark.parametrize("kind", SILENT)
def test_outage_of_route53_stops_nothing(here: Runner, cloud: Cloud, kind: str) -> None:
    cloud.lab.fault("route53", kind)
    assert here.probe("n1", timeout_ms=SHORT_MS).code == OK
    for policy, code in (("degraded", DEGRADED), ("ok", OK), ("fail", FAILED)):
        seen = here.monitor("n1", timeout_ms=SHORT_MS, on_unknown=policy)
        assert seen.code == code
        assert SILENT[kind] in seen.reason
    assert here.probe("n2", timeout_ms=SHORT_MS).code == NOT_RUNNING
    failed = here.start("n2", timeout_ms=SHORT_MS)
    assert failed.code == FAILED
    assert SILENT[kind] in failed.reason
    stopped = here.stop("n1")
    assert (stopped.code, stopped.requests) == (OK, [])
    assert cloud.values() == cloud.ours("n1")


@pytest.mark.parametrize("kind", ["throttle", "e503", "reset", "hang"])
def test_passing_fault_is_invisible(name: Runner, cloud: Cloud, kind: str) -> None:
    cloud.lab.fault("route53", kind, action=LIST, count=1 if kind == "hang" else 2)
    started = name.start("n2", api_timeout="1s")
    assert (started.code, started.reasons) == (OK, [])
    assert cloud.values() == cloud.ours("n2")


def test_refused_connections_that_are_taken_again(name: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "refuse")
    running = name.begin("n2", "start")
    until(lambda: "annot connect" in name.log("n2"), END_TIMEOUT_S, "the start to be refused")
    cloud.lab.clear_faults()
    started = name.end(running)
    assert (started.code, started.reasons) == (OK, [])
    assert cloud.values() == cloud.ours("n2")


@pytest.mark.parametrize("action", [FIND, LIST, CHANGE])
def test_missing_permission_is_named(name: Runner, cloud: Cloud, action: str) -> None:
    cloud.lab.fault("route53", "denied", action=action)
    failed = name.start("n2")
    assert failed.code == DENIED
    assert f"IAM denies route53:{action}" in failed.reason
    assert cloud.values() == cloud.ours("n1")


def test_missing_permission_stops_nothing(here: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "denied")
    seen = here.monitor("n1")
    assert seen.code == DEGRADED
    assert f"route53:{LIST}" in seen.reason
    assert here.probe("n1").code == OK
    assert here.probe("n2").code == NOT_RUNNING
    assert here.stop("n1").code == OK


def test_outage_of_metadata_stops_nothing(here: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("imds", "refuse")
    assert here.monitor("n1", timeout_ms=SHORT_MS).code == DEGRADED
    assert here.probe("n1", timeout_ms=SHORT_MS).code == OK
    assert here.start("n2", timeout_ms=SHORT_MS).code == FAILED
    assert here.stop("n1").code == OK
    assert cloud.values() == cloud.ours("n1")


# --- how often Route 53 is asked -----------------------------------------------------------


def most_in_a_second(requests: list[dict[str, Any]]) -> int:
    """The most requests that there were in any second."""
    times = [entry["started"] for entry in requests]
    return max(sum(at <= other < at + 1 for other in times) for at in times)


def test_a_hundred_resources_stay_under_the_quota(name: Runner, cloud: Cloud) -> None:
    """A hundred names of one node, eight actions at a time as the cluster runs them."""
    zone, value = cloud.zone(), "192.0.2.1"
    hosts = [f"r{number}.{ZONE}" for number in range(100)]
    # Most of them have the node's value already, as after a restart of the cluster.
    cloud.put(zone, *(record(host, "A", value) for host in hosts[10:]))
    cloud.lab.control.settings(quotas=True)
    one = {"zone": None, "hosted_zone_id": zone, "value": value, "timeout_ms": 180000}

    def run(action: str) -> list[dict[str, Any]]:
        cloud.lab.clear_requests()
        with ThreadPoolExecutor(8) as pool:
            running = [
                pool.submit(name, "n1", action, instance=host, name=host, **one) for host in hosts
            ]
        assert {each.result().code for each in running} == {OK}
        return [entry for entry in cloud.lab.requests() if entry["service"] == "route53"]

    for action, wanted in (("start", 100 + 2 * 10), ("monitor", 100)):
        asked = run(action)
        assert len(asked) == wanted
        assert {entry["status"] for entry in asked} == {200}
        assert most_in_a_second(asked) <= QUOTA


def test_nowhere_to_keep_the_pace(here: Runner, machines: Lab) -> None:
    seen = here.monitor("n1", environment={"HA_RSCTMP": "/proc/nowhere"})
    assert LIST not in calls(seen), "without its state directory the node cannot tell"
    machines.exec(
        "n1", "sh", "-c", f"rm -f {RSCTMP}/ocf-aws/pace-*; mkdir {RSCTMP}/ocf-aws/pace-route53"
    )
    try:
        assert here.monitor("n1").code == OK
    finally:
        machines.exec("n1", "rmdir", f"{RSCTMP}/ocf-aws/pace-route53")


# --- bad input -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """A wrong value and the words that the one line about it must have."""

    parameters: dict[str, str | None]
    code: int
    says: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.parameters.items())


BAD = [
    Bad({"name": ""}, WRONG, ('name=""',)),
    Bad({"name": None}, WRONG, ("name is not set",)),
    Bad({"name": "a..corp.example"}, WRONG, ('name="a..corp.example"', "host name")),
    Bad({"name": "db.other.example"}, WRONG, ('name="db.other.example"', "zone=")),
    Bad({"name": "xcorp.example"}, WRONG, ('name="xcorp.example"', "zone=")),
    Bad({"zone": "not a zone"}, WRONG, ('zone="not a zone"', "hosted zone")),
    Bad({"zone": None}, WRONG, ("hosted_zone_id", "zone")),
    Bad({"hosted_zone_id": "Z1"}, WRONG, ("hosted_zone_id", "zone", "not both")),
    Bad({"zone": None, "hosted_zone_id": "Z1/rrset"}, WRONG, ('hosted_zone_id="Z1/rrset"',)),
    Bad({"zone_visibility": "hidden"}, WRONG, ('zone_visibility="hidden"', "public")),
    Bad({"value": "elastic"}, WRONG, ('value="elastic"', "private or public")),
    Bad({"value": "10.0.0.1 10.0.0.1"}, WRONG, ('value="10.0.0.1 10.0.0.1"', "once")),
    Bad({"value": "10.0.0.0/8"}, WRONG, ('value="10.0.0.0/8"', "addresses")),
    Bad({"ttl": "1500ms"}, WRONG, ('ttl="1500ms"', "whole seconds")),
    Bad({"ttl": "-1"}, WRONG, ('ttl="-1"',)),
    Bad({"insync_interval": "0"}, WRONG, ('insync_interval="0"',)),
    Bad({"resolver": "dns.example"}, WRONG, ('resolver="dns.example"', "address")),
    Bad({"interface": "nope"}, WRONG_HERE, ('interface="nope"', "eth0")),
    Bad({"delete_on_stop": "true", "set_identifier": "x"}, WRONG, ("delete_on_stop",)),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("action", ["validate-all", "start"])
def test_bad_value_is_refused(name: Runner, cloud: Cloud, action: str, bad: Bad) -> None:
    refused = name("n2", action, **bad.parameters)
    assert refused.code == bad.code
    for word in bad.says:
        assert word in refused.reason
    assert refused.requests == []
    assert cloud.values() == cloud.ours("n1")


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_stop_with_a_bad_value_succeeds(here: Runner, bad: Bad) -> None:
    stopped = here.stop("n1", **bad.parameters)
    assert stopped.code == OK
    assert here.probe("n1").code == NOT_RUNNING


# --- preflight -----------------------------------------------------------------------------


def test_preflight_of_a_good_configuration(name: Runner, cloud: Cloud) -> None:
    checked = name("n2", "validate-all", depth=10)
    assert (checked.code, checked.reasons, writes(checked)) == (OK, [], 0)
    assert all(line.startswith("ok: ") for line in checked.stderr.splitlines())
    for word in (cloud.ours("n2")["A"][0], cloud.zone(), LIST, CHANGE, "GetChange"):
        assert word in checked.stderr


def test_preflight_lists_every_finding(name: Runner, cloud: Cloud) -> None:
    cloud.lab.fault("route53", "denied", action="GetChange")
    cloud.create_zone("far.example.", FAR_VPC)
    far = {"name": "db.far.example", "zone": "far.example"}
    checked = name("n2", "validate-all", depth=10, **far)
    assert checked.code == DENIED
    errors = [line for line in checked.stderr.splitlines() if line.startswith("ERROR: ")]
    for what in ("is not associated with", "IAM denies route53:GetChange"):
        assert any(what in line for line in errors), errors
    assert len(errors) == 2
    assert len(checked.reasons) == 1


def test_preflight_without_permission_to_read(name: Runner, cloud: Cloud) -> None:
    cloud.lab.control.set_policy(ROLE, [])
    checked = name("n2", "validate-all", depth=10)
    assert checked.code == DENIED
    assert f"route53:{FIND}" in checked.stderr
