# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster under chaos: a seeded schedule, its execution in a lab, and the judgement of it."""
