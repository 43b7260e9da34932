"""Sections 6.1 to 6.3 and 6.10: profile, edit, preferences, privacy policy."""

from __future__ import annotations

from typing import Any

from case import case, get, post, steps
from expect import CRASH, DATE, E500, e400, e401, ok
from objects import EDIT, POLICY, PREFERENCES, PREFERENCES_OF_A_NEW_USER, PROFILE, profile, user
from side import Side

EDITOR = "editor"
EMPTY = {"first_name": None, "last_name": None, "bio": None, "birth_date": None, "location": None}
DIFFERENT = "§1 row 13, §6.2"


def edited(name: str = EDITOR, **changes: Any) -> Any:
    return ok(data=user(name, **changes), message="user profile updated")


case("6.1 profile", get(PROFILE, "plain"), profile("plain"))
FULL = {
    "first_name": "  Zoë <b>x</b> ",
    "last_name": "",
    "bio": "two\nlines",
    "birth_date": "1980-01-09",
    "location": "Grenoble ⛰",
}
STORED = {**FULL, "birth_date": "Wed, 09 Jan 1980 00:00:00 GMT"}


@steps("6.2 text is stored as given", [edited(**STORED), profile(EDITOR, **STORED)])
def full(side: Side) -> Any:
    token = side.user(EDITOR).token
    return [side.post(EDIT, FULL, token), side.get(PROFILE, token)]


case("6.2 nulls clear everything", post(EDIT, EMPTY, EDITOR), edited())
for name in EMPTY:
    left = {key: value for key, value in EMPTY.items() if key != name}
    case(f"6.2 without {name}", post(EDIT, left, EDITOR), e400())
case(
    "6.2 birth date unpadded",
    post(EDIT, {**EMPTY, "birth_date": "1980-1-9"}, EDITOR),
    edited(birth_date=STORED["birth_date"]),
)
case("6.2 birth date empty clears it", post(EDIT, {**EMPTY, "birth_date": ""}, EDITOR), edited())
value: Any
for value in ("yesterday", "1980-13-01", "09/01/1980", "1980-01-09T00:00"):
    case(f"6.2 birth date {value}", post(EDIT, {**EMPTY, "birth_date": value}, EDITOR), E500, e400(), DIFFERENT)
case("6.2 birth date a number", post(EDIT, {**EMPTY, "birth_date": 5}, EDITOR), CRASH, e400(), DIFFERENT)
LIMITS = {"first_name": 80, "last_name": 80, "location": 80, "bio": 200}
for name, limit in LIMITS.items():
    longest = "é" * limit
    case(f"6.2 {name} of {limit}", post(EDIT, {**EMPTY, name: longest}, EDITOR), edited(**{name: longest}))
    case(f"6.2 {name} of {limit + 1}", post(EDIT, {**EMPTY, name: "é" * (limit + 1)}, EDITOR), CRASH, e400(), DIFFERENT)
case("6.2 a number as text", post(EDIT, {**EMPTY, "bio": 5}, EDITOR), edited(bio="5"), e400(), "§6.2")
case("6.2 a list as text", post(EDIT, {**EMPTY, "bio": ["x"]}, EDITOR), edited(bio="{x}"), e400(), "§6.2")
case("6.2 unknown members", post(EDIT, {**EMPTY, "username": "x", "admin": True, "email": "x"}, EDITOR), edited())

CHOOSER = "chooser"
CHOSEN: dict[str, Any] = {
    "date_format": "yyyy-MM-dd",
    "display_ascent": False,
    "imperial_units": True,
    "language": "fr",
    "start_elevation_at_zero": False,
    "timezone": "America/New_York",
    "use_dark_mode": True,
    "use_raw_gpx_speed": True,
    "weekm": True,
}
BASE = PREFERENCES_OF_A_NEW_USER


def chosen(**changes: Any) -> Any:
    return ok(data=user(CHOOSER, **changes), message="user preferences updated")


@steps("6.3 all preferences", [chosen(**CHOSEN), profile(CHOOSER, **CHOSEN)])
def preferences(side: Side) -> Any:
    token = side.user(CHOOSER).token
    return [side.post(PREFERENCES, CHOSEN, token), side.get(PROFILE, token)]


for name in CHOSEN:
    left = {key: value for key, value in CHOSEN.items() if key != name}
    case(f"6.3 without {name}", post(PREFERENCES, left, CHOOSER), e400())


def preference(what: str, changes: dict[str, Any], stored: dict[str, Any] | None = None) -> None:
    expected = chosen(**{**BASE, **(changes if stored is None else stored)})
    case(f"6.3 {what}", post(PREFERENCES, {**BASE, **changes}, CHOOSER), expected)


preference("language unknown", {"language": "xx"}, {"language": "en"})
preference("language null", {"language": None}, {"language": "en"})
preference("language a number", {"language": 5}, {"language": "en"})
preference("language of every kind that is known", {"language": "eu"})
preference("dark mode null", {"use_dark_mode": None})
preference("1 and 0 as booleans", {"weekm": 1, "display_ascent": 0}, {"weekm": True, "display_ascent": False})
preference("date format `date_string`", {"date_format": "date_string"})
preference("date format unknown", {"date_format": "whatever"})
preference("date format null", {"date_format": None})
preference("time zone unknown", {"timezone": "Mars/Olympus"})
preference("time zone null", {"timezone": None})
preference("time zone of 50", {"timezone": "x" * 50})
for name in ("display_ascent", "imperial_units", "start_elevation_at_zero", "use_raw_gpx_speed", "weekm"):
    case(f"6.3 {name} null", post(PREFERENCES, {**BASE, name: None}, CHOOSER), E500, e400(), "§1 row 13, §6.3")
for value in ("yes", 2, []):
    case(f"6.3 weekm {value!r}", post(PREFERENCES, {**BASE, "weekm": value}, CHOOSER), CRASH, e400(), "§1 row 13, §6.3")
for name in ("date_format", "timezone"):
    case(f"6.3 {name} of 51", post(PREFERENCES, {**BASE, name: "x" * 51}, CHOOSER), CRASH, e400(), "§1 row 13, §6.3")

case("6.10 policy accepted", post(POLICY, {"accepted_policy": True}, "plain"), ok())
for value in (False, None, "true", 1, []):
    case(f"6.10 policy {value!r}", post(POLICY, {"accepted_policy": value}, "plain"), e400())
case("6.10 policy without its member", post(POLICY, {"accepted": True}, "plain"), e400())
for path in (EDIT, PREFERENCES, POLICY):
    case(f"6 {path} without a token", post(path, {"x": 1}), e401())
case(
    "4.1 dates are of RFC 1123",
    lambda side: side.get(PROFILE, side.user("plain").token).json["data"]["created_at"],
    DATE,
)
