"""A mail server that keeps what it is given."""

from __future__ import annotations

import email
import email.policy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from processes import free_port


@dataclass(frozen=True)
class Mail:
    """One mail as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def kinds(self) -> list[str]:
        """The content type of the mail and of its parts, in order."""
        return [part.get_content_type() for part in self.message.walk()]

    def part(self, kind: str) -> str:
        """The decoded text of the part of this content type; empty when there is none."""
        for part in self.message.walk():
            if part.get_content_type() == kind:
                return str(part.get_content())
        return ""

    @property
    def text(self) -> str:
        return self.part("text/plain")

    @property
    def html(self) -> str:
        return self.part("text/html")


class Sink:
    """The mails received so far, in order."""

    def __init__(self, folder: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._folder = folder
        self._mails: list[Mail] = []
        self._arrived = threading.Condition()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        self._keep(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw))
        return "250 OK"

    def _keep(self, mail: Mail) -> None:
        with self._arrived:
            self._mails.append(mail)
            if self._folder:
                (self._folder / f"{len(self._mails):04}.eml").write_bytes(mail.raw)
            self._arrived.notify_all()

    def to(self, address: str) -> list[Mail]:
        with self._arrived:
            return [mail for mail in self._mails if address in mail.recipients]

    def wait(self, address: str, count: int = 1, seconds: float = 20) -> list[Mail]:
        """The mails to this address, once there are this many; fewer when they do not come in time."""
        end = time.monotonic() + seconds
        with self._arrived:
            while True:
                found = [mail for mail in self._mails if address in mail.recipients]
                left = end - time.monotonic()
                if len(found) >= count or left <= 0:
                    return found
                self._arrived.wait(left)


@contextmanager
def sink(folder: Path | None = None) -> Iterator[Sink]:
    """A mail server on loopback while the block runs."""
    kept = Sink(folder)
    controller = Controller(kept, hostname="127.0.0.1", port=kept.port)
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()
