"""FitTrackee's own web application, used through the gateway: the person is known by what the gateway knows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from walk import Walk, add_workout, delete_picture, edit_preferences, edit_profile, edit_sports, upload_picture


class Checks(Protocol):
    def check(self, name: str, fits: bool, found: object = "") -> None: ...


# What a person does on it, as in the walk through the application at its own server.
STEPS: tuple[tuple[str, Callable[[Walk], None]], ...] = (
    ("edit-profile", edit_profile),
    ("edit-preferences", edit_preferences),
    ("edit-sports", edit_sports),
    ("add-workout", add_workout),
    ("upload-picture", upload_picture),
    ("delete-picture", delete_picture),
)


def walk(checks: Checks, url: str, shots: Path, credentials: Mapping[str, Mapping[str, str]]) -> None:
    person = Walk(url, shots, shots)
    try:
        token = credentials["api"]["Authorization"].split()[1]
        told(checks, person, "by-api-token", lambda: with_api_token(person, token))
        for title, what in STEPS:
            told(checks, person, title, lambda what=what: what(person))
        pair = credentials["basic"]["Authorization"]
        told(checks, person, "by-basic", lambda: with_basic(person, pair))
    finally:
        person.browser.quit()


def told(checks: Checks, person: Walk, title: str, what: Callable[[], Any]) -> None:
    try:
        person.step(title, what)
    except Exception as fault:  # noqa: BLE001
        checks.check(f"web application: {title}", False, fault)
    else:
        checks.check(f"web application: {title}", True)


def with_api_token(person: Walk, token: str) -> None:
    """The application keeps the gateway's token as if it were FitTrackee's."""
    person.open("/login")
    person.browser.execute_script("localStorage.setItem('authToken', arguments[0])", token)
    person.open("/")
    person.shows("Upload one!")
    person.open("/profile")
    person.shows("wanda_there")


def with_basic(person: Walk, pair: str) -> None:
    """Each request carries Basic, whatever the application itself would send."""
    assert base64.b64decode(pair.split()[1]).startswith(b"rider:")
    person.browser.execute_cdp_cmd("Network.enable", {})
    person.browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Authorization": pair}})
    person.browser.execute_script("localStorage.setItem('authToken', 'nothing that anybody knows')")
    person.open("/")
    person.shows("Around the lake")
    person.open("/profile")
    person.shows("wanda_there")
