# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests share: one lab with a running cluster for the whole session."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultlab import with_meter
from lab.handle import Lab
from lab.state import REPOSITORY

# Each process that runs tests has a lab of its own.
LAB_NAME = os.environ.get("AWS_LAB", "cts") + os.environ.get("PYTEST_XDIST_WORKER", "")
BUILD = Path(os.environ.get("OCF_AWS_BUILD", REPOSITORY / "build"))


@pytest.fixture(scope="session")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agents to be tested: a copy, since a build under way would pull them from the cluster."""
    return with_meter(BUILD / "agents", tmp_path_factory.mktemp("build") / "agents")


@pytest.fixture(scope="session")
def lab(agents: Path) -> Iterator[Lab]:
    """Two nodes and a client in each private subnet, and something to move for every agent."""
    with Lab.running(LAB_NAME, scenario="complete", agents=agents) as running:
        yield running
        running.collect(BUILD / "check" / LAB_NAME)


@pytest.fixture(scope="module")
def labs(agents: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Lab]]:
    """Labs without a cluster by their scenario, for as long as the module's tests run.

    The module says by NODES how many nodes they have, and by LAB_NAME what they are called.
    """
    options = {"nodes": request.module.NODES, "with_cluster": False, "agents": agents}
    with contextlib.ExitStack() as running:

        @functools.cache
        def find(scenario: str) -> Lab:
            name = f"{request.module.LAB_NAME}_{scenario.replace('-', '_')}"
            lab = running.enter_context(Lab.running(name, scenario=scenario, **options))
            running.callback(lab.collect, BUILD / "check" / name)
            lab.control.settings(quotas=False)
            return lab

        yield find


@pytest.fixture(autouse=True)
def _repaired_lab(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that used the lab, undo what it may have left broken."""
    yield
    if "lab" in request.fixturenames:
        request.getfixturevalue("lab").repair()
