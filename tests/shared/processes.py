"""Programs that the suite starts, and ends again: those and no others."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path


class Failed(Exception):
    """A program did not do what the suite needs; the text ends with what it said."""


class Program:
    """One running program in a process group of its own, its words in a file."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        last_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.log = log
        self._name = Path(arguments[0]).name
        self._last_signal = last_signal
        with log.open("ab") as out:
            self.child = subprocess.Popen(
                arguments,
                cwd=log.parent,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Waits for the program to be of use; says what it printed when it is not."""
        end = time.monotonic() + seconds
        while not ready():
            if self.child.poll() is not None:
                raise Failed(f"{self._name} ended with {self.child.returncode}:\n{self.tail()}")
            if time.monotonic() > end:
                raise Failed(f"{self._name} was not ready after {seconds:.0f} s:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Asks the program to end, and ends its whole group when it does not."""
        if self.child.poll() is None:
            self.child.send_signal(self._last_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(15)
        # The group outlives its leader when a worker hangs.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(15)

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def running(program: Program) -> Iterator[Program]:
    try:
        yield program
    finally:
        program.stop()


def run_to_end(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float = 120) -> str:
    """Runs a program to its end and gives what it printed."""
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{Path(arguments[0]).name} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def free_port() -> int:
    """A port of loopback that nothing holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether something takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def own_environment(**more: str) -> dict[str, str]:
    """What a started program may see of this one's environment, and what else it is told."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "TZ": "UTC", **more}
