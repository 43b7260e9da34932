"""Section 2.1: what a request body may be."""

from __future__ import annotations

from case import case, post, send, steps
from expect import BAD_REQUEST, CRASH, METHOD_NOT_ALLOWED, TOO_LARGE, UNSUPPORTED, e400, e401
from objects import (
    ACCOUNT,
    CONFIRM,
    EDIT,
    EMAIL_UPDATE,
    LOGIN,
    PASSWORD_UPDATE,
    POLICY,
    PREFERENCES,
    PROFILE,
    REGISTER,
    RESEND,
    RESET_REQUEST,
    SPORTS,
)
from side import Side
from wire import Answer, json_body, raw_body

READER = "reader"
UNKNOWN = {"email": "nobody@example.org", "password": "wrong password"}
REFUSED = e401("invalid credentials")
LOGIN_TEXT = b'{"email": "nobody@example.org", "password": "wrong password"}'

# Every end point that reads JSON, and who must ask.
READING = {
    REGISTER: None,
    CONFIRM: None,
    RESEND: None,
    LOGIN: None,
    RESET_REQUEST: None,
    PASSWORD_UPDATE: None,
    EMAIL_UPDATE: None,
    EDIT: READER,
    PREFERENCES: READER,
    SPORTS: READER,
    POLICY: READER,
}

for kind in (
    "application/json",
    "APPLICATION/JSON; charset=latin1",
    "application/vnd.api+json",
    "application/x+JSON;v=2",
):
    case(f"2.1 type {kind} is JSON", send("POST", LOGIN, json_body(UNKNOWN, kind)), REFUSED)
for kind in ("text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonx", "*/*"):
    case(f"2.1 type {kind} is not", send("POST", LOGIN, json_body(UNKNOWN, kind)), UNSUPPORTED)
case("2.1 no type", send("POST", LOGIN, raw_body(LOGIN_TEXT, None)), UNSUPPORTED)

BROKEN = {
    "empty": b"",
    "blank": b" \n",
    "cut short": b'{"email": "a',
    "followed by more": b"{} {}",
    "of single quotes": b"{'email': 'a'}",
    "not UTF-8": b'{"email": "\xff\xfe\xfd"}',
}
for what, content in BROKEN.items():
    case(f"2.1 body {what}", send("POST", LOGIN, raw_body(content)), BAD_REQUEST)

ENCODED = {
    "UTF-8 with a mark": b"\xef\xbb\xbf" + LOGIN_TEXT,
    "UTF-16 with a mark": LOGIN_TEXT.decode().encode("utf-16"),
    "UTF-16, little end first, no mark": LOGIN_TEXT.decode().encode("utf-16-le"),
    "UTF-16, big end first, no mark": LOGIN_TEXT.decode().encode("utf-16-be"),
}
for what, content in ENCODED.items():
    case(f"2.1 body in {what}", send("POST", LOGIN, raw_body(content)), REFUSED)

for text in ("{}", "[]", '""', "0", "false", "null"):
    case(f"2.1 document {text} is falsy", send("POST", LOGIN, raw_body(text.encode())), e400())
for text in ("[1]", '"x"', "5", "true", "-0.5"):
    case(
        f"2.1 document {text} is no object",
        send("POST", LOGIN, raw_body(text.encode())),
        CRASH,
        e400(),
        "§1 row 13, §2.1",
    )

case("2.1 unknown members are ignored", post(LOGIN, {**UNKNOWN, "username": 5, "x": [{}], "language": None}), REFUSED)
case(
    "2.1 NaN is a number",
    send("POST", LOGIN, raw_body(LOGIN_TEXT[:-1] + b', "x": NaN}')),
    REFUSED,
    BAD_REQUEST,
    "RFC 8259 §6: NaN is none",
)
case(
    "2.1 the last of duplicate keys wins",
    send("POST", LOGIN, raw_body(b'{"password": null, "email": 7, ' + LOGIN_TEXT[1:])),
    REFUSED,
)

for path, user in READING.items():
    case(f"2.1 {path} with an empty object", post(path, {}, user), e400())
    case(f"2.1 {path} with no JSON", send("POST", path, raw_body(b"a=b", "text/plain"), user), UNSUPPORTED)
    case(f"2.1 {path} with broken JSON", send("POST", path, raw_body(b"{"), user), BAD_REQUEST)
    # The sports end point looks for its members before it takes them for an object's.
    if path == SPORTS:
        case(f"2.1 {path} with a list", post(path, ["x"], user), e400())
    elif path != LOGIN:
        case(f"2.1 {path} with a list", post(path, ["x"], user), CRASH, e400(), "§1 row 13")
case("2.1 account with an empty object", send("PATCH", ACCOUNT, json_body({}), READER), e400())
case("2.1 account with no JSON", send("PATCH", ACCOUNT, raw_body(b"a=b", "text/plain"), READER), UNSUPPORTED)
case("2.1 account with broken JSON", send("PATCH", ACCOUNT, raw_body(b"{"), READER), BAD_REQUEST)
case("2.1 account with a list", send("PATCH", ACCOUNT, json_body(["x"]), READER), CRASH, e400(), "§1 row 13")


@steps("2.1 JSON over 10 485 760 bytes", TOO_LARGE)
def too_large(side: Side) -> Answer:
    return side.post(LOGIN, {**UNKNOWN, "x": "x" * 10_485_760})


@steps("2.1 JSON a little under the limit", REFUSED)
def large(side: Side) -> Answer:
    return side.post(LOGIN, {**UNKNOWN, "x": "x" * (10_485_760 - 200)})


case("2.1 the token is asked for before the type", send("POST", EDIT, raw_body(b"x", "text/plain")), e401())
case("2.1 the token is asked for before the fields", post(EDIT, {}), e401())
case("2.1 the method comes before the token", send("PUT", PROFILE), METHOD_NOT_ALLOWED)
