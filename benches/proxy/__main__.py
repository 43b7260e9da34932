"""Measures what the reverse proxy costs in memory; see README.md."""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
LOGIN = "authorization: Basic " + base64.b64encode(b"rider:correct-horse").decode()
MIB = 1 << 20
# What each kind of fault is answered with; a body that breaks off comes under the status of its head.
FAULTS = {"close": 502, "reset": 502, "killed": 200, "garbage": 502, "half": 502, "lengths": 502, "hang": 504, "idle": 200}

CONFIG = """
listen.threads = {threads}
[limits]
connections = 12000
grace = "20s"
[log]
access = false
[upstreams.up]
urls = ["http://127.0.0.1:{port}"]
[upstreams.faulty]
urls = ["http://127.0.0.1:{port}"]
timeout = {{ response = "500ms" }}
[[routes]]
name = "faulty"
match = "/fault/{{kind}}"
auth = ["basic"]
upstream = "faulty"
[[routes]]
name = "up"
match = "/{{*rest}}"
auth = ["basic"]
upstream = "up"
upgrades = ["websocket"]
max_body = "200MiB"
"""


class Gateway:
    """The binary as a process of its own."""

    def __init__(self, binary: Path, folder: str, port: int) -> None:
        config = Path(folder) / "trackgate.toml"
        config.write_text(CONFIG.format(port=port, threads=min(4, os.cpu_count() or 1)))
        common = ["--data-dir", f"{folder}/data", "--config", str(config)]
        self.command = [str(binary), *common]
        user = [str(binary), "user", "add", "rider", "--email", "r@example.org", "--password-stdin", *common]
        subprocess.run(user, input=b"correct-horse\n", check=True, stdout=subprocess.DEVNULL)
        serve = [str(binary), "serve", "--listen", "127.0.0.1:0", *common]
        self.process = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def memory(self, key: str = "VmRSS") -> float:
        """In MiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    async def ask(self, target: str, body: int = 0) -> tuple[int, int]:
        """The status and how many bytes of the body came."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            method = "POST" if body else "GET"
            head = f"{method} {target} HTTP/1.1\r\nhost: a\r\n{LOGIN}\r\nconnection: close\r\ncontent-length: {body}\r\n\r\n"
            writer.write(head.encode())
            for at in range(0, body, 1 << 16):
                writer.write(b"y" * min(1 << 16, body - at))
                await writer.drain()
            answer = await reader.readuntil(b"\r\n\r\n")
            count = 0
            while piece := await reader.read(1 << 18):
                count += len(piece)
            return int(answer.split()[1]), count
        except asyncio.IncompleteReadError:
            return 0, 0
        finally:
            writer.close()

    async def socket(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=4096)
        writer.write(
            f"GET /socket HTTP/1.1\r\nhost: a\r\n{LOGIN}\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return reader, writer


async def bodies(gateway: Gateway, size: int) -> bool:
    """100 MiB each way, one at a time and eight at once."""
    fits = True
    await gateway.ask("/warm")
    for at_once in (1, 8):
        for name, target, up in (("up", "/up", size), ("down", f"/down/{size}", 0)):
            gateway.forget_peak()
            before, began = gateway.memory(), time.monotonic()
            answers = await asyncio.gather(*(gateway.ask(target, up) for _ in range(at_once)))
            took, peak = time.monotonic() - began, gateway.memory("VmHWM")
            assert all(status == 200 and (up or count == size) for status, count in answers), answers
            print(
                f"{at_once} x {size // MIB} MiB {name}: {took:.2f} s, {at_once * size / MIB / took:.0f} MiB/s, "
                f"RSS {before:.1f} MiB before, {peak:.1f} MiB at most"
            )
            fits &= peak - before < 2 * at_once + 8
    return fits


async def sockets(gateway: Gateway, wanted: int) -> bool:
    room = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - gateway.descriptors() - 64) // 2
    count = min(wanted, room)
    if count < wanted:
        print(f"the limit of open files leaves room for {count} WebSockets instead of {wanted}")
    before, began = gateway.memory(), time.monotonic()
    opened = []
    for at in range(0, count, 250):
        opened += await asyncio.gather(*(gateway.socket() for _ in range(min(250, count - at))))
    took = time.monotonic() - began
    idle = gateway.memory()
    each = (idle - before) * 1024 / count
    print(f"{count} idle WebSockets: opened in {took:.1f} s, RSS {before:.1f} -> {idle:.1f} MiB, {each:.1f} KiB each")

    began = time.monotonic()
    for at in range(0, count, 500):
        await asyncio.gather(*(echo(*socket) for socket in opened[at : at + 500]))
    print(f"a message there and back on each: {time.monotonic() - began:.1f} s, RSS {gateway.memory():.1f} MiB")

    began = time.monotonic()
    user = [*gateway.command[:1], "user", "disable", "rider", *gateway.command[1:]]
    process = await asyncio.create_subprocess_exec(*user, stdout=subprocess.DEVNULL)
    assert await process.wait() == 0
    told = time.monotonic()
    frames = await asyncio.gather(*(end(reader) for reader, _writer in opened))
    good = sum(frame.startswith(b"\x88\x12\x03\xf0credential ended") for frame in frames)
    last = time.monotonic() - told
    print(f"the account disabled: {good} of {count} got Close 1008, the last {last:.2f} s after the command's end")
    for _reader, writer in opened:
        writer.close()
    await settled(gateway)
    print(f"all closed: RSS {gateway.memory():.1f} MiB, {gateway.descriptors()} descriptors")
    return each < 32 and good == count


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x81\x85\0\0\0\0hello")
    assert await reader.readexactly(7) == b"\x81\x05hello"


