# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of C as the checks need: text without comments and strings, and calls in it."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Finding(NamedTuple):
    """What is wrong, and where."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Call(NamedTuple):
    """A function call: what is called, with which arguments, and from which function."""

    name: str
    arguments: str
    line: int
    function: str


_COMMENT_OR_STRING = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)
# By house style the name of a function that is being defined begins its line.
_DEFINITION = re.compile(r"^([A-Za-z_]\w*)\(", re.MULTILINE)


def is_c(path: str) -> bool:
    """Whether the file is C source."""
    return path.endswith((".c", ".h"))


def line_at(text: str, offset: int) -> int:
    """Line number of an offset, from 1."""
    return text.count("\n", 0, offset) + 1


def code_of(text: str, *, keep_strings: bool = False) -> str:
    """The text with comments (and the content of strings) blanked, every offset as before."""

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found if keep_strings else found[0] + " " * (len(found) - 2) + found[0]

    return _COMMENT_OR_STRING.sub(blank, text)


def _arguments(code: str, start: int) -> str:
    """The text between the parenthesis that opens just before `start` and the one that closes it."""
    depth = 1
    for end in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        if depth == 0:
            return code[start:end]
    return code[start:]


def calls(code: str, names: Iterable[str]) -> Iterator[Call]:
    """Every call of one of the functions; not of a member of that name."""
    definitions = [(m.start(), m[1]) for m in _DEFINITION.finditer(code)]
    for match in re.finditer(rf"(?<![\w.>])({'|'.join(names)})\s*\(", code):
        around = [name for start, name in definitions if start < match.start()]
        yield Call(
            match[1],
            _arguments(code, match.end()),
            line_at(code, match.start()),
            around[-1] if around else "",
        )
