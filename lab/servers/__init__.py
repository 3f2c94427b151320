# SPDX-License-Identifier: GPL-2.0-or-later
"""Real web servers and object stores for tests, and a proxy that makes them fail. See web.py and faulty.py."""
