"""The two sides: how each is started, and what each does in its own way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from original import SECRET, Original, original
from side import Side, Unable, User, must
from trackgate import Trackgate, trackgate
from wire import form_body

# OAuth end points of the original want this (contract, section 10).
HTTPS = {"X-Forwarded-Proto": "https"}
CALLBACK = "https://app.example.org/callback"


@dataclass
class OriginalSide(Side):
    """The real FitTrackee."""

    server: Original = field(kw_only=True)

    def api_token(self, user: User, scope: str) -> str:
        form = {
            "client_name": "app",
            "client_uri": "https://app.example.org",
            "redirect_uris": [CALLBACK],
            "scope": scope,
        }
        app = must(self.post("/api/oauth/apps", form, user.token), 201).json["data"]["client"]
        known = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
        grant = {**known, "response_type": "code", "scope": scope, "confirm": "true", "state": "x"}
        answer = must(self.send("POST", "/api/oauth/authorize", form_body(grant), user.token, HTTPS), 200)
        code = parse_qs(urlsplit(answer.json["redirect_url"]).query)["code"][0]
        asked = {**known, "grant_type": "authorization_code", "code": code}
        token: str = must(self.send("POST", "/api/oauth/token", form_body(asked), None, HTTPS), 200).json[
            "access_token"
        ]
        self.kept[token] = known
        return token

    def revoke(self, token: str) -> None:
        fields = {**self.kept[token], "token": token}
        must(self.send("POST", "/api/oauth/revoke", form_body(fields), None, HTTPS), 200)

    def enable(self, name: str) -> None:
        if "updated" not in (told := self.server.ftcli("users", "update", name, "--activate")):
            raise Unable(told)


@dataclass
class TrackgateSide(Side):
    """trackgate with the FitTrackee tracker."""

    server: Trackgate = field(kw_only=True)

    def api_token(self, user: User, scope: str) -> str:
        token, identifier = self.server.new_token(user.name, scope.split())
        self.kept[token] = identifier
        return token

    def revoke(self, token: str) -> None:
        self.server.run("token", "revoke", self.kept[token])
        # A running gateway follows what another process did, twice a second.
        end = time.monotonic() + 5
        while self.get("/api/auth/profile", token).status == 200 and time.monotonic() < end:
            time.sleep(0.1)

    def enable(self, name: str) -> None:
        self.server.run("user", "enable", name)


@contextmanager
def side(name: str, binary: Path, variant: str) -> Iterator[Side]:
    """Starts one server; `variant` is `whole`, `closed` (two accounts, no mail) or `limited` (three requests)."""
    closed = variant == "closed"
    if name == "original":
        limits = "3 per 5 minutes" if variant == "limited" else "100000 per 1 minute"
        # Whether registration is open is known to the worker alone that made the last account.
        with original(limits, 2 if closed else 0, not closed, 1 if closed else 2) as real:
            yield OriginalSide(name, real.port, real.mails, SECRET, server=real)
        return
    settings = "max_users = 2" if closed else ""
    route = 'allow = { rate = "3/5m" }' if variant == "limited" else ""
    with trackgate(binary, settings, route, with_mail=not closed) as ours:
        yield TrackgateSide(name, ours.port, ours.mails, SECRET, server=ours)
