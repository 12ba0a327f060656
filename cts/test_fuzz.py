# SPDX-License-Identifier: GPL-2.0-or-later
"""Each target of libFuzzer over its committed corpus; what was found once is found no more."""

import fuzz
import pytest


@pytest.mark.parametrize("target", fuzz.targets())
def test_corpus_has_no_finding(target: str) -> None:
    """`make check` builds the targets; none of the inputs ends one of them."""
    program = fuzz.PROGRAMS / f"fuzz_{target}"
    assert program.exists(), f"{program} is not there; run: make fuzz-build"
    outcome = fuzz.replay(target)
    assert not outcome.is_finding, fuzz.tell(outcome)


def test_every_corpus_has_a_target() -> None:
    """No directory of inputs that nothing reads, and no target without one."""
    assert sorted(path.name for path in fuzz.CORPUS.iterdir()) == fuzz.targets()
