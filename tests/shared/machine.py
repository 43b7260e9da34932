"""What processes cost: CPU time and memory, as /proc tells them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
NAME, PARENT, OWN, REAPED = 0, 1, slice(11, 13), slice(13, 15)


def stat(process: int) -> list[str] | None:
    """The name of a process, then the fields of its `stat` from the parent on; None when it is gone."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    head, _, rest = text.rpartition(")")
    # Without the state: the parent comes at 1, user and system time at 11 and 12.
    return [head.partition("(")[2], *rest.split()[1:]]


def children(parent: int) -> list[int]:
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [number for number in numbers if (seen := stat(number)) and int(seen[PARENT]) == parent]


def parent_of(process: int) -> int:
    seen = stat(process)
    return int(seen[PARENT]) if seen else 0


def name_of(process: int) -> str:
    seen = stat(process)
    return seen[NAME] if seen else ""


def family(leader: int) -> list[int]:
    """A process, its children and theirs."""
    return [leader, *(one for child in children(leader) for one in family(child))]


class Meter:
    """CPU seconds and memory of some process trees."""

    def __init__(self, leaders: Iterable[int]) -> None:
        self.leaders = list(leaders)

    def cpu(self) -> float:
        """User and system time so far, with what ended children used."""
        ticks = 0
        for process in self.processes():
            if seen := stat(process):
                ticks += sum(int(field) for field in seen[OWN] + seen[REAPED])
        return ticks * TICK

    def megabytes(self) -> float:
        """Resident memory; pages that processes share are counted once, divided among them."""
        return sum(map(proportional, self.processes())) / 1024

    def processes(self) -> list[int]:
        return [process for leader in self.leaders for process in family(leader)]


def proportional(process: int) -> int:
    """The kilobytes that a process has in memory, its part of shared ones included."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def busy() -> float:
    """CPU seconds that the whole machine spent on anything."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    # Neither idle nor waiting for a disk.
    return (sum(fields) - fields[3] - fields[4]) * TICK


def own_cpu() -> float:
    """CPU seconds of this process and of the clients it ran, once they ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def go_ahead(processes: Iterable[int]) -> None:
    """Puts the sessions of these processes before the work of others, all alike.

    Linux shares the CPU among sessions first (`sched_autogroup`), so that a nice value of a process says
    nothing to those of other sessions.
    """
    for process in processes:
        Path(f"/proc/{process}/autogroup").write_text("-19")
