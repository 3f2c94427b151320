# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels for guests, by the name of a Debian suite, or of one that the lab builds itself."""

from . import debs, handover


def fetch_kernel(suite: str = debs.OWN, flavour: str = debs.CLOUD) -> debs.Kernel:
    """The newest kernel of a suite, or the lab's own."""
    return handover.fetch_kernel() if suite == handover.SUITE else debs.fetch_kernel(suite, flavour)
