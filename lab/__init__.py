# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: boots real kernels in QEMU, crashes them, and judges what Lifeboat captured."""
