"""Section 3: who may ask."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from case import Pin, case
from cases.build import asking
from moment import fill
from original import PASSWORD, PUBLIC, PUBLIC_PASSWORD
from request import FORM, Request, basic

CHALLENGE = {"www-authenticate": 'Basic realm="Protected"'}
UNPARSED = "unable to parse authentication credentials"
READ = {"db": "tester", "q": "SELECT hr_bpm FROM samples LIMIT 1", "epoch": "ns"}
GOOD = {"u": "tester", "p": PASSWORD}
WRONG = {"u": "tester", "p": "wrong horse"}


def header(value: str) -> dict[str, str]:
    return {"Authorization": value}


def coded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def both(
    name: str,
    pin: Pin,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    variant: str = "plain",
) -> None:
    """The same credentials at `/query` and at `/write`."""
    more, lines = dict(query or {}), dict(headers or {})
    said = "" if variant == "plain" else f", {variant}"
    read = Request("GET", "/query", {**READ, **more}, lines)
    case(f"auth, query{said}: {name}", asking(read), pin, variant)
    put = Request("POST", "/write", {"db": "tester", **more}, lines, fill("auth f=1 {t}").encode())
    written = Pin(204, text="") if pin.status == 200 else pin
    case(f"auth, write{said}: {name}", asking(put), written, variant)


def refused(
    name: str, error: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> None:
    both(name, Pin(401, error=error, headers=CHALLENGE), query, headers)


def failed(name: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> None:
    """Credentials that are read, and wrong: what `compat` is about."""
    pin = Pin(401, error="authorization failed", headers=CHALLENGE)
    both(name, pin, query, headers)
    both(name, pin, query, headers, "compat")


def good(name: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> None:
    both(name, Pin(200), query, headers)


refused("none", UNPARSED)
refused("an empty header", UNPARSED, headers=header(""))
refused("the scheme alone", UNPARSED, headers=header("Basic"))
refused("no base64", UNPARSED, headers=header("Basic ***"))
refused("no colon", UNPARSED, headers=header(f"Basic {coded('tester')}"))
refused("Digest", UNPARSED, headers=header('Digest username="tester"'))
refused("Token", UNPARSED, headers=header(f"Token tester:{PASSWORD}"))
refused("u alone", UNPARSED, {"u": "tester"})
refused("p alone", UNPARSED, {"p": PASSWORD})
refused("u and an empty p", UNPARSED, {"u": "tester", "p": ""})
refused("an empty user", "username required", headers=basic("", PASSWORD))

failed("wrong password", headers=basic("tester", "wrong horse"))
failed("empty password", headers=basic("tester", ""))
failed("unknown user", headers=basic("nobody", PASSWORD))
failed("the name in capitals", headers=basic("TESTER", PASSWORD))
failed("the right password with a byte more", headers=basic("tester", PASSWORD + "x"))
failed("the password of another", headers=basic("tester", PUBLIC_PASSWORD))
failed("bytes that are not UTF-8", headers=header(f"Basic {coded(b'tester:' + bytes([255, 254]))}"))
failed("wrong u and p", WRONG)
failed("unknown u", {"u": "nobody", "p": PASSWORD})

good("right", headers=basic("tester", PASSWORD))
good("the scheme in small letters", headers=header(f"basic {coded(f'tester:{PASSWORD}')}"))
good("the scheme in capitals", headers=header(f"BASIC {coded(f'tester:{PASSWORD}')}"))
good("u and p", GOOD)

both("right header and right u and p", Pin(200), GOOD, basic("tester", PASSWORD))
both("right header and wrong u and p", Pin(401, error="authorization failed"), WRONG, basic("tester", PASSWORD))
both("wrong header and right u and p", Pin(200), GOOD, basic("tester", "wrong horse"))
both("header and u alone", Pin(200), {"u": "tester"}, basic("tester", PASSWORD))

# Two lines of the header, for names of a request are kept as they are written.
both(
    "two lines, the same",
    Pin(200),
    None,
    {**basic("tester", PASSWORD), "authorization": basic("tester", PASSWORD)["Authorization"]},
)
both(
    "two lines, the second wrong",
    Pin(200),
    None,
    {**basic("tester", PASSWORD), "authorization": basic("tester", "wrong horse")["Authorization"]},
)

form = b"u=tester&p=correct+horse&" + b"q=SHOW+DATABASES"
case(
    "auth, query: u and p in a form do not count",
    asking(Request("POST", "/query", {}, {"Content-Type": FORM}, form)),
    Pin(401, error=UNPARSED, headers=CHALLENGE),
)

# `public` reads all and writes nothing.
AS_PUBLIC = basic(PUBLIC, PUBLIC_PASSWORD)
for who in ("tester", "other"):
    case(
        f"auth: public reads {who}",
        asking(Request("GET", "/query", {**READ, "db": who}, AS_PUBLIC)),
        Pin(200, rows=1),
    )
    case(
        f"auth: public writes {who}",
        asking(Request("POST", "/write", {"db": who}, AS_PUBLIC, b"auth f=1")),
        Pin(403, error=f'"public" user is not authorized to write to database "{who}"'),
    )
case(
    "auth: public by u and p",
    asking(Request("GET", "/query", {**READ, "u": PUBLIC, "p": PUBLIC_PASSWORD})),
    Pin(200, rows=1),
)
case(
    "auth: public with another password",
    asking(Request("GET", "/query", READ, basic(PUBLIC, PASSWORD))),
    Pin(401, error="authorization failed"),
)
OTHERS = "error authorizing query: tester not authorized to execute statement '{}', requires READ on other"
case(
    "auth: a rider reads another",
    asking(Request("GET", "/query", {**READ, "db": "other"}, basic("tester", PASSWORD))),
    Pin(403, error=OTHERS.format("SELECT hr_bpm FROM samples LIMIT 1")),
)
case(
    "auth: a rider writes another",
    asking(Request("POST", "/write", {"db": "other"}, basic("tester", PASSWORD), b"auth f=1")),
    Pin(403, error='"tester" user is not authorized to write to database "other"'),
)
case(
    "auth: HEAD, GET and OPTIONS without credentials",
    asking(Request("HEAD", "/query"), Request("GET", "/write"), Request("OPTIONS", "/query")),
    [Pin(405), Pin(405), Pin(200)],
)
for path in ("/write", "/query"):
    case(f"auth: no credentials, nothing else at {path}", asking(Request("POST", path)), Pin(401, error=UNPARSED))

BEARER = {
    "junk": ("Bearer junk", "token contains an invalid number of segments"),
    "three parts of junk": ("Bearer a.b.c", "illegal base64 data at input byte 1"),
}
for name, (value, told) in BEARER.items():
    case(
        f"auth, query: Bearer, {name}",
        asking(Request("GET", "/query", READ, header(value))),
        Pin(401, error=told, headers=CHALLENGE),
    )
