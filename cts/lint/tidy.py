# SPDX-License-Identifier: GPL-2.0-or-later
"""clang-tidy on each file, as many at once as there are processors, silent where all is well.

`python3 -m lint.tidy FILE... -- COMPILER-FLAG...`
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def tidy(path: str, flags: list[str]) -> str:
    """What clang-tidy complains about in one file."""
    # One file a process: clang 14 takes state of one file over to the next (va_list).
    done = subprocess.run(
        ["clang-tidy", "--quiet", path, "--", *flags], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def main() -> int:
    """Print the complaints; 1 when there are any."""
    end = sys.argv.index("--")
    paths, flags = sys.argv[1:end], sys.argv[end + 1 :]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [text for text in pool.map(lambda path: tidy(path, flags), paths) if text]
    print("".join(complaints), end="")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
