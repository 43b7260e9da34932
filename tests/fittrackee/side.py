"""One of the two servers, as the cases see it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tokens
from mails import Mail, Sink
from wire import Answer, Body, ask, ask_with_bytes, json_body

PASSWORD = "correct horse"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Unable(Exception):
    """A step that other steps rest on did not work."""


@dataclass
class User:
    """An account that the suite made."""

    name: str
    email: str
    token: str
    password: str = PASSWORD

    @property
    def id(self) -> int:
        return int(tokens.claims(self.token)["sub"])


@dataclass
class Side(ABC):
    """A running server with its mail sink."""

    name: str
    port: int
    mails: Sink
    secret: str
    users: dict[str, User] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    @abstractmethod
    def api_token(self, user: User, scope: str) -> str:
        """A token of a third-party app with these scopes."""

    @abstractmethod
    def revoke(self, token: str) -> None:
        """Ends such a token."""

    @abstractmethod
    def enable(self, name: str) -> None:
        """Lets an account in that was not confirmed: the operator's command."""

    def send(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        body = body or Body()
        lines = {"User-Agent": AGENT, **body.headers, **(headers or {})}
        if token is not None:
            lines["Authorization"] = f"Bearer {token}"
        return ask(self.port, method, path, list(lines.items()), body.content)

    def send_bytes(self, request: bytes) -> Answer:
        return ask_with_bytes(self.port, request)

    def post(self, path: str, value: object, token: str | None = None) -> Answer:
        return self.send("POST", path, json_body(value), token)

    def get(self, path: str, token: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        return self.send("GET", path, None, token, headers)

    def user(self, name: str, language: str = "en") -> User:
        """The account of this name, made, confirmed and signed in when it is first asked for."""
        if name not in self.users:
            self.users[name] = self.new_user(name, language)
        return self.users[name]

    def new_user(self, name: str, language: str) -> User:
        email = f"{name}@example.org"
        must(self.register(name, email, language), 200)
        mail = self.mail(email, "account-confirmation")
        confirmed = must(self.post("/api/auth/account/confirm", {"token": link_token(mail)}), 200)
        return User(name, email, confirmed.json["auth_token"])

    def unconfirmed(self, name: str) -> str:
        """Registers an account that nobody confirms; gives the confirmation token it was mailed."""
        email = f"{name}@example.org"
        must(self.register(name, email), 200)
        return link_token(self.mail(email, "account-confirmation"))

    def register(self, name: str, email: str, language: str = "en", password: str = PASSWORD) -> Answer:
        form = {"username": name, "email": email, "password": password, "accepted_policy": True, "language": language}
        return self.post("/api/auth/register", form)

    def login(self, email: str, password: str = PASSWORD) -> Answer:
        return self.post("/api/auth/login", {"email": email, "password": password})

    def mail(self, address: str, link: str = "", number: int = 1) -> Mail:
        """The n-th mail to this address that holds this text."""
        count = number
        while True:
            all_of_them = self.mails.wait(address, count)
            found = [mail for mail in all_of_them if link in mail.text]
            if len(found) >= number:
                return found[number - 1]
            if len(all_of_them) < count:
                raise Unable(f"no mail with {link!r} came to {address}")
            count = len(all_of_them) + 1

    def forge(self, claims: Mapping[str, Any], **how: Any) -> str:
        """A JWT of this server's key, or as `how` says."""
        return tokens.forge(claims, **{"key": self.secret, **how})

    def remember(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gave when it was first asked for."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]


def must(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise Unable(f"{status} was needed to go on, got {answer.describe()}")
    return answer


def link_token(mail: Mail) -> str:
    found = re.search(r"[?&]token=([\w.\-]+)", mail.text)
    if not found:
        raise Unable(f"no link with a token in {mail.subject!r}")
    return found[1]
