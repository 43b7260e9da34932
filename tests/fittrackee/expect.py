"""What an answer must be: JSON with wildcards, pages, and the error shapes of the contract's section 2.4."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from wire import NOT_JSON, Answer


@dataclass(frozen=True)
class Like:
    """Any value of one kind."""

    name: str
    fits: Callable[[Any], bool] = field(compare=False)


def text_like(name: str, pattern: str) -> Like:
    return Like(name, lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.S) is not None)


def whole_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


PROVIDE_TOKEN = "provide a valid auth token"
DAYS, MONTHS = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
ANY = Like("anything", lambda _value: True)
DATE = text_like("date", rf"{DAYS}, \d\d {MONTHS} \d{{4}} \d\d:\d\d:\d\d GMT")
LONG_DATE = text_like("long date", rf"{DAYS}, \d\d [A-Z][a-z]+ \d{{4}} \d\d:\d\d:\d\d GMT")
STAMP = text_like("stamp", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
FLOAT = Like("float", lambda value: isinstance(value, float))
NUMBER = Like("number", whole_number)
SHORT_ID = text_like("short id", r"[1-9A-HJ-NP-Za-km-z]{22}")
JWT = text_like("JWT", r"[\w-]+\.[\w-]+\.[\w-]{43}")
TEXT = text_like("text", r".+")
ETAG = text_like("etag", r'(W/)?"[^"]+"')
ARCHIVE = text_like("archive name", r"archive_[\w-]{20}\.zip")


@dataclass(frozen=True)
class Page:
    """An HTML page with this title."""

    title: str | Like


@dataclass(frozen=True)
class Bytes:
    """A body that is no JSON; `kind` is its media type."""

    kind: str
    content: bytes | None = None


EMPTY = Bytes("", b"")


@dataclass(frozen=True)
class Expected:
    """Status, body and the headers that the contract names; a header that is None must be absent."""

    status: int
    body: Any = ANY
    headers: Mapping[str, Any] = field(default_factory=dict)

    def with_headers(self, **headers: Any) -> Expected:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})


# Headers in which the two servers are compared although no case names them.
STANDING = ("www-authenticate", "cache-control", "location", "content-range")
FOREIGN = ("set-cookie", "access-control-allow-origin")


def reduce(expected: Any, seen: Any) -> Any:
    """What was seen, with every value that fits a wildcard replaced by the wildcard's name."""
    if isinstance(seen, Answer):
        wanted = expected if isinstance(expected, Expected) else Expected(0)
        return reduce_answer(wanted, seen)
    if isinstance(expected, Like):
        return f"<{expected.name}>" if expected.fits(seen) else seen
    if isinstance(seen, dict):
        known = expected if isinstance(expected, dict) else {}
        return {name: reduce(known.get(name), value) for name, value in seen.items()}
    if isinstance(seen, (list, tuple)):
        each = list(expected) if isinstance(expected, (list, tuple)) else []
        each += [None] * (len(seen) - len(each))
        return [reduce(one, value) for one, value in zip(each, seen, strict=False)]
    # 1 and 1.0 are not the same on the wire, nor are 1 and true.
    return repr(seen) if isinstance(seen, (bool, int, float)) else seen


def reduce_answer(expected: Expected, seen: Answer) -> dict[str, Any]:
    headers = {name: reduce(value, seen.header(name)) for name, value in expected.headers.items()}
    return {"status": repr(seen.status), "body": reduce_body(expected.body, seen), "headers": headers}


def reduce_body(expected: Any, seen: Answer) -> Any:
    if isinstance(expected, Page):
        page = {"kind": seen.kind, "title": reduce(expected.title, seen.title)}
        return page if seen.kind == "text/html" else {**page, "body": seen.body[:200]}
    if isinstance(expected, Bytes):
        return {
            "kind": seen.kind if expected.kind else "",
            "content": seen.body if expected.content is not None else "",
        }
    if isinstance(expected, Like) and expected.name == ANY.name:
        return "<anything>"
    found = seen.json
    if found == NOT_JSON or seen.kind != "application/json":
        return {"kind": seen.kind, "body": seen.body[:200].decode(errors="replace")}
    return reduce(expected, found)


def pattern(expected: Any) -> Any:
    """What `reduce` gives for an observation that is as expected."""
    match expected:
        case Expected(status, body, headers):
            wanted = {name: pattern(value) for name, value in headers.items()}
            return {"status": repr(status), "body": pattern(body), "headers": wanted}
        case Page(title):
            return {"kind": "text/html", "title": pattern(title)}
        case Bytes(kind, content):
            return {"kind": kind, "content": content if content is not None else ""}
        case Like(name):
            return f"<{name}>"
        case dict():
            return {name: pattern(value) for name, value in expected.items()}
        case list() | tuple():
            return [pattern(value) for value in expected]
        case bool() | int() | float():
            return repr(expected)
    return expected


