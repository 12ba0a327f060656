# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `aws-lab`."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from lab import clock, lifecycle, node, power, show
from lab.aws.client import Control, ControlError
from lab.handle import Lab
from lab.state import (
    DEFAULT_NAME,
    REPOSITORY,
    LabError,
    State,
    clean_up_on_sigterm,
    running_labs,
)
from lab.topology import SCENARIOS, Topology

DEFAULT_AGENTS = REPOSITORY / "build" / "agents"


def _running(arguments: argparse.Namespace) -> tuple[State, Topology]:
    """The lab a command is about. Raises LabError when it is not up."""
    state = State(arguments.lab)
    if not state.topology_json.exists():
        labs = running_labs()
        others = f"; running: {', '.join(labs)} (choose with --lab)" if labs else ""
        raise LabError(f"lab '{state.name}' is not up: start it with 'aws-lab up'{others}")
    return state, Topology.load(state)


def _up(arguments: argparse.Namespace) -> None:
    if os.geteuid() != 0:
        raise LabError("a lab needs root: it makes namespaces")
    lab = Lab.up(
        arguments.lab,
        nodes=arguments.nodes,
        scenario=arguments.scenario,
        agents=arguments.agents or _built_agents(),
        with_cluster=arguments.cluster,
        quorum_device=arguments.quorum_device,
        clocks=arguments.clocks,
        progress=lambda text: print(f"  {text}", flush=True),
    )
    print(_summary(lab.files, lab.topology))


def _built_agents() -> Path | None:
    if DEFAULT_AGENTS.is_dir():
        return DEFAULT_AGENTS
    print(f"aws-lab: {DEFAULT_AGENTS} is missing; run 'make' first to have ocf:aws in the nodes")
    return None


def _summary(state: State, topology: Topology) -> str:
    lines = [f"Lab '{state.name}' is up."]
    for member in topology.members.values():
        eni = member.enis[0]
        lines.append(
            f"  {member.name:<10} {eni.ip:<14} {member.region or '-':<14} {eni.subnet.name:<10} "
            f"{member.instance or '-':<19}  {eni.id or '-'}"
        )
    options = f" --lab {state.name}" if state.name != DEFAULT_NAME else ""
    first = next(iter(topology.members))
    lines += [
        f"A shell on a node:  cts/aws-lab{options} shell {first}",
        f"One command:        cts/aws-lab{options} exec {first} -- pcs status",
        f"The end:            cts/aws-lab{options} down",
    ]
    return "\n".join(lines)


def _down(arguments: argparse.Namespace) -> None:
    state = State(arguments.lab)
    if not lifecycle.down(state):
        print(f"Lab '{state.name}' is not up.")


def _exec(arguments: argparse.Namespace) -> None:
    state, topology = _running(arguments)
    argv = arguments.command
    if argv[:1] == ["--"]:
        argv = argv[1:]
    if not argv:
        raise LabError("exec needs a command: aws-lab exec NODE -- COMMAND ...")
    _become(state, topology, arguments.node, argv)


def _shell(arguments: argparse.Namespace) -> None:
    state, topology = _running(arguments)
    prompt = f"PS1=[{state.name}] \\u@{arguments.node}:\\w\\$ "
    _become(state, topology, arguments.node, ["env", prompt, "bash", "--norc", "-i"])


def _become(state: State, topology: Topology, name: str, argv: list[str]) -> None:
    command = node.command(state, topology.member(name).name, argv)
    os.execvp(command[0], command)


def _status(arguments: argparse.Namespace) -> None:
    state, topology = _running(arguments)
    Control(state.dir).topology()
    print(_summary(state, topology))
    for name in topology.members:
        print(f"  {name}: {'running' if node.running(state, name) else 'off'}")


def _kill(arguments: argparse.Namespace) -> None:
    power.kill(*_running(arguments), arguments.node)


def _freeze(arguments: argparse.Namespace) -> None:
    power.freeze(*_running(arguments), arguments.node)


