# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of this repository that no compiler or formatter knows: `python3 -m lint`.

A check is a function from the tracked files, {path: text}, to its findings.
"""