def standing(seen: Any) -> Any:
    """The headers of all answers in an observation, as far as they are compared between the servers."""
    if isinstance(seen, Answer):
        found: dict[str, Any] = {name: seen.header(name) for name in STANDING}
        # A stray parameter of the 0.8 series (contract, section 3.1).
        if found["www-authenticate"]:
            found["www-authenticate"] = found["www-authenticate"].replace('extra_attributes="{}", ', "")
        # trackgate keeps more of its answers out of caches, and tells caches of the web app's pages; where the
        # contract wants something of a cache, cases name it.
        if found["cache-control"] == "no-store" or seen.kind == "text/html":
            found["cache-control"] = None
        # Where to go may be told with or without the server's name (RFC 9110, section 10.2.2).
        if found["location"]:
            found["location"] = urlsplit(found["location"]).path
        found["kind"] = seen.kind if seen.body else ""
        allow = seen.header("allow")
        found["allow"] = sorted(word.strip() for word in allow.split(",")) if allow else None
        found["foreign"] = [name for name in FOREIGN if seen.header(name)]
        return found
    if isinstance(seen, (list, tuple)):
        return [standing(one) for one in seen]
    if isinstance(seen, dict):
        return {name: standing(one) for name, one in seen.items()}
    return None


def difference(wanted: Any, found: Any, path: str = "") -> str | None:
    """The first place where two reduced observations differ."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in sorted({*wanted, *found}):
            if name not in wanted or name not in found:
                return f"{path}.{name}: {'not expected' if name not in wanted else 'missing'}: {found.get(name)!r:.200}"
            if told := difference(wanted[name], found[name], f"{path}.{name}"):
                return told
        return None
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        all_told = (difference(one, other, f"{path}[{i}]") for i, (one, other) in pairs)
        return next((one for one in all_told if one), None)
    return None if wanted == found else f"{path}: {wanted!r:.240} expected, {found!r:.240} found"


def challenged(expected: Any) -> Any:
    """The same from a server that adds a challenge where the original has none (RFC 9110, section 15.5.2)."""
    if isinstance(expected, (list, tuple)):
        return [challenged(one) for one in expected]
    if isinstance(expected, Expected) and expected.headers.get("www-authenticate") is NO_CHALLENGE:
        return expected.with_headers(www_authenticate=OWN_CHALLENGE)
    return expected


def ok(**members: Any) -> Expected:
    return Expected(200, {"status": "success", **members})


def error(status: int, message: str, word: str = "error") -> Expected:
    return Expected(status, {"status": word, "message": message})


def e400(message: str = "invalid payload") -> Expected:
    return error(400, message)


def e401(message: str = PROVIDE_TOKEN) -> Expected:
    """A 401 of an end point, or by default the one for want of a token."""
    return error(401, message).with_headers(www_authenticate=NO_CHALLENGE if message == PROVIDE_TOKEN else None)


def e404(message: str) -> Expected:
    return error(404, message, "not found")


def page(status: int, title: str) -> Expected:
    return Expected(status, Page(f"{status} {title}"))


def created(body: Any) -> Expected:
    return Expected(201, body)


NO_CONTENT = Expected(204, EMPTY)
BAD_REQUEST = page(400, "Bad Request")
UNSUPPORTED = page(415, "Unsupported Media Type")
# Reason phrases do not matter (contract, section 1, row 10), nor do the titles made of them.
TOO_LARGE = Expected(413, Page(text_like("413", r"413 .+")))
METHOD_NOT_ALLOWED = page(405, "Method Not Allowed")
CRASH = page(500, "Internal Server Error")
E500 = error(500, "error, please try again or contact the administrator")
INDEX = Expected(200, Page("FitTrackee"))

DESCRIPTION = "The access token provided is expired, revoked, malformed, or invalid for other reasons."
CHALLENGE = f'Bearer error="invalid_token", error_description="{DESCRIPTION}"'
STRAY_CHALLENGE = CHALLENGE.replace("Bearer ", 'Bearer extra_attributes="{}", ')
# trackgate names every scheme that it takes (RFC 9110, section 11.6.1).
AMONG_OTHERS = Like("the challenge of section 3.1", lambda value: isinstance(value, str) and CHALLENGE in value)
NO_CHALLENGE = Like("no challenge", lambda value: value is None)
OWN_CHALLENGE = text_like("a challenge", r"Bearer\b.*")
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
E401O = Expected(
    401, {"error": "invalid_token", "error_description": DESCRIPTION}, {"www-authenticate": STRAY_CHALLENGE, **NO_STORE}
)
E403O = Expected(
    403,
    {
        "error": "insufficient_scope",
        "error_description": "The request requires higher privileges than provided by the access token.",
    },
    {"www-authenticate": NO_CHALLENGE, **NO_STORE},
)
E404D = Expected(404, {"status": "not found", "data": {"archive": []}, "message": "file not found"})


def dead_token(message: str = "invalid token, please log in again") -> Expected:
    """The union object of the contract's section 1, row 1."""
    body = {"status": "error", "message": message, "error": "invalid_token", "error_description": DESCRIPTION}
    return Expected(401, body, {"www-authenticate": AMONG_OTHERS, **NO_STORE})


def allowed(*methods: str) -> Like:
    """An `Allow` header of these methods in any order."""
    wanted = sorted(set(methods))
    fits = lambda value: isinstance(value, str) and sorted(word.strip() for word in value.split(",")) == wanted  # noqa: E731
    return Like(f"allow {' '.join(wanted)}", fits)
