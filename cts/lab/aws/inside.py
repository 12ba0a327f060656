# SPDX-License-Identifier: GPL-2.0-or-later
"""Opening sockets in a network namespace other than that of the process."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
Result = TypeVar("Result")


def opened(netns: str | None, opener: Callable[[], Result]) -> Result:
    """What `opener` opens inside a network namespace (the path of one, None for our own).

    Only the calling thread enters the namespace, so `opener` runs in a thread that ends afterwards.
    """
    if netns is None:
        return opener()

    def enter_and_open() -> Result:
        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(handle, _CLONE_NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), netns)
        finally:
            os.close(handle)
        return opener()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(enter_and_open).result()
