# SPDX-License-Identifier: GPL-2.0-or-later
"""What the judges look at: a finished crash, its parts made when first asked for."""

from functools import cached_property
from pathlib import Path

from .. import debs, modules
from ..crash import Folder
from ..errors import LabError, Unavailable
from ..kdump import Kdump
from ..memory import Memory
from ..scenario import Death
from ..staged import kept_headers
from ..vmcore import Core, Ram, Segment, elfcorehdr_address


class Evidence:
    """One crash folder, and how the guest was to die."""

    def __init__(self, folder: Folder, death: Death = Death()) -> None:
        self.folder = folder
        self.death = death
        self.facts = folder.facts()

    @cached_property
    def ram(self) -> Ram:
        """The guest's memory at its end."""
        return Ram(self.folder.ram, self.facts.memory_mib, plugged_mib=self.facts.plugged_mib)

    @cached_property
    def core(self) -> Core:
        """The core header in that memory."""
        return Core(self.ram, elfcorehdr_address(self.folder.console()))

    @cached_property
    def staged(self) -> dict[str, list[Segment]]:
        """The program headers that kexec-tools had staged before, by its option."""
        return kept_headers(self.folder.staged)

    @cached_property
    def memory(self) -> Memory:
        """The crashed kernel's own data."""
        return Memory(self.core)

    @cached_property
    def vmcore(self) -> Path:
        """/proc/vmcore of the capture kernel, rebuilt as a file."""
        self.core.write(self.folder.vmcore)
        return self.folder.vmcore

    @cached_property
    def dump_path(self) -> Path:
        """The dump that the capture wrote."""
        path = self.folder.crash_folder() / "vmcore"
        if not path.is_file():
            raise LabError(f"the capture left no file {path}")
        return path

    @cached_property
    def dump(self) -> Kdump:
        """The same, opened by the lab's own reader."""
        return Kdump(self.dump_path)

    @cached_property
    def makedumpfile(self) -> tuple[str, ...]:
        """How to call the machine's own, or one that knows newer kernels than that one does."""
        return debs.fetch_makedumpfile() if self.facts.suite else ("makedumpfile",)

    @property
    def has_debuggers(self) -> bool:
        """Whether this machine's crash and drgn are made for the kernel that has crashed."""
        return not self.facts.suite

    @cached_property
    def vmlinux(self) -> Path:
        """The crashed kernel's debug information."""
        try:
            path = debs.fetch_vmlinux()
        except LabError as err:
            raise Unavailable(f"the debug information of {self.facts.kernel} cannot be had: {err}") from err
        if not path.name.endswith(self.facts.kernel):
            raise LabError(f"{path.name} is not for {self.facts.kernel}: run the crash again")
        return path

    @property
    def debug_files(self) -> list[Path]:
        """That, and the debug information of the lab's module where it is loaded."""
        module = self.folder.path / modules.DEBUG
        return [self.vmlinux, *([module] if module.exists() else [])]
