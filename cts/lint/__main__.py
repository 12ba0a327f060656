# SPDX-License-Identifier: GPL-2.0-or-later
"""Run every check on the tracked files of a repository: `python3 -m lint [DIRECTORY]`."""

import subprocess
import sys
from pathlib import Path

from lint import banned, levels, logged, words

# Inputs of parsers are bytes, and mostly wrong.
UNCHECKED = "common/tests/corpus/"
CHECKS = (levels.check, banned.check, logged.check, words.check)


def tracked_files(root: Path) -> dict[str, str]:
    """The text files that git tracks, as they are now, but for the inputs of fuzz targets."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z"], capture_output=True, check=True, text=True
    )
    files = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        if name.startswith(UNCHECKED) or path.is_symlink() or not path.is_file():
            continue  # the target is tracked itself; a deleted file has nothing to check
        content = path.read_bytes()
        if b"\0" not in content:
            files[name] = content.decode("utf-8")
    return files


def main() -> int:
    """Print the findings; 1 when there are any."""
    files = tracked_files(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    findings = sorted(finding for check in CHECKS for finding in check(files))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