async def end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""


async def faults(gateway: Gateway, count: int) -> bool:
    """A round to warm up, then the same many times over: no descriptor and no memory stays behind."""
    async def round_of(count: int) -> tuple[dict[str, int], int]:
        wrong: dict[str, int] = {}
        closing = 0
        kinds = list(FAULTS)
        for at in range(0, count, 200):
            chosen = [kinds[n % len(kinds)] for n in range(at, min(count, at + 200))]
            for kind, (status, _) in zip(chosen, await asyncio.gather(*(gateway.ask(f"/fault/{kind}") for kind in chosen))):
                # A kept connection that the upstream closes just now may meet any request.
                closing += status == 502 != FAULTS[kind]
                if status not in (FAULTS[kind], 502):
                    wrong[f"{kind} {status}"] = wrong.get(f"{kind} {status}", 0) + 1
        return wrong, closing

    await round_of(max(400, count // 10))
    await settled(gateway)
    before, open_before, began = gateway.memory(), gateway.descriptors(), time.monotonic()
    wrong, closing = await round_of(count)
    took = time.monotonic() - began
    await settled(gateway)
    after, open_after = gateway.memory(), gateway.descriptors()
    print(
        f"{count} faults in {took:.1f} s: RSS {before:.1f} -> {after:.1f} MiB, descriptors {open_before} -> {open_after}, "
        f"wrong answers: {wrong or 'none'}; {closing} met a connection that was just being closed"
    )
    assert (await gateway.ask("/good"))[0] == 200
    return not wrong and open_after <= open_before + 5 and after - before < 4


async def settled(gateway: Gateway) -> None:
    """Longer than unused connections to the upstream are kept."""
    await asyncio.sleep(5)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/proxy/run", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="trackgate; by default a release build of the tree")
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--mebibytes", type=int, default=100)
    arguments = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}, {os.cpu_count()} cores, Linux {platform.release()}, {arguments.binary}")
    upstream = subprocess.Popen([sys.executable, HERE / "upstream.py"], stdout=subprocess.PIPE, text=True)
    fits = False
    try:
        assert upstream.stdout
        port = int(upstream.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            gateway = Gateway(arguments.binary, folder, port)
            try:
                print(f"after the start: RSS {gateway.memory():.1f} MiB, {gateway.descriptors()} descriptors")

                async def all_of_it() -> bool:
                    one = await bodies(gateway, arguments.mebibytes * MIB)
                    two = await faults(gateway, arguments.faults)
                    three = await sockets(gateway, arguments.sockets)
                    return one and two and three

                fits = asyncio.run(all_of_it())
            finally:
                gateway.process.send_signal(signal.SIGTERM)
                gateway.process.wait(30)
    finally:
        upstream.kill()
        upstream.wait()
    print("all aims are met" if fits else "an aim is missed")
    return 0 if fits else 1


sys.exit(main())
