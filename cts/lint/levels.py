# SPDX-License-Identifier: GPL-2.0-or-later
"""The order of the levels: a file includes lower levels only, and each library has one user."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from lint.csource import Finding, code_of, is_c, line_at

# The modules of common/, the lowest level first; agents/ is above them all.
LEVELS = (
    ("base", "buf", "err", "addr", "array", "awsid"),
    ("log", "clock", "digest", "dnsname", "fields", "probehttp"),
    ("retry", "http", "json", "xmlq", "cache", "sigv4", "profile", "probectl", "tcpport"),
    ("exchange", "imds", "netif", "endpoint", "pace", "awstime", "dns", "daemon"),
    ("listener",),
    ("awscall",),
    ("ec2", "ec2addr", "tgw", "route53", "elbv2", "sts", "param", "meta"),
    ("creds", "awsparam", "tgwpath"),
    ("node", "verdict"),
    ("ocf", "recordplan"),
    ("mark", "hostedzone", "known", "pending", "tgwback", "tgwcache"),
    ("eip", "healthport", "record", "routeplan", "vip"),
    ("secondary", "tgwplan"),
    ("tgwregions",),
    ("tgwleft", "tgwroutes"),
    ("tgwvip",),
)

# Who may include whom on one level. No two of them the other way round, so no cycles.
SAME_LEVEL = {
    ("buf", "base"),
    ("buf", "err"),
    ("err", "base"),
    ("addr", "base"),
    ("array", "base"),
    ("array", "err"),
    ("awsid", "base"),
    ("imds", "exchange"),
    ("meta", "param"),
    ("ec2addr", "ec2"),
    ("tgw", "ec2"),
}

# The one place where a library's types are known.
LIBRARY_USERS = {
    "curl/": {"http.c"},
    "crm/": {"log.c", "verdict.h"},
    "qb/": {"log.c", "listener.c"},
    "openssl/": {"digest.c"},
    "json-c/": {"json.c"},
    "libxml/": {"xmlq.c"},
    "libmnl/": {"netif.c"},
    "resolv.h": {"dns.c"},
}

_LEVEL_OF = {module: level for level, modules in enumerate(LEVELS) for module in modules}
_AGENTS = len(LEVELS)
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def _own_problem(user: str, level: int, included: str) -> str | None:
    """What is wrong with an include of a header of ours, if anything."""
    if included not in _LEVEL_OF:
        return f'"{included}.h" is in no level: add it to LEVELS in cts/lint/levels.py'
    if included == user or _LEVEL_OF[included] < level or (user, included) in SAME_LEVEL:
        return None
    return f'"{included}.h" (level {_LEVEL_OF[included]}) is not below level {level}'


def _library_problem(name: str, header: str) -> str | None:
    """What is wrong with an include of a library's header, if anything."""
    for prefix, users in LIBRARY_USERS.items():
        if header.startswith(prefix) and name not in users:
            return f"<{header}> belongs into {' and '.join(sorted(users))} alone"
    return None


def check(files: dict[str, str]) -> Iterator[Finding]:
    """Every include of common/ and agents/ that the order of the levels forbids."""
    for name, text in files.items():
        path = PurePosixPath(name)
        if not is_c(name) or str(path.parent) not in ("common", "agents"):
            continue
        level = _AGENTS if path.parts[0] == "agents" else _LEVEL_OF.get(path.stem)
        if level is None:
            yield Finding(name, 1, "module is in no level: add it to LEVELS in cts/lint/levels.py")
            continue
        code = code_of(text, keep_strings=True)
        for match in _INCLUDE.finditer(code):
            if match[1] == "<":
                problem = _library_problem(path.name, match[2])
            else:
                problem = _own_problem(path.stem, level, match[2].removesuffix(".h"))
            if problem is not None:
                yield Finding(name, line_at(code, match.start(1)), problem)
