# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo: a planned move and a failover, seen by a client that never stops asking.

`make demo` runs it as root. It ends with 0 only if the client reached the right node after each
step, and leaves a report page and a picture in build/demo.
"""

import argparse
import html
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import client, history, timeline
from lab.aws.client import ControlError
from lab.client import Request
from lab.handle import SERVICE, SERVICE_PORT, Lab
from lab.state import REPOSITORY, LabError, clean_up_on_sigterm, until
from lab.timeline import Bar, Lane, Moment, Panel
from lab.topology import VIP

NAME = "demo"
AGENT = "ocf:aws:route-table-vip"
URL = f"http://{VIP}:{SERVICE_PORT}/"
ROUTE = f"{VIP}/32"
GROUP = "web"
VIP_RESOURCE, SERVICE_RESOURCE = "vip", "service"
ANSWER_TIMEOUT_S = 60
REJOIN_TIMEOUT_S = 60
# So many answers in a row prove that the client is served.
STEADY_ANSWERS = 20
# What the picture shows before an event, and after the client is served again.
BEFORE_S, AFTER_S = 1.0, 1.5


@dataclass(frozen=True)
class Step:
    """One thing done to the active node, and what the client saw of it."""

    title: str
    began: float
    victim: str
    heir: str
    requests: list[Request]

    @property
    def lost(self) -> list[Request]:
        return [request for request in self.requests if not request.ok]

    @property
    def served_again(self) -> float:
        """When the client sent the first request that the new node answered."""
        return next(request.t for request in self.requests if request.who == self.heir)

    @property
    def outage_s(self) -> float:
        """From the first request lost to the first one answered by the new node."""
        return self.served_again - self.lost[0].t if self.lost else 0.0

    @property
    def summary(self) -> str:
        """What it meant for the client, in a line."""
        return (
            f"{self.outage_s:.2f} s without an answer, "
            f"{len(self.lost)} of {len(self.requests)} requests lost"
        )


def say(text: str) -> None:
    """Print a step with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def pcs(lab: Lab, *arguments: str) -> None:
    """Run pcs on the first node that is up, and show the command."""
    node = next(name for name in lab.topology.nodes if lab.is_running(name))
    say(f"{node}# pcs {' '.join(arguments)}")
    lab.exec(node, "pcs", *arguments)


def create_resources(lab: Lab, agent: str) -> None:
    """Make the address and a service that needs it, as a user would."""
    pcs(lab, "resource", "defaults", "update", "resource-stickiness=100")
    pcs(lab, "resource", "create", VIP_RESOURCE, agent, f"ip={VIP}", "--group", GROUP)
    service = ["ocf:heartbeat:anything", "binfile=/usr/bin/python3"]
    service += [f"cmdline_options={SERVICE} {SERVICE_PORT}", "pidfile=/run/service.pid"]
    pcs(lab, "resource", "create", SERVICE_RESOURCE, *service, "--group", GROUP, "--wait=60")


def active_node(lab: Lab) -> str:
    """The node on which the cluster runs the service. Raises LabError when there is none."""
    for entry in lab.cluster().iterfind(f".//resource[@id='{SERVICE_RESOURCE}'][@active='true']"):
        return entry.find("node").get("name")
    raise LabError(f"the cluster runs '{SERVICE_RESOURCE}' nowhere")


def wait_served(record: Path, by: str, since: float) -> list[Request]:
    """Wait until the client is answered by a node only; returns its requests since then."""

    def steady() -> list[Request]:
        requests = [request for request in client.read(record) if request.t >= since]
        last = requests[-STEADY_ANSWERS:]
        served = len(last) == STEADY_ANSWERS and all(request.who == by for request in last)
        return requests if served else []

    return until(steady, ANSWER_TIMEOUT_S, f"the client to be served by {by}", interval_s=0.2)