def _thaw(arguments: argparse.Namespace) -> None:
    power.thaw(*_running(arguments), arguments.node)


def _cut(arguments: argparse.Namespace) -> None:
    power.cut(*_running(arguments), arguments.a, arguments.b)


def _heal(arguments: argparse.Namespace) -> None:
    if arguments.pair and len(arguments.pair) != 2:
        raise LabError("heal takes the two ends of a cut, or nothing to undo every cut")
    if arguments.pair:
        power.mend(*_running(arguments), *arguments.pair)
    else:
        power.heal(*_running(arguments))


def _region_cut(arguments: argparse.Namespace) -> None:
    both = arguments.api == arguments.network
    power.cut_region(
        *_running(arguments), arguments.region, arguments.api or both, arguments.network or both
    )


def _region_heal(arguments: argparse.Namespace) -> None:
    power.heal_region(*_running(arguments), arguments.region)


def _clock(arguments: argparse.Namespace) -> None:
    clock.set_error(*_running(arguments), arguments.node, arguments.seconds)


def _power(arguments: argparse.Namespace) -> None:
    power.switch(*_running(arguments), arguments.node, arguments.how)


def _fault_add(arguments: argparse.Namespace) -> None:
    state, topology = _running(arguments)
    service, _, action = arguments.target.partition(":")
    if arguments.node:
        topology.member(arguments.node)
    Control(state.dir).add_fault(
        service,
        arguments.kind,
        action=action or None,
        count=arguments.count,
        node=arguments.node,
        region=arguments.region,
        param=arguments.param,
        match=dict(arguments.match),
    )


def _fault_list(arguments: argparse.Namespace) -> None:
    state, _ = _running(arguments)
    print(show.faults(Control(state.dir).faults()))


def _fault_clear(arguments: argparse.Namespace) -> None:
    state, _ = _running(arguments)
    Control(state.dir).clear_faults(arguments.id)


def _requests(arguments: argparse.Namespace) -> None:
    state, _ = _running(arguments)
    control = Control(state.dir)
    requests = control.requests()
    print(json.dumps(requests, indent=2) if arguments.json else show.requests(requests))
    if arguments.clear:
        control.clear_requests()


def _state(arguments: argparse.Namespace) -> None:
    state, _ = _running(arguments)
    control = Control(state.dir)
    snapshot = control.state()
    if arguments.json:
        print(json.dumps(snapshot, indent=2))
    else:
        print(show.state(snapshot, _health(control, snapshot)))


