# SPDX-License-Identifier: GPL-2.0-or-later
"""lifeboat-send against real servers: run.py."""
