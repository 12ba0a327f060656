# SPDX-License-Identifier: GPL-2.0-or-later
"""Each check of cts/lint catches a bad example, and lets a good one pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lint import banned, csource, levels, logged, words

CTS = Path(__file__).parent
LICENCE = f"/* {words.LICENCE} */\n"


def messages(check, name: str, text: str) -> list[str]:
    """What a check says about one file, as "LINE: MESSAGE"."""
    return [f"{f.line}: {f.message}" for f in check({name: text})]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("common/err.c", '#include "log.h"\n', '1: "log.h" (level 1) is not below level 0'),
        ("common/cache.h", '\n#include "imds.h"\n', '2: "imds.h" (level 3) is not below level 2'),
        ("common/cache.c", '#include "sigv4.h"\n', '1: "sigv4.h" (level 2) is not below level 2'),
        ("common/exchange.c", '# include "imds.h"\n', '1: "imds.h" (level 3) is not below level 3'),
        ("common/ec2.c", "#include <curl/curl.h>\n", "1: <curl/curl.h> belongs into http.c alone"),
        ("common/http.h", "#include <curl/multi.h>\n", "1: <curl/multi.h> belongs into"),
        ("agents/x.c", "#include <crm/common/results.h>\n", "1: <crm/common/results.h> belongs"),
        ("common/log.c", '#include "novel.h"\n', '1: "novel.h" is in no level'),
        ("common/novel.c", "", "1: module is in no level"),
    ],
)
def test_levels_bad_include_is_found(name: str, text: str, message: str) -> None:
    """One finding, at its line."""
    (found,) = messages(levels.check, name, text)
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("common/cache.c", '#include "cache.h"\n#include "log.h"\n#include "digest.h"\n'),
        ("common/imds.c", '#include "exchange.h"\n'),
        ("common/http.c", "#include <curl/curl.h>\n#include <string.h>\n"),
        ("agents/x.c", '#include "ocf.h"\n#include "vip.h"\n'),
        ("common/err.c", '/* #include "log.h" */\n// #include "ocf.h"\n'),
        ("common/tests/test_err.c", '#include "ocf.h"\n'),
        ("cts/x.py", '#include "novel.h"\n'),
    ],
)
def test_levels_good_include_passes(name: str, text: str) -> None:
    """No finding."""
    assert messages(levels.check, name, text) == []


def test_levels_table_has_no_cycle() -> None:
    """No module twice, and nobody includes each other on one level."""
    modules = [module for level in levels.LEVELS for module in level]
    assert len(modules) == len(set(modules))
    for user, used in levels.SAME_LEVEL:
        assert (used, user) not in levels.SAME_LEVEL
        (level,) = [level for level in levels.LEVELS if user in level]
        assert used in level


@pytest.mark.parametrize("name", sorted([*banned.BANNED, *banned.PARSERS]))
def test_banned_call_is_found(name: str) -> None:
    """Each of the list, in any file but its own."""
    (found,) = messages(
        banned.check, "common/x.c", f"int\nf(void)\n{{\n    {name} (a, b(1));\n}}\n"
    )
    assert found.startswith(f"4: {name}(): ")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("void\nf(void)\n{\n    exit(1);\n}\n", "4: exit(): only main() ends the program"),
        ("int fd = open(path, O_RDONLY);\n", "1: open(): without CLOEXEC"),
        ("int fd = openat(dir,\n    name(1), O_RDONLY);\n", "1: openat(): without CLOEXEC"),
        ("int fd = socket(AF_INET, SOCK_STREAM, 0); /* CLOEXEC */\n", "1: socket(): without"),
    ],
)
def test_banned_use_is_found(code: str, message: str) -> None:
    """Calls that depend on where or how."""
    (found,) = messages(banned.check, "common/x.c", code)
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("common/param.c", "long v = strtol(text, &end, 10);\n"),
        ("agents/x.c", "int\nmain(void)\n{\n    exit(1);\n}\n"),
        ("common/x.c", "int fd = open(path, O_RDONLY | O_CLOEXEC);\n"),
        ("common/x.c", "s->open(x);\ns.exit(1);\nmy_system(1);\n_exit(1);\nsnprintf(a, 1, b);\n"),
        ("common/x.c", '/* system(1) */ log("popen(1) \\" exit(1)"); // atoi(1)\n'),
        ("cts/x.py", "os.system(1)\n"),
    ],
)
def test_banned_good_code_passes(name: str, code: str) -> None:
    """Members, comments, strings and longer names are no calls."""
    assert messages(banned.check, name, code) == []


@pytest.mark.parametrize(
    ("code", "secret"),
    [
        ('log_debug("%s", session_token);', "session_token"),
        ('log_at(LOG_DEBUG, "%s",\n    buf_str(&r->body));', "body"),
        ('err_set(e, ERR_BUG, "%s", c->secret_access_key);', "secret_access_key"),
        ('fprintf(stderr, "%s", string_to_sign);', "string_to_sign"),
        ('log_info("%s", result.authorization.data);', "authorization"),
        ("puts(canonical_request);", "canonical_request"),
    ],
)
def test_logged_secret_is_found(code: str, secret: str) -> None:
    """By the words of its name."""
    (found,) = messages(logged.check, "common/x.c", code)
    assert found.endswith(f'is given "{secret}", a secret')


@pytest.mark.parametrize(
    "code",
    [
        'log_debug("no token in the body");',
        'log_debug("%zu bytes", body_len);',
        'err_set(e, ERR_BUG, "%d", TOKEN_MAX);',
        'log_debug("%s", region);  /* not the token */',
        "snprintf(out, size, fmt, token);",
        "use(token);",
    ],
)
def test_logged_harmless_passes(code: str) -> None:
    """Texts, sizes, constants, and what people do not read."""
    assert messages(logged.check, "common/x.c", code) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("common/x.c", "int x;\n", f'1: "{words.LICENCE}" is missing'),
        ("cts/x.py", f"\n\n\n# {words.LICENCE}\n", f'1: "{words.LICENCE}" is missing'),
        ("x.md", f"<!-- {words.LICENCE} -->\nsee /ho" + "me/me/x\n", "2: a path of one machine"),
        ("x.c", LICENCE + "// TO" + "DO: later\n", "2: a note to self"),
        ("x.c", LICENCE + "<" * 7 + " HEAD\n", "2: a merge conflict"),
        ("x.c", LICENCE + "int x; \n", "2: white space at the end"),
    ],
)
def test_words_that_do_not_belong_are_found(name: str, text: str, message: str) -> None:
    """One finding, at its line."""
    (found,) = messages(words.check, name, text)
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cts/x.py", f"#!/usr/bin/python3\n# {words.LICENCE}\n"),
        ("xml/iam/x.json", "{}\n"),
        ("COPYING", "any  \ntext\n"),
        ("x.mk", f"# {words.LICENCE}\n$(DESTDIR)/home/x /usr/share/root/x ../root/x\n"),
    ],
)
def test_words_good_file_passes(name: str, text: str) -> None:
    """Licences, formats without comments, and paths that are not of a machine."""
    assert messages(words.check, name, text) == []


def test_code_of_keeps_every_offset() -> None:
    """Lines and columns stay where they are."""
    text = 'a /* "x\n*/ "b\\"/*c" \'"\' // d\ne'
    code = csource.code_of(text)
    assert len(code) == len(text)
    assert code == "a      \n   \"      \" ' '     \ne"
    assert csource.code_of(text, keep_strings=True) == 'a      \n   "b\\"/*c" \'"\'     \ne'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A new, empty git repository."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def run_lint(directory: Path) -> subprocess.CompletedProcess:
    """The command, on a repository."""
    return subprocess.run(
        [sys.executable, "-m", "lint", directory],
        env={**os.environ, "PYTHONPATH": str(CTS)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_names_file_and_line_and_fails(repository: Path) -> None:
    """Only tracked text counts; the exit status is for make."""
    (repository / "common").mkdir()
    (repository / "common" / "err.c").write_text(LICENCE + '\n#include "ocf.h"\n')
    (repository / "untracked.c").write_text("int x;\n")
    (repository / "picture.png").write_bytes(b"\x89PNG\0\xff")
    subprocess.run(["git", "-C", repository, "add", "common", "picture.png"], check=True)
    level = next(number for number, modules in enumerate(levels.LEVELS) if "ocf" in modules)
    done = run_lint(repository)
    assert done.stdout == f'common/err.c:3: "ocf.h" (level {level}) is not below level 0\n'
    assert done.returncode == 1


def test_command_passes_good_files(repository: Path) -> None:
    """Nothing to say, exit 0."""
    (repository / "good.c").write_text(LICENCE)
    subprocess.run(["git", "-C", repository, "add", "good.c"], check=True)
    done = run_lint(repository)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def run_tidy(path: Path) -> subprocess.CompletedProcess:
    """clang-tidy with the repository's settings, on one file."""
    (path.parent / ".clang-tidy").write_text((CTS.parent / ".clang-tidy").read_text())
    return subprocess.run(
        [sys.executable, "-m", "lint.tidy", path, "--", "-std=gnu11"],
        env={**os.environ, "PYTHONPATH": str(CTS)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_tidy_complains_about_bad_code(tmp_path: Path) -> None:
    """The settings find a classic, and the command fails."""
    source = tmp_path / "x.c"
    source.write_text(
        "int f(int a);\nint f(int a)\n{\n    if (a)\n        a = 1 / 0;\n    return a;\n}\n"
    )
    done = run_tidy(source)
    assert done.returncode == 1
    assert "readability-braces-around-statements" in done.stdout
    assert "core.DivideZero" in done.stdout


def test_tidy_is_silent_about_good_code(tmp_path: Path) -> None:
    """No output, exit 0."""
    source = tmp_path / "x.c"
    source.write_text("int f(int a);\nint f(int a)\n{\n    return a + 1;\n}\n")
    done = run_tidy(source)
    assert (done.stdout, done.returncode) == ("", 0)