def _health(control: Control, snapshot: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What DescribeTargetHealth says now of the snapshot's targets."""
    found: dict[str, dict[str, Any]] = {}
    for name, region in snapshot["regions"].items():
        for group in region["target_groups"]:
            targets = [{"Id": target["id"]} for target in group["targets"]]
            asked = {"TargetGroupArn": group["id"], "Targets": targets}
            answer = control.aws(name, "elasticloadbalancing", "DescribeTargetHealth", **asked)
            found[group["id"]] = {
                item["Target"]["Id"]: item["TargetHealth"]
                for item in answer["TargetHealthDescriptions"]
            }
    return found


# --- command line --------------------------------------------------------------------------


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not PARAMETER=VALUE")
    return key, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aws-lab", description="AWS and a real Pacemaker cluster on this machine."
    )
    parser.add_argument(
        "--lab",
        metavar="NAME",
        default=os.environ.get("AWS_LAB", DEFAULT_NAME),
        help="which lab (default: $AWS_LAB, else '%(default)s'); labs run side by side",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run, text: str, *positional: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        for argument in positional:
            command.add_argument(argument, metavar=argument.upper())
        return command

    up = add("up", _up, "bring a lab up")
    up.add_argument("--nodes", type=int, default=2, metavar="N", help="cluster nodes, default 2")
    up.add_argument("--scenario", default="textbook", help=f"{', '.join(SCENARIOS)}")
    up.add_argument("--agents", type=Path, metavar="DIR", help="ocf:aws agents of the nodes")
    up.add_argument(
        "--no-cluster", dest="cluster", action="store_false", help="machines and AWS alone"
    )
    up.add_argument("--quorum-device", metavar="CLIENT", help="where corosync-qnetd shall run")
    up.add_argument("--clocks", action="store_true", help="clocks of nodes can be set")
    add("down", _down, "remove the lab")
    add("status", _status, "show the machines of the lab")
    execute = add("exec", _exec, "run a command on a node or client", "node")
    execute.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    add("shell", _shell, "open a shell on a node or client", "node")
    add("kill", _kill, "let a node lose its power; AWS still calls it running", "node")
    add("freeze", _freeze, "stop all processes of a node", "node")
    add("thaw", _thaw, "let a frozen node go on", "node")
    add("cut", _cut, "drop packets between two machines, or a machine and 'aws'", "a", "b")
    heal = add("heal", _heal, "undo the cut between two, or every cut")
    heal.add_argument("pair", nargs="*", metavar="A B")
    step = add("clock", _clock, "set a node's clock ahead of the machine's, or back to it", "node")
    step.add_argument(
        "seconds", type=float, metavar="SECONDS", help="0 is right, -60 a minute late"
    )
    region = commands.add_parser("region", help="lose a region, and have it back").add_subparsers(
        required=True, metavar="cut|heal"
    )
    cut = region.add_parser("cut", help="lose it: its API, its network or, by default, both")
    cut.set_defaults(run=_region_cut)
    cut.add_argument("region", metavar="REGION")
    cut.add_argument("--api", action="store_true", help="its endpoints swallow what is sent there")
    cut.add_argument("--network", action="store_true", help="its transit gateways drop all packets")
    heal = region.add_parser("heal", help="undo that")
    heal.set_defaults(run=_region_heal)
    heal.add_argument("region", metavar="REGION")

    requests = add("requests", _requests, "show what AWS and the metadata service were asked")
    requests.add_argument("--json", action="store_true")
    requests.add_argument("--clear", action="store_true", help="forget them afterwards")
    show = add("state", _state, "show routes, addresses and instances as AWS has them")
    show.add_argument("--json", action="store_true")

    fault = commands.add_parser("fault", help="make AWS fail").add_subparsers(
        required=True, metavar="add|list|clear"
    )
    fault_add = fault.add_parser("add", help="SERVICE[:ACTION] KIND")
    fault_add.set_defaults(run=_fault_add)
    fault_add.add_argument("target", metavar="SERVICE[:ACTION]")
    fault_add.add_argument("kind", metavar="KIND")
    fault_add.add_argument("--count", type=int, help="so many times, then never again")
    fault_add.add_argument("--node", help="only for calls of this node")
    fault_add.add_argument("--region", help="only in this region")
    fault_add.add_argument("--param", type=_number_or_text, help="how much, by kind")
    fault_add.add_argument(
        "--match",
        action="append",
        default=[],
        type=_pair,
        metavar="PARAMETER=VALUE",
        help="only requests with this parameter, for instance RouteTableId=rtb-...",
    )
    fault.add_parser("list", help="the faults in force").set_defaults(run=_fault_list)
    fault_clear = fault.add_parser("clear", help="end one fault, or all")
    fault_clear.set_defaults(run=_fault_clear)
    fault_clear.add_argument("id", nargs="?", type=int, metavar="ID", help="as 'fault list' has it")

    internal = commands.add_parser("_power")
    internal.set_defaults(run=_power)
    internal.add_argument("how", choices=("off", "on", "reset"))
    internal.add_argument("node")
    return parser


def main() -> int:
    """Run one command; the exit code is 1 when it could not be done."""
    arguments = _parser().parse_args()
    clean_up_on_sigterm()
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (LabError, ControlError) as error:
        print(f"aws-lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
