"""A server behind the gateway: WebSockets that echo, big bodies, and faults on request. Prints its port."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PIECE = b"x" * (1 << 16)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            raw = dict(line.split(": ", 1) for line in lines[1:] if line)
            target = lines[0].split(" ")[1]
            if headers.get("upgrade") == "websocket":
                key = next(value for name, value in raw.items() if name.lower() == "sec-websocket-key")
                await socket_of(reader, writer, key.encode())
                return
            count = 0
            while count < int(headers.get("content-length", 0)):
                piece = await reader.read(1 << 16)
                if not piece:
                    return
                count += len(piece)
            if target.startswith("/down/"):
                size = int(target.rsplit("/", 1)[1])
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
                for at in range(0, size, len(PIECE)):
                    writer.write(PIECE[: size - at])
                    await writer.drain()
            elif target.startswith("/fault/"):
                if await fault(target.rsplit("/", 1)[1], reader, writer):
                    return
            else:
                body = str(count).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def socket_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes) -> None:
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while True:
        first, second = await reader.readexactly(2)
        mask = await reader.readexactly(4)
        payload = await reader.readexactly(second & 0x7F)
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        writer.write(bytes([first, len(payload)]) + payload)
        await writer.drain()
        if first & 0xF == 8:
            return


async def fault(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection ends with it."""
    match kind:
        case "close":
            return True
        case "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return True
        case "killed":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 5000)
            await writer.drain()
            return True
        case "garbage":
            writer.write(b"\x16\x03\x01 what is this\r\n\r\n" * 10)
            return True
        case "half":
            writer.write(b"HTTP/1.1 200 O")
            return True
        case "lengths":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok")
            return False
        case "hang":
            await reader.read(1)
            return True
        case "idle":
            writer.write(OK)
            return True
    raise AssertionError(kind)


asyncio.run(main())
