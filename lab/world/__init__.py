# SPDX-License-Identifier: GPL-2.0-or-later
"""A network of its own for one drill: a switch in user space, and real servers in namespaces that nothing else is in.

The world is one process with a network, a mount and a PID namespace; when it ends, so does all that is in it. The guest's
network cards are sockets of QEMU (`-netdev dgram`), the servers' side is one TAP device for each network, and the switch
between them does what a kernel on a build machine may have no modules for: VLANs, loss, cables that are pulled. Servers keep
their files and logs in the drill's folder: world/NAME.
"""

from .client import World

__all__ = ["World"]
