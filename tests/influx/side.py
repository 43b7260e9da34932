"""One of the two servers, as the cases see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from original import PASSWORD, PUBLIC, PUBLIC_PASSWORD, ROOT, ROOT_PASSWORD
from request import Request, basic, send
from wire import Answer

PASSWORDS = {PUBLIC: PUBLIC_PASSWORD, ROOT: ROOT_PASSWORD}


@dataclass(frozen=True)
class Side:
    """A running server."""

    name: str
    port: int
    # The second in which a case that needs the clock asks, of both servers.
    second: int = 0

    def ask(self, request: Request) -> Answer:
        return send(self.port, request)

    def write(self, body: str | bytes, user: str = "tester", **query: str) -> Answer:
        """A POST of these lines to the database of the user's own name, or to `db`."""
        return self.ask(write(body, user, **query))

    def query(self, text: str, user: str = "tester", **query: str) -> Answer:
        """A GET of this query; to the database of the user's own name, or to `db`."""
        return self.ask(query_request(text, user, **query))


def write(body: str | bytes, user: str | None = "tester", **query: str) -> Request:
    content = body.encode() if isinstance(body, str) else body
    return Request("POST", "/write", {"db": user or "tester", **query}, authority(user), content)


def query_request(text: str, user: str | None = "tester", **query: str) -> Request:
    return Request("GET", "/query", {"db": user or "tester", "q": text, **query}, authority(user))


def authority(user: str | None) -> Mapping[str, str]:
    """HTTP Basic of this user, with the right password; nothing for nobody."""
    return basic(user, PASSWORDS.get(user, PASSWORD)) if user else {}
