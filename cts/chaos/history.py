# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened in a run, as clients, AWS and the cluster saw it. Data alone; JSON in and out.

All times are seconds since the begin of the run. What went on at its end has ended then.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.history import Failure, Holding, Operation, Verdict


@dataclass(frozen=True)
class Spell:
    """A time in which a client's requests were answered by `who`; by nobody when it is None."""

    began: float
    ended: float
    who: str | None


@dataclass(frozen=True)
class Shown:
    """The nodes that AWS leads the clients of a group to from a time on; None is nowhere."""

    t: float
    nodes: tuple[str | None, ...]


@dataclass(frozen=True)
class End:
    """Who has a group when the run is over and all has been healed, in the eyes of all three."""

    cluster: str | None
    aws: tuple[str | None, ...]
    client: tuple[str | None, ...]

    @property
    def agreed(self) -> bool:
        """Whether it is one and the same node."""
        return self.cluster is not None and set(self.aws) == {self.cluster} == set(self.client)


@dataclass(frozen=True)
class Group:
    """A group of resources, and all that was seen of it."""

    name: str
    resources: tuple[str, ...]  # in the order of their start
    nodes: tuple[str, ...]  # where it may run
    answers: tuple[Spell, ...]
    shown: tuple[Shown, ...]
    holdings: dict[str, tuple[Holding, ...]]  # of each resource, by their begin
    end: End
    client: str = ""  # who asks


@dataclass(frozen=True)
class Trouble:
    """One event of the schedule as it came about. `nodes` are those that it was done to."""

    kind: str
    target: str
    nodes: tuple[str, ...]
    params: dict[str, Any]
    began: float
    ended: float

    def __str__(self) -> str:
        where = f" ({', '.join(self.nodes)})" if self.nodes and self.nodes != (self.target,) else ""
        given = "".join(f" {k}={v}" for k, v in self.params.items() if v not in (None, False))
        return f"{self.kind} {self.target}{where}{given}"


@dataclass(frozen=True)
class Power:
    """A node that was switched: "off" also when it died, "on" when it began to boot."""

    t: float
    node: str
    state: str


@dataclass(frozen=True)
class History:
    """All of a run."""

    seed: int
    ended: float
    nodes: tuple[str, ...]
    groups: tuple[Group, ...]
    troubles: tuple[Trouble, ...]
    operations: tuple[Operation, ...] = ()  # starts and stops
    failures: tuple[Failure, ...] = ()
    verdicts: tuple[Verdict, ...] = ()  # nodes found lost, nodes fenced
    power: tuple[Power, ...] = ()
    broken: tuple[float, ...] = ()  # when an operator had to clean up
    missed: tuple[Trouble, ...] = ()  # kill-agents that have met no agent: nothing happened
    regions: dict[str, str] = dataclasses.field(default_factory=dict)  # of each node
    left: tuple[str, ...] = ()  # processes and files that should not be there

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def load(cls, file: Path) -> "History":
        """Read what save() wrote."""
        return _made(cls, json.loads(file.read_text()))


# What the lists of each class consist of; in Group, `holdings` is a dictionary of such.
_ITEMS: dict[type, dict[str, type]] = {
    History: {
        "groups": Group,
        "troubles": Trouble,
        "missed": Trouble,
        "operations": Operation,
        "failures": Failure,
        "verdicts": Verdict,
        "power": Power,
    },
    Group: {"answers": Spell, "shown": Shown},
}


def _made(kind: type, values: dict[str, Any]) -> Any:
    """An object of a class of this page from its JSON."""
    items = _ITEMS.get(kind, {})
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name in items:
            made[name] = tuple(_made(items[name], each) for each in value)
        elif name == "holdings":
            made[name] = {
                resource: tuple(_made(Holding, each) for each in found)
                for resource, found in value.items()
            }
        elif name == "end":
            made[name] = _made(End, value)
        else:
            made[name] = tuple(value) if isinstance(value, list) else value
    return kind(**made)
