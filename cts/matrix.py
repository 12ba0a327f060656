# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the whole fault matrix, or some agents and rows of it, in a few labs at once.

Writes a table of all cells as HTML and JSON. Ends with one line, `faults: N cells, N right, N
wrong`, and with 1 when a cell is wrong. Cells that make no sense are counted apart; the table says
of each why.
"""

import argparse
import contextlib
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import crash
import crowd
import faultreport
import scarce
from faultlab import CONDITIONS, NATIVE, Cell, Conditions, Stage, with_meter
from faults import ACTIONS, AGENTS, NOTHING, ROWS, Agent, Required, Row, required
from lab.aws.client import ControlError
from lab.handle import Lab
from lab.state import LabError, clean_up_on_sigterm
from runner import AGENTS as PROGRAMS
from runner import BUILD

# In a lab are as many nodes as the cells of faults.py name.
NODES = 3
# Labs wait more than they work: beyond this number two processors are what they wait for.
LABS = 4
# Rows that are run without a break, between which a lab may go to another agent.
CHUNK = 4
# The rows with steps of their own are begun first, since they take longest.
OWN_STEPS = [*crash.ROWS, *crowd.ROWS, *scarce.ROWS]
ALL_ROWS = {row.id: row for row in (*OWN_STEPS, *ROWS, *crash.THOROUGH)}


def usual(conditions: Conditions) -> str:
    """The names of the rows that are run when none is chosen; what checks an agent from inside is
    not there when strace runs it, nor is it as fast as many at once have to be.
    """
    rows = ROWS if conditions is not NATIVE else [*OWN_STEPS, *ROWS]
    return " ".join(row.id for row in rows)


@dataclass(frozen=True)
class Task:
    """Some rows of one agent."""

    agent: Agent
    rows: list[Row]


def meets(agent: Agent, row: Row) -> bool:
    """Whether a row is about something that happens to an agent."""
    if row.play is not None or row is NOTHING:
        return agent.service in row.only
    cells = [required(agent, row, action) for action in ACTIONS]
    return any(isinstance(cell, Required) and cell.suffers for cell in cells)


def sample() -> list[tuple[Agent, Row]]:
    """A part of the matrix that meets every row, and every agent about equally often.

    Each row is for one of the agents that it happens to: for the one that has fewest so far, and
    of these for the next after the one before. A row that is added is in the sample with that.
    """
    load = dict.fromkeys(range(len(AGENTS)), 0)
    chosen, turn = [], 0
    for row in ROWS:
        order = [(turn + i) % len(AGENTS) for i in range(len(AGENTS))]
        fit = [index for index in order if meets(AGENTS[index], row)]
        index = min(fit, key=lambda index: load[index])
        load[index] += 1
        turn = index + 1
        chosen.append((AGENTS[index], row))
    return sorted(chosen, key=lambda pair: AGENTS.index(pair[0]))


class Run:
    """All tasks, and what came of them so far."""

    def __init__(self, name: str, programs: Path, conditions: Conditions, tasks: list[Task]):
        self.name, self.programs, self.conditions = name, programs, conditions
        self.cells: list[Cell] = []
        self._tasks = tasks
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def work(self, number: int) -> None:
        """Run tasks in a lab of one's own until none is left."""
        scenario = None
        while (task := self._take(scenario)) is not None:
            scenario = task.agent.scenario
            try:
                with self._lab(number, scenario) as lab:
                    while task is not None and self._run(lab, task):
                        task = self._take(scenario, alone=True)
            except LabError as error:
                if task is None:
                    raise
                self._broken(task, task.rows, f"no lab for it: {error}")

    def stop(self) -> None:
        """Let nobody begin anything more."""
        self._stopped.set()
        with self._lock:
            self._tasks.clear()

    def _take(self, scenario: str | None, alone: bool = False) -> Task | None:
        """The next task, of a scenario if there is one, or of no other."""
        with self._lock:
            same = [task for task in self._tasks if task.agent.scenario == scenario]
            chosen = next(iter(same if same or alone else self._tasks), None)
            if chosen is not None:
                self._tasks.remove(chosen)
            return chosen

    @contextlib.contextmanager
    def _lab(self, number: int, scenario: str) -> Iterator[Lab]:
        options = {"nodes": NODES, "with_cluster": False, "agents": self.programs}
        with Lab.running(f"{self.name}{number}", scenario=scenario, **options) as lab:
            lab.control.settings(quotas=False)
            yield lab

    def _run(self, lab: Lab, task: Task) -> bool:
        """Run a task; False when the lab is not to be used again."""
        left = list(task.rows)
        try:
            stage = Stage(lab, task.agent, self.conditions)
            stage.runner.clean()
            for row in task.rows:
                if self._stopped.is_set():
                    break
                began = time.monotonic()
                cells = list(stage.run(row))
                left.remove(row)
                self._add(cells, time.monotonic() - began)
            stage.tear_down()
        except (AssertionError, ControlError, LabError, LookupError, OSError):
            self._broken(task, left or task.rows[-1:], traceback.format_exc())
            return False
        return True

    def _add(self, cells: list[Cell], seconds: float) -> None:
        wrong = [cell for cell in cells if cell.wrong]
        senseless = sum(cell.senseless is not None for cell in cells)
        with self._lock:
            self.cells += cells
            print(
                f"{cells[0].agent} {cells[0].row}: {len(cells) - senseless - len(wrong)} right, "
                f"{len(wrong)} wrong, {senseless} senseless ({seconds:.1f} s)",
                *wrong,
                sep="\n",
                flush=True,
            )

    def _broken(self, task: Task, rows: list[Row], why: str) -> None:
        """Rows that could not be run to their end are wrong, whoever's fault it is."""
        self._add([Cell(task.agent.name, row.id, "all", wrong=(why,)) for row in rows], 0)


