# SPDX-License-Identifier: GPL-2.0-or-later
"""The product `lifeboat drill`, without a guest: python3 -m tests.drill."""
