# SPDX-License-Identifier: GPL-2.0-or-later
"""The AWS side of the lab: endpoints on moto, instance metadata, faults and a request log."""
