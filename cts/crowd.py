# SPDX-License-Identifier: GPL-2.0-or-later
"""Many agents at once: the rows M1, some at one resource, and M2, fifty resources on a node."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crash import PATIENCE
from faultlab import Cell, Stage, files_of
from faults import ACTIVE, CREDENTIALS, DEGRADED, MONITOR, NOT_RUNNING, OK, Row
from lab.aws import quotas
from runner import ASIDE, Outcome, Runner

TIMES = 3
MANY = 50
# As metadata advise.
START_MS = 180000
FIRST_PORT = 4000
# So many times the calls that it makes when it is alone, where the quotas have room for these: some
# read again what another has just changed. Where they have not, those that a quota refuses are made
# again after a quarter of a second on average and twice as much each time, for some ten seconds:
# measured is up to 1.9 times.
REREAD, REFUSED = 1.25, 3
RECURRING = {"interval_ms": 10000}
# See common/cache.c.
_HEADER = re.compile(rb"ocf-aws cache 1 ([0-9a-f]{16}) ([0-9a-f]{64})\n")


def torn(directory: Path) -> Iterator[str]:
    """What is wrong with a node's cache: files that are not whole, or that nobody has renamed."""
    for path in sorted(directory.iterdir()):
        data = path.read_bytes() if path.is_file() else b""
        header = _HEADER.match(data)
        if path.match(ASIDE):
            yield f"{path.name} was left behind"
        elif header is None:
            # Marks, locks and sockets are empty; a turn of Route 53 is a number.
            if data and not path.name.startswith("pace-"):
                yield f"{path.name} is no entry: {data[:80]!r}"
        else:
            rest = data[header.end() :]
            found = (len(rest), hashlib.sha256(rest).hexdigest().encode())
            if found != (int(header[1], 16), header[2]):
                yield f"{path.name} is torn"


