# SPDX-License-Identifier: GPL-2.0-or-later
"""Instances as machines: Stop, Start, Reboot and TerminateInstances act on the lab's nodes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.aws.cloud import Cloud
from lab.aws.errors import AwsError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Action:
    """What an action does to a machine, the states of its instance meanwhile and afterwards, and
    the states in which there is nothing to do or the action is refused."""

    what: str
    during: tuple[str, int]
    after: tuple[str, int]
    idle: tuple[str, ...]
    refused: tuple[str, ...]


_GONE = ("shutting-down", "terminated")
_ACTIONS = {
    "StopInstances": _Action("off", ("stopping", 64), ("stopped", 80), ("stopped",), _GONE),
    "TerminateInstances": _Action(
        "off", ("shutting-down", 32), ("terminated", 48), ("stopped", "terminated"), ()
    ),
    "StartInstances": _Action(
        "on", ("pending", 0), ("running", 16), ("running",), ("stopping", *_GONE)
    ),
    "RebootInstances": _Action(
        "reset", ("running", 16), ("running", 16), (), ("stopping", "stopped", *_GONE)
    ),
}
Switch = Callable[[str, str], bool]


def _set(instance: Any, state: tuple[str, int]) -> None:
    instance._state.name, instance._state.code = state


class Power:
    """Switches the machine of an instance; the instance is in between until that is done.

    `switch(node, "off" | "on" | "reset")` returns whether it worked; without it there are no
    machines and every action is over at once.
    """

    def __init__(self, cloud: Cloud, switch: Switch | None) -> None:
        self._cloud = cloud
        self._switch = switch
        self._threads: list[threading.Thread] = []

    def before(
        self, caller: str | None, region: str, action: str, instance_ids: list[str]
    ) -> Callable[[], None]:
        """Refuse what EC2 refuses in the instances' states, and note these before moto acts.

        `caller` is the node that asks, for the list of events. The result is to be called when
        moto has agreed. Raises AwsError.
        """
        if action not in _ACTIONS:
            return lambda: None
        backend = self._cloud.backend("ec2", region)
        found = map(backend.get_instance_by_id, instance_ids)
        instances = [item for item in found if item is not None]
        for instance in instances:
            if instance.state in _ACTIONS[action].refused:
                verb = action.removesuffix("Instances").lower()
                text = f"The instance '{instance.id}' is not in a state from which it can be "
                text += f"acted upon ({verb}: {instance.state})."
                raise AwsError("IncorrectInstanceState", text)
        states = {item.id: (item.state, item.state_code) for item in instances}

        def done() -> None:
            for instance in instances:
                cause = {"node": caller, "service": "ec2", "action": action}
                self._begin(cause, region, instance, states[instance.id])

        return done

    def _begin(
        self, cause: dict[str, Any], region: str, instance: Any, before: tuple[str, int]
    ) -> None:
        action = _ACTIONS[cause["action"]]
        node = self._cloud.owners.get(instance.id)
        if self._switch is None or node is None or before[0] in action.idle:
            return
        _set(instance, action.during)
        if before == action.during != action.after:
            return  # a switch is under way already
        thread = threading.Thread(
            target=self._run, args=(cause, region, instance.id, node), daemon=True
        )
        self._threads = [item for item in self._threads if item.is_alive()] + [thread]
        thread.start()

    def _run(self, cause: dict[str, Any], region: str, instance_id: str, node: str) -> None:
        action = _ACTIONS[cause["action"]]
        if not self._switch(node, action.what):
            # The machine may still run: the instance must not be reported as stopped.
            log.error("%s: switching %s %s failed", cause["action"], node, action.what)
            return
        with self._cloud.change(cause):
            instance = self._cloud.backend("ec2", region).get_instance_by_id(instance_id)
            if instance is not None:
                _set(instance, action.after)

    def wait(self, timeout_s: float) -> None:
        """Wait for the switching that is under way."""
        for thread in self._threads:
            thread.join(timeout_s)
