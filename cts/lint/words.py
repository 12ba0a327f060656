# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file names its licence, and speaks of the project alone."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from lint.csource import Finding, line_at

LICENCE = "SPDX-License-Identifier: GPL-2.0-or-later"
LICENCE_LINES = 3  # it may follow "#!", "<?xml" or a coding line
# The licence itself, and formats that know no comments.
UNMARKED_NAMES = {"COPYING"}
UNMARKED_SUFFIXES = {".json"}

FOREIGN = {
    re.compile(r"(?<![\w.)}/])/(?:home|root|work|Users)/\w"): "a path of one machine",
    re.compile(r"\b(?:TO[D]O|FIX[M]E)\b"): "a note to self: finish it, or open an issue",
    re.compile(r"^(?:<{7}|>{7}|={7})(?: |$)", re.MULTILINE): "a merge conflict",
    re.compile(r"[ \t]+$", re.MULTILINE): "white space at the end of a line",
}


def _lacks_licence(name: str, text: str) -> bool:
    path = PurePosixPath(name)
    if path.name in UNMARKED_NAMES or path.suffix in UNMARKED_SUFFIXES:
        return False
    return LICENCE not in "\n".join(text.split("\n")[:LICENCE_LINES])


def check(files: dict[str, str]) -> Iterator[Finding]:
    """Files without their licence, and words that do not belong."""
    for name, text in files.items():
        if _lacks_licence(name, text):
            yield Finding(name, 1, f'"{LICENCE}" is missing')
        if PurePosixPath(name).name in UNMARKED_NAMES:
            continue
        for pattern, message in FOREIGN.items():
            for match in pattern.finditer(text):
                yield Finding(name, line_at(text, match.start()), message)