def observe(lab: Lab, title: str, record: Path, action: Callable[[str, str], None]) -> Step:
    """Do something to the active node and watch until the other one serves the client.

    Raises LabError when the client, AWS and the cluster do not agree on that in time.
    """
    victim = active_node(lab)
    heir = next(name for name in lab.topology.nodes if name != victim)
    began = time.monotonic()
    action(victim, heir)
    step = Step(title, began, victim, heir, wait_served(record, heir, began))
    say(f"the client is served by {heir}: {step.summary}")
    owners = lab.route_owners(ROUTE)
    if set(owners.values()) != {heir}:
        raise LabError(f"the client is served by {heir}, but AWS routes {ROUTE} to {owners}")
    if active_node(lab) != heir:
        raise LabError(f"the client is served by {heir}, the cluster runs it on {active_node(lab)}")
    say(f"AWS: {', '.join(f'{table} -> {owner}' for table, owner in sorted(owners.items()))}")
    return step


def run(lab: Lab, agent: str, record: Path) -> list[Step]:
    """The two steps of the demo."""
    create_resources(lab, agent)
    with lab.asking(URL, record):
        first = active_node(lab)
        wait_served(record, first, time.monotonic())
        say(f"a client in another subnet asks {URL} all the while; {first} answers")

        def move(_victim: str, heir: str) -> None:
            pcs(lab, "resource", "move", GROUP, heir)

        moved = observe(lab, "Planned move", record, move)

        def kill(victim: str, _heir: str) -> None:
            say(f"# aws-lab kill {victim}        (no warning, no goodbye; AWS calls it running)")
            lab.kill(victim)

        failed_over = observe(lab, "Node killed", record, kill)
        everyone = set(lab.topology.nodes)
        until(lambda: lab.online() == everyone, REJOIN_TIMEOUT_S, "the fenced node to come back")
        say(f"{failed_over.victim} was fenced, has booted and is back in the cluster")
        wait_served(record, failed_over.heir, time.monotonic())
    return [moved, failed_over]


# --- report --------------------------------------------------------------------------------


def panel(lab: Lab, step: Step, requests: list[Request]) -> Panel:
    """The picture of one step."""
    began, ended = step.began - BEFORE_S, step.served_again + AFTER_S
    changes = history.route_changes(lab, ROUTE)
    tables = sorted({change.table for change in changes})
    lanes = [
        Lane(name, _service_bars(lab, name, began, ended)) for name in sorted(lab.topology.nodes)
    ]
    lanes += [
        Lane(f"route in {table}", _route_bars(changes, table, began, ended)) for table in tables
    ]
    moments = [moment for moment in _moments(lab, step) if began <= moment.t <= ended]
    shown = [request for request in requests if began <= request.t <= ended]
    return Panel(
        title=f"{step.title}: {step.victim} to {step.heir}",
        subtitle=f"The client: {step.summary}",
        zero=step.began,
        began=began,
        ended=ended,
        lanes=lanes,
        requests=shown,
        moments=moments,
    )


def _route_bars(
    changes: list[history.RouteChange], table: str, began: float, ended: float
) -> list[Bar]:
    mine = [change for change in changes if change.table == table]
    before = [change for change in mine if change.t <= began]
    owner = before[-1].new if before else mine[0].old
    bars, since = [], began
    for change in [change for change in mine if began < change.t < ended]:
        bars.append(Bar(since, change.t, owner, f"to {owner}" if owner else "nowhere"))
        owner, since = change.new, change.t
    bars.append(Bar(since, ended, owner, f"to {owner}" if owner else "nowhere"))
    return bars


def _service_bars(lab: Lab, name: str, began: float, ended: float) -> list[Bar]:
    """Whether a node serves, is only up, or is off."""
    states = {"start": "serves", "stop": "up", "kill": "off", "power": "off", "boot": "up"}
    turns = [
        (operation.t, states[operation.action])
        for operation in history.operations(lab)
        if operation.resource == SERVICE_RESOURCE and operation.node == name
    ]
    turns += [
        (event["t"], states[event["kind"]])
        for event in lab.files.events()
        if event["kind"] in states and event["node"] == name
    ]
    bars, since, state = [], began, "up"
    for t, following in [*sorted(turns), (ended, None)]:
        if following == state:
            continue
        until_t = min(t, ended)
        if until_t > since:
            node = None if state == "off" else name
            bars.append(Bar(since, until_t, node, state, strong=state != "up"))
            since = until_t
        state = following
    return bars


