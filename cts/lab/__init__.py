# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: AWS and a real Pacemaker cluster on one machine."""
