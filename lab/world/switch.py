# SPDX-License-Identifier: GPL-2.0-or-later
"""An Ethernet switch: networks of servers on one side, the guest's network cards on the other.

A network has a VLAN tag, or none. A card is a cable to some networks: of one it carries the frames as they are, those of others
with their tag. Two cards on the same networks are what a bond needs; as it is a learning switch, only the one that the
guest last sent from gets what is for the guest.
"""

import os
import random
import selectors
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

TPID = b"\x81\x00"  # IEEE 802.1Q
FRAME = 65600
HEAD = 14
BURST = 64  # frames of one port before the others get their turn
QUEUE = 4 << 20
NAP_SECONDS = 0.0005
PATIENCE_SECONDS = 1


@dataclass
class Card:
    """A network card of the guest."""

    name: str
    socket: socket.socket
    peer: str  # the path of QEMU's own end
    networks: dict[int, str]  # tag → network; 0: without one
    up: bool = True
    loss: float = 0
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)  # frames that QEMU has no room for, and since when

    def tag_of(self, network: str) -> bytes | None:
        """What a frame of that network gets behind its addresses; None: it does not come here."""
        for tag, name in self.networks.items():
            if name == network:
                return TPID + struct.pack(">H", tag) if tag else b""
        return None


@dataclass
class Net:
    """A network of servers."""

    name: str
    tap: int
    seen: dict[bytes, str] = field(default_factory=dict)  # MAC of the guest → the card it is behind
    loss: float = 0


def bound_socket(path: Path) -> socket.socket:
    """One end of a cable."""
    path.unlink(missing_ok=True)
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(path))
    end.setblocking(False)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUE)
    return end


class Switch(threading.Thread):
    """Runs until the process ends."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.cards: dict[str, Card] = {}
        self.nets: dict[str, Net] = {}
        self.chance = random.Random(8)  # the same losses at each run, as far as the frames are the same
        self.frames = {"in": 0, "out": 0, "lost": 0, "full": 0}

    def lost(self, card: Card, net: Net) -> bool:
        """Does this frame not arrive?"""
        gone = self.chance.random() < max(card.loss, net.loss)
        self.frames["lost"] += gone
        return gone

    def from_card(self, card: Card, frame: bytes) -> None:
        """The guest has sent something."""
        tag = 0
        if frame[12:14] == TPID and len(frame) >= HEAD + 4:
            tag = struct.unpack_from(">H", frame, HEAD)[0] & 0xFFF
            frame = frame[:12] + frame[16:]
        name = card.networks.get(tag)
        if not card.up or not name or len(frame) < HEAD:
            return
        net = self.nets[name]
        net.seen[frame[6:12]] = card.name
        if self.lost(card, net):
            return
        self.frames["in"] += 1
        try:
            os.write(net.tap, frame)
        except OSError:  # it is down, or full
            self.frames["full"] += 1

    def from_net(self, net: Net, frame: bytes) -> None:
        """A server has sent something."""
        known = net.seen.get(frame[:6])
        for card in self.cards.values():
            tag = card.tag_of(net.name)
            if tag is None or known and card.name != known or not card.up or self.lost(card, net):
                continue
            card.waiting.append((time.monotonic(), frame[:12] + tag + frame[12:]))
            self.flush(card)

    def flush(self, card: Card) -> None:
        """Give a guest what waits for it. A socket's queue is short (unix(7), max_dgram_qlen), and nothing shall be lost by that."""
        while card.waiting:
            since, frame = card.waiting[0]
            try:
                card.socket.sendto(frame, card.peer)
                self.frames["out"] += 1
            except BlockingIOError:
                if time.monotonic() - since < PATIENCE_SECONDS:
                    return
                self.frames["full"] += 1
            except OSError:  # there is no guest
                self.frames["full"] += 1
            card.waiting.popleft()

    def is_blocked(self, net: Net) -> bool:
        """Does one of its cards take nothing just now? Then its servers have to wait."""
        return any(card.waiting for card in self.cards.values() if card.tag_of(net.name) is not None)

    def turn(self, what: Card | Net) -> None:
        """Up to some frames of one port."""
        for _ in range(BURST):
            if isinstance(what, Net) and self.is_blocked(what):
                return
            try:
                if isinstance(what, Card):
                    self.from_card(what, what.socket.recv(FRAME))
                else:
                    self.from_net(what, os.read(what.tap, FRAME))
            except BlockingIOError:
                return
            except OSError:
                return

    def run(self) -> None:
        """Carry frames, for ever."""
        with selectors.DefaultSelector() as selector:
            for card in self.cards.values():
                selector.register(card.socket, selectors.EVENT_READ, card)
            for net in self.nets.values():
                selector.register(net.tap, selectors.EVENT_READ, net)
            blocked: list[Card] = []
            while True:
                for key, _ in selector.select(NAP_SECONDS if blocked else None):
                    self.turn(key.data)
                blocked = [card for card in self.cards.values() if card.waiting]
                if blocked:
                    time.sleep(NAP_SECONDS)
                for card in blocked:
                    self.flush(card)