def _moments(lab: Lab, step: Step) -> list[Moment]:
    """Everything worth a number in the picture, in any order."""
    moments = [Moment(step.served_again, f"client answered by {step.heir}")]
    if step.lost:
        moments.append(Moment(step.lost[0].t, "first request lost"))
    verdicts = {"lost": "{} is seen as lost", "fenced": "{} counts as fenced"}
    moments += [Moment(v.t, verdicts[v.what].format(v.node)) for v in history.verdicts(lab)]
    events = {
        "kill": "{} dies without a word",
        "power": "AWS has switched {} off",
        "boot": "{} boots",
    }
    moments += [
        Moment(event["t"], events[event["kind"]].format(event["node"]))
        for event in lab.files.events()
        if event["kind"] in events
    ]
    done = {"start": "{} started on {}", "stop": "{} stopped on {}"}
    moments += [
        Moment(operation.t, done[operation.action].format(operation.resource, operation.node))
        for operation in history.operations(lab)
        if operation.resource in (VIP_RESOURCE, SERVICE_RESOURCE)
    ]
    moments += [
        Moment(change.t, f"every route leads to {change.new}")
        for change in history.takeovers(history.route_changes(lab, ROUTE))
    ]
    return moments


def write_report(directory: Path, lab: Lab, steps: list[Step], record: Path) -> None:
    """Write timeline.svg and report.html."""
    requests = client.read(record)
    picture = timeline.draw(
        [panel(lab, step, requests) for step in steps], list(lab.topology.nodes)
    )
    (directory / "timeline.svg").write_text(picture)
    rows = "".join(
        f"<tr><td>{html.escape(step.title)}</td><td>{step.victim} to {step.heir}</td>"
        f"<td>{step.outage_s:.2f} s</td><td>{len(step.lost)}</td></tr>"
        for step in steps
    )
    versions = lab.exec("n1", "pacemakerd", "--version").stdout.splitlines()[0]
    text = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>ocf-aws: move and failover</title>
<style>
body {{ font-family: system-ui, sans-serif; max-width: 1000px; margin: 2em auto; color: #1a202c }}
table {{ border-collapse: collapse }}
td, th {{ border-bottom: 1px solid #cbd5e0; padding: .4em 1.2em .4em 0; text-align: left }}
img {{ max-width: 100% }}
</style></head><body>
<h1>A virtual IP address moves between two zones</h1>
<p>Two nodes in different subnets of a VPC, the address {VIP} outside of it, a route in each
private route table. A client sends a request every {client.INTERVAL_S * 1000:.0f} ms and gives
each {client.TIMEOUT_S:g} s. Made {time.strftime("%Y-%m-%d %H:%M:%S %Z")}
with {html.escape(versions)}.</p>
<table><tr><th>Step</th><th>Service</th><th>Without an answer</th><th>Requests lost</th></tr>
{rows}</table>
<p><img src="timeline.svg" alt="Who answered, where the routes led, and which node was up"></p>
</body></html>
"""
    (directory / "report.html").write_text(text)


def main() -> int:
    """Run the demo; 0 when the client reached the right node after each step."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--agent", default=AGENT, help="what makes the address (%(default)s)")
    parser.add_argument("--agents", type=Path, default=REPOSITORY / "build" / "agents")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "demo")
    parser.add_argument("--lab", default=NAME, metavar="NAME", help="the lab's name (%(default)s)")
    arguments = parser.parse_args()
    clean_up_on_sigterm()
    arguments.output.mkdir(parents=True, exist_ok=True)
    record = arguments.output / "client.jsonl"
    try:
        say("bringing up AWS, two nodes and a client")
        with Lab.running(arguments.lab, agents=arguments.agents, progress=say) as lab:
            try:
                steps = run(lab, arguments.agent, record)
                write_report(arguments.output, lab, steps, record)
            except BaseException:
                lab.collect(arguments.output / "failed")
                say(f"the logs of the lab are kept in {arguments.output / 'failed'}")
                raise
        say("the lab is gone")
    except (LabError, ControlError) as error:
        say(f"FAILED: {error}")
        return 1
    for step in steps:
        print(f"{step.title:<14} {step.victim} to {step.heir}: {step.summary}")
    print(f"Report: {arguments.output / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
