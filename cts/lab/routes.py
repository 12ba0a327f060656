# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's routing tables in the lab's routers, changed by the differences alone."""

from collections.abc import Iterable

from lab import netns
from lab.state import LabError, State

# (kernel table, destination) -> the rest of the `ip route` command
Routes = dict[tuple[int, str], str]

BLACKHOLE = "blackhole"


class RoutingTables:
    """What the routers of one lab have been told; there must be one for a lab."""

    def __init__(self, state: State):
        self._state = state
        self._applied: dict[str, Routes] = {}

    def bring_to(self, namespace_part: str, tables: Iterable[int], wanted: Routes) -> None:
        """Let a router have these routes and no others in these tables.

        Raises LabError when the kernel refuses; the next call then starts from empty tables.
        """
        namespace = self._state.netns(namespace_part)
        have = self._applied.pop(namespace_part, None)
        if have is None:
            _empty(namespace, tables)
            have = {}
        commands = [
            f"route del {destination} table {table}"
            for table, destination in have.keys() - wanted.keys()
        ]
        commands += [
            _replace(table, destination, route)
            for (table, destination), route in wanted.items()
            if have.get((table, destination)) != route
        ]
        netns.ip_batch(namespace, commands)
        self._applied[namespace_part] = wanted


def _empty(namespace: str, tables: Iterable[int]) -> None:
    for table in tables:
        for family in ("-4", "-6"):
            flush = ["ip", "-n", namespace, family, "route", "flush", "table"]
            try:
                netns.run([*flush, str(table)])
            except LabError as error:
                # The kernel makes a table with its first route.
                if "FIB table does not exist" not in str(error):
                    raise


def _replace(table: int, destination: str, route: str) -> str:
    if route == BLACKHOLE:
        return f"route replace {BLACKHOLE} {destination} table {table}"
    return f"route replace {destination} {route} table {table}"
