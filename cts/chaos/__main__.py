# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster with all agents in use, under chaos: `python -m chaos [--minutes M] [--seed N]`.

Of two and then of four nodes: a schedule drawn from the seed is played in a lab, what clients, AWS
and the cluster saw is recorded, and the record is judged. Ends with 0 only without a violation.
"""

import argparse
import random
import sys
import time
from pathlib import Path

from everything import Everything, bring_up
from lab.aws.client import ControlError
from lab.state import REPOSITORY, LabError, clean_up_on_sigterm
from runner import AGENTS, BUILD

from chaos import judge, record, report, schedule
from chaos.history import History
from chaos.play import Player
from chaos.schedule import World

MINUTES, SIZES = 5.0, (2, 4)
# So many of the longest are printed after a run.
OUTAGES = 5
OUTPUT = REPOSITORY / "build" / "chaos"


def say(text: str) -> None:
    """Print what is going on, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def world(everything: Everything) -> World:
    """What there is to break."""
    groups = everything.groups
    return World(
        nodes={name: node.region for name, node in everything.lab.topology.nodes.items()},
        clients=tuple(sorted({group.client for group in groups.values()})),
        groups={name: group.nodes for name, group in groups.items()},
        agents={resource: a for group in groups.values() for resource, a in group.agents.items()},
    )


def run(options: argparse.Namespace, nodes: int, directory: Path) -> History:
    """One run, with all that is left of it in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    say(f"bringing up AWS, {nodes} nodes, the services and their clients")
    name = f"{options.lab}{nodes}"
    with bring_up(name, nodes, options.agents) as everything:
        events = schedule.make(options.seed, options.minutes, world(everything))
        (directory / "schedule.txt").write_text(schedule.text(events))
        print(schedule.text(events), end="", flush=True)
        with everything.clients(directory) as records, record.Owners(everything).watched():
            record.wait_agreed(everything, records)
            began = time.monotonic()
            say(f"{len(events)} events begin")
            Player(everything, events, say).run()
            say("all is healed; waiting until the cluster, AWS and the clients agree")
            ends = record.wait_agreed(everything, records)
            left = record.left_behind(everything, ends)
            history = record.read(everything, options.seed, began, records, ends, left)
    history.save(directory / "history.json")
    say(f"the lab is gone, its logs are in {BUILD / 'check' / name}")
    return history


def tell(history: History, directory: Path) -> None:
    """Write the page about a run, and print its violations and its longest outages."""
    report.write(directory / "report.html", history)
    say(f"{len(history.nodes)} nodes: {figures([history])}; {directory / 'report.html'}")
    for violation in judge.violations(history):
        print(f"    {violation}", flush=True)
    for outage in judge.outages(history)[:OUTAGES]:
        print(f"    {outage}", flush=True)


def figures(histories: list[History]) -> str:
    """How much happened, and how much of it was wrong."""
    events = sum(len(history.troubles) for history in histories)
    moves = sum(len(judge.failovers(history)) for history in histories)
    wrong = sum(len(judge.violations(history)) for history in histories)
    missed = sum(len(history.missed) for history in histories)
    more = f" ({missed} more met no agent to kill)" if missed else ""
    return f"{events} events, {moves} failovers, {wrong} violations{more}"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of each run (%(default)s)")
    parser.add_argument("--seed", type=int, help="of the schedule; another each time by default")
    parser.add_argument(
        "--nodes", type=int, nargs="+", choices=SIZES, default=SIZES, help="of the clusters (2 4)"
    )
    parser.add_argument("--agents", type=Path, default=AGENTS, help="where they are (%(default)s)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="for the reports (%(default)s)")
    parser.add_argument("--lab", default="chaos", help="the labs' names, before the size")
    parser.add_argument(
        "--judge",
        type=Path,
        nargs="+",
        metavar="DIRECTORY",
        help="judge what runs have left there, and run nothing",
    )
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.randrange(1_000_000)
    return options


def main() -> int:
    """Run and judge; 0 when nothing was wrong."""
    options = parse()
    clean_up_on_sigterm()
    histories = []
    try:
        if not options.judge:
            say(f"seed {options.seed}, {options.minutes:g} minutes of each size")
        places = options.judge or [options.output / f"{options.seed}-{n}" for n in options.nodes]
        for number, directory in enumerate(places):
            if options.judge:
                history = History.load(directory / "history.json")
            else:
                history = run(options, options.nodes[number], directory)
            tell(history, directory)
            histories.append(history)
    except (LabError, ControlError) as error:
        say(f"FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the lab is gone")
        return 130
    print(f"chaos: {figures(histories)}")
    return 1 if any(judge.violations(history) for history in histories) else 0


if __name__ == "__main__":
    sys.exit(main())