class Crowd:
    """Agents of one kind that run at once."""

    def __init__(self, stage: Stage, row: str):
        self.row = row
        self.lab, self.agent = stage.lab, stage.agent
        parameters = self.agent.parameters(self.lab) | {"api_timeout": PATIENCE}
        self.runner = Runner(self.lab, self.agent.name, **parameters)

    def some(self, times: int = TIMES) -> Iterator[Cell]:
        """M1: a few at one resource, on one node and on two."""
        for turn in range(1, times + 1):
            yield self._cell(f"start and two monitors {turn}", self._on_one_node())
        for turn in range(1, times + 1):
            if self.agent.at_aws:
                yield self._cell(f"starts on two nodes {turn}", self._on_two_nodes())
        if not (self.agent.at_aws):
            why = "each node has a listener of its own"
            yield Cell(self.agent.name, self.row, "starts on two nodes", senseless=why)

    def many(self, count: int = MANY) -> Iterator[Cell]:
        """M2: as many resources as a big cluster has, all in the same moment, under quotas."""
        self.lab.control.settings(quotas=True)
        try:
            for name, cold, action, options in (
                ("start, cold", True, "start", {}),
                ("monitor", False, "monitor", RECURRING),
                ("monitor, cold", True, "monitor", RECURRING),
                ("stop, cold", True, "stop", {}),
            ):
                if cold:
                    self.runner.forget(ACTIVE)
                if action == "start" and self.agent.at_aws:
                    self.agent.place(self.lab, self.agent.other)
                yield self._cell(name, self._at_once(count, action, cold, options))
        finally:
            self.lab.control.settings(quotas=False)

    def _cell(self, name: str, wrong: Iterator[str]) -> Cell:
        nodes = (ACTIVE, self.agent.other)
        files = {where: files_of(self.lab, where) for where in nodes}
        found = list(wrong)
        for where in nodes:
            found += torn(self.runner.state_dir(where))
            left = files_of(self.lab, where) - files[where]
            found += (f"{path} was left on {where}" for path in sorted(left))
        if self.runner.revealing():
            found.append("a secret is in an output or log")
        return Cell(self.agent.name, self.row, name, wrong=tuple(found))

    # --- M1 ---

    def _stop_all(self) -> None:
        for where in (ACTIVE, self.agent.other):
            outcome = self.runner.stop(where)
            assert outcome.code == OK, outcome
            self.runner.forget(where)

    def _on_one_node(self) -> Iterator[str]:
        self._stop_all()
        actions = {"start": {}, "monitor": {"interval_ms": 10000}}
        begun = [
            self.runner.begin(ACTIVE, action, **actions[action])
            for action in ("monitor", "start", "monitor")
        ]
        first, start, second = map(self.runner.end, begun)
        yield from self._is(start, OK)
        for monitor in (first, second):
            yield from self._is(monitor, OK, NOT_RUNNING, DEGRADED)
        yield from self._only(ACTIVE)

    def _on_two_nodes(self) -> Iterator[str]:
        self._stop_all()
        begun = [
            self.runner.begin(where, "start", timeout_ms=START_MS)
            for where in (ACTIVE, self.agent.other)
        ]
        starts = dict(zip((ACTIVE, self.agent.other), map(self.runner.end, begun), strict=True))
        owners = self.agent.owners(self.lab)
        if self.agent.remote_calls and owners == set(starts):
            yield from self._shared()
            return
        if len(owners) != 1 or not owners <= set(starts):
            yield f"it is on {sorted(map(str, owners))}: {starts}"
            return
        (owner,) = owners
        yield from self._is(starts.pop(owner), OK)
        yield from self._only(owner)

    def _shared(self) -> Iterator[str]:
        """No write is one over several regions: each node has its own. Both say so, until a stop of
        the one and a start of the other, which Pacemaker would not have run at once at all.
        """
        for where in (ACTIVE, self.agent.other):
            yield from self._is(self.runner.monitor(where), DEGRADED, NOT_RUNNING)
        yield from self._is(self.runner.stop(self.agent.other), OK)
        yield from self._is(self.runner.start(ACTIVE), OK)
        yield from self._only(ACTIVE)

    def _only(self, owner: str) -> Iterator[str]:
        """One node has it, and each knows."""
        owners = self.agent.owners(self.lab)
        if owners != {owner}:
            yield f"it is on {sorted(map(str, owners))}, not on {owner}"
        loser = self.agent.other if owner == ACTIVE else ACTIVE
        yield from self._is(self.runner.monitor(owner), OK)
        yield from self._is(self.runner.monitor(loser), NOT_RUNNING)

    def _is(self, outcome: Outcome, *codes: int) -> Iterator[str]:
        if outcome.code not in codes:
            yield f"not {' or '.join(map(str, codes))}: {outcome}"

    # --- M2 ---

    def _at_once(
        self, count: int, action: str, cold: bool, options: dict[str, Any]
    ) -> Iterator[str]:
        """Each succeeds; together they stay within the quotas, and fetch no credentials again."""
        self.lab.clear_requests()
        begun = [
            self.runner.begin(
                ACTIVE,
                action,
                timeout_ms=START_MS,
                **self._named(number),
                **options,
            )
            for number in range(count)
        ]
        for outcome in map(self.runner.end, begun):
            # What a region far away cannot take in time is left to later monitors.
            late = self.agent.remote_calls and outcome.code in (OK, DEGRADED)
            # All of them are one address to AWS: a stop may find that another has given it up.
            warned = outcome.stderr and action != "stop"
            if not late and (outcome.code != OK or warned):
                yield f"{outcome}"
        yield from self._budget(count, cold, self._alone(action, cold))

    def _alone(self, action: str, cold: bool) -> tuple[str, ...]:
        """What one resource calls when it is alone; one call where it would be none, since whoever
        metadata are too busy for may ask AWS.
        """
        calls = self.agent.calls.get(MONITOR if action == "monitor" else action, ())
        if cold and calls:
            # All may find the cache empty before the first has filled it.
            calls += tuple((Counter(self.agent.cold_calls) - Counter(calls)).elements())
        return calls or ("Describe",)

    def _budget(self, count: int, cold: bool, calls: tuple[str, ...]) -> Iterator[str]:
        asked = [entry for entry in self.lab.requests() if entry["node"] == ACTIVE]
        renewals = sum(CREDENTIALS in (entry["action"] or "") for entry in asked)
        if renewals > (count if cold else 0):
            yield f"credentials fetched {renewals} times"
        made = [entry for entry in asked if entry["service"] == self.agent.service]
        most = count * len(calls) * (REFUSED if self._is_short(count, calls) else REREAD)
        if len(made) > most:
            yield f"a storm: {len(made)} calls of {count} resources, and not {most:g}"
        refused = [entry for entry in made if entry["code"] == self.agent.words["throttled"]]
        if refused and self.agent.paced:
            yield f"{len(refused)} calls did not wait for their turn"

    def _is_short(self, count: int, calls: tuple[str, ...]) -> bool:
        """Whether what so many resources call is more than a quota has at once."""
        service = self.agent.service
        groups = Counter(quotas.group_of(service, call) for call in calls)
        room = {group: quotas.LIMITS[service, group].capacity for group in groups}
        short = any(count * times > room[group] for group, times in groups.items())
        return short and not self.agent.paced

    def _named(self, number: int) -> dict[str, str]:
        """The instance's name; where a resource is a thing of the node's, it has its own."""
        own = {} if self.agent.at_aws else {"port": str(FIRST_PORT + number)}
        return {"instance": f"r{number}", **own}


ROWS = [
    Row("M1", "some agents at one resource", play=lambda stage, row: Crowd(stage, row.id).some()),
    Row("M2", "fifty resources at once", play=lambda stage, row: Crowd(stage, row.id).many()),
]
# The same for those who have less time.
ONCE = Row("M1", "the same once", play=lambda stage, row: Crowd(stage, row.id).some(1))
FEW = Row("M2", "six resources at once", play=lambda stage, row: Crowd(stage, row.id).many(6))