def tasks_of(agents: list[Agent], rows: list[Row]) -> list[Task]:
    """All rows for all agents, those first that take longest."""
    slow_first = sorted(agents, key=lambda agent: agent.scenario, reverse=True)
    chunks = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
    return [Task(agent, chunk) for agent in slow_first for chunk in chunks]


def run(name: str, labs: int, programs: Path, conditions: Conditions, tasks: list[Task]) -> Run:
    """Run tasks in so many labs at once."""
    state = Run(name, programs, conditions, tasks)
    # Threads will do: it is the agents and the labs' own processes that work.
    with ThreadPoolExecutor(labs) as pool:
        workers = [pool.submit(state.work, number) for number in range(labs)]
        try:
            for worker in workers:
                worker.result()
        finally:
            state.stop()
    return state


def _chosen(kind: str, names: str, known: dict) -> list:
    """The entries of some names, or all. Raises LabError at a name that there is not."""
    wanted = names.replace(",", " ").split() or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise LabError(f"no {kind} {', '.join(unknown)}: there are {', '.join(known)}")
    return [entry for name, entry in known.items() if name in wanted]


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", default="", help="names; all when none is given")
    parser.add_argument("--rows", default="", help="ids; all when none is given")
    parser.add_argument("--labs", type=int, default=LABS, help="at once, default %(default)s")
    parser.add_argument("--lab", default="faults", help="what they are called, with a number")
    parser.add_argument("--under", choices=CONDITIONS, help="what checks the agents from inside")
    arguments = parser.parse_args()
    clean_up_on_sigterm()
    conditions = CONDITIONS.get(arguments.under, NATIVE)
    output = BUILD / "-".join(filter(None, ("faults", arguments.under)))
    try:
        agents = _chosen("agent", arguments.agents, {agent.name: agent for agent in AGENTS})
        rows = _chosen("row", arguments.rows or usual(conditions), ALL_ROWS)
    except LabError as error:
        print(f"faults: {error}", file=sys.stderr)
        return 2
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    programs = with_meter(PROGRAMS, output / "agents")
    began = time.monotonic()
    tasks = tasks_of(agents, rows)
    cells = run(arguments.lab, arguments.labs, programs, conditions, tasks).cells
    shutil.rmtree(programs)
    about = f"{conditions.name}, {time.monotonic() - began:.0f} seconds in {arguments.labs} labs"
    faultreport.write(output, agents, rows, cells, about)
    ran = [cell for cell in cells if cell.senseless is None]
    wrong = sum(bool(cell.wrong) for cell in ran)
    table = os.path.relpath(output / "faults.html")
    print(f"{len(cells) - len(ran)} cells make no sense; {table} says of each why")
    print(f"faults: {len(ran)} cells, {len(ran) - wrong} right, {wrong} wrong")
    return 1 if wrong or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
