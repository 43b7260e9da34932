"""Section 6: `/write`."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

from case import Pin, case
from cases.build import asking, stored
from moment import BASE, HOUR, MINUTE, SECOND, fill
from original import PASSWORD
from request import FORM, Request, basic
from side import query_request, write

DONE = Pin(204, text="", headers={"content-type": "application/json"})
TESTER = basic("tester", PASSWORD)


def refused(name: str, request: Request, status: int, error: str) -> None:
    case(f"write: {name}", asking(request), Pin(status, error=error))


LINE = fill("w0 f=1 {t}")
case("write: one point", stored(LINE, "w0"), [DONE, Pin(200, rows=1)])
for name, body in {
    "an empty body": "",
    "a blank line": "\n",
    "blank lines": "\n\n  \n",
    "a comment": "# nothing",
    "comments and blank lines": "# a\n\n#b\n",
}.items():
    case(f"write: {name}", asking(write(body)), DONE)
for measurement, name, body in (
    ("w1", "points after comments", "# a\nw1 f=1 {t}\n\n#b\nw1 f=2 {m1}\n"),
    ("w1a", "no newline at the end", "w1a f=1 {t}\nw1a f=2 {m1}"),
    ("w1b", "points out of order", "w1b f=2 {m1}\nw1b f=1 {t}\nw1b f=3 {h1}"),
    ("w1c", "the same point twice", "w1c f=1 {t}\nw1c f=2 {t}"),
    ("w1d", "fields of one point in two lines", "w1d a=1,b=2 {t}\nw1d b=3,c=4 {t}"),
    ("w1e", "other tags are another point", "w1e,x=1 f=1 {t}\nw1e,x=2 f=2 {t}\nw1e f=3 {t}"),
):
    case(f"write: {name}", stored(body, measurement), [DONE, Pin(200)])

refused("no db", Request("POST", "/write", {}, TESTER, b"a b=1"), 400, "database is required")
refused("an empty db", write("a b=1", db=""), 400, "database is required")
refused("unknown db", write("a b=1", db="nodb"), 404, 'database not found: "nodb"')
refused("unknown db with a quote", write("a b=1", db='no"db'), 404, 'database not found: "no\\"db"')
refused("unknown db, public", write("a b=1", "public", db="nodb"), 404, 'database not found: "nodb"')
refused(
    "db of another", write("a b=1", db="other"), 403, '"tester" user is not authorized to write to database "other"'
)
refused(
    "db of another before a bad body",
    write("nonsense", db="other"),
    403,
    '"tester" user is not authorized to write to database "other"',
)
refused("unknown rp", write(LINE, rp="nope"), 500, "retention policy not found: nope")
for word in ("one", "any", "all", "quorum", "ONE", ""):
    case(f"write: consistency={word}", asking(write(LINE, consistency=word)), DONE)
refused("bad consistency", write(LINE, consistency="two"), 400, "invalid consistency level")
for word in ("", "livetracking"):
    case(f"write: rp={word}", asking(write(LINE, rp=word)), DONE)

UNITS = {"ns": 1, "n": 1, "": 1, "u": 1000, "ms": 1_000_000, "s": SECOND, "m": MINUTE, "h": HOUR}
for number, (word, unit) in enumerate(UNITS.items()):
    line = f"p{number} f=1 {(BASE + HOUR) // unit}\np{number} f=2 {(BASE + 2 * HOUR) // unit}"
    case(f"write: precision={word}", stored(line, f"p{number}", precision=word), [DONE, Pin(200, rows=2)])
BEYOND = "partial write: points beyond retention policy dropped=1"
for word in ("us", "x", "S", "d"):
    refused(f"precision={word} is read as ns", write(f"p f=1 {BASE // SECOND}", precision=word), 400, BEYOND)
case("write: precision=x with ns", stored("p9 f=1 {t}", "p9", precision="x"), [DONE, Pin(200, rows=1)])

for kind in (FORM, "application/json", "application/octet-stream", "text/plain", "", "multipart/form-data; boundary=x"):
    name = f"t{len(kind)}"
    request = replace(write(fill(f"{name} f=1 {{t}}")), headers={**TESTER, "Content-Type": kind})
    look = query_request(f"SELECT * FROM {name}", epoch="ns")
    case(f"write: Content-Type: {kind}", asking(request, look), [DONE, Pin(200, rows=1)])

MANY = "".join(f"many,n={n % 3} f={n} {BASE + n * SECOND}\n" for n in range(300)).encode()
COUNT = query_request("SELECT COUNT(f), SUM(f) FROM many GROUP BY n", epoch="ns")
case("write: 300 lines", asking(write(MANY), COUNT), [DONE, Pin(200, rows=3)])
CHUNKED = replace(write(MANY.replace(b"many", b"chunks")), chunks=1000)
case(
    "write: chunked",
    asking(CHUNKED, query_request("SELECT COUNT(f) FROM chunks", epoch="ns")),
    [DONE, Pin(200, rows=1)],
)


def zipped(body: bytes) -> Request:
    return write(gzip.compress(body)).with_headers(Content_Encoding="gzip")


case(
    "write: gzip",
    asking(zipped(MANY.replace(b"many", b"zipped")), query_request("SELECT COUNT(f) FROM zipped", epoch="ns")),
    [DONE, Pin(200, rows=1)],
)
case(
    "write: gzip, chunked",
    asking(
        replace(zipped(MANY.replace(b"many", b"both")), chunks=500),
        query_request("SELECT COUNT(f) FROM both", epoch="ns"),
    ),
    [DONE, Pin(200, rows=1)],
)
case("write: Expect: 100-continue", asking(write(LINE).with_headers(Expect="100-continue")), DONE)
case("write: gzip of nothing", asking(zipped(b"")), DONE)
case(
    "write: gzip of two members",
    asking(
        write(gzip.compress(fill("g2 f=1 {t}\n").encode()) + gzip.compress(fill("g2 f=2 {m1}").encode())).with_headers(
            Content_Encoding="gzip"
        ),
        query_request("SELECT * FROM g2", epoch="ns"),
    ),
    [DONE, Pin(200, rows=2)],
)
refused("gzip that is none", write(LINE).with_headers(Content_Encoding="gzip"), 400, "gzip: invalid header")
case("write: gzip, an empty body", asking(write("").with_headers(Content_Encoding="gzip")), Pin(400))
CUT = gzip.compress(MANY)[:-12]
case("write: gzip that is cut off", asking(write(CUT).with_headers(Content_Encoding="gzip")), Pin(400))
case(
    "write: gzip with bad lines",
    asking(zipped(b"nonsense")),
    Pin(400, error="unable to parse 'nonsense': missing fields"),
)
DEFLATED = write(zlib.compress(b"nonsense")).with_headers(Content_Encoding="deflate")
case("write: deflate is read as text", asking(DEFLATED), Pin(400))
case(
    "write: Content-Encoding: identity",
    asking(write(LINE).with_headers(Content_Encoding="identity")),
    DONE,
)
LIMIT = 25_000_000
PADDED = b"#" * (LIMIT - 1) + b"\n"
TOO_LARGE = Pin(413, error="Request Entity Too Large", headers={"connection": "close"})
case("write: the largest body", asking(write(PADDED)), DONE)
case("write: a byte more", asking(write(b"#" + PADDED)), TOO_LARGE)
case("write: a byte more, declared alone", asking(replace(write(b""), declared=LIMIT + 1)), TOO_LARGE)
case(
    "write: a byte more, chunked",
    asking(replace(write(b"#" + PADDED), chunks=1_000_000)),
    Pin(413, error="Request Entity Too Large"),
)
case("write: large and of another", asking(replace(write(b"", db="other"), declared=LIMIT + 1)), Pin(403))
case("write: large and without credentials", asking(replace(write(b"", None), declared=LIMIT + 1)), Pin(401))

case("write: every line bad", asking(write("samples")), Pin(400, error="unable to parse 'samples': missing fields"))
case(
    "write: two bad lines",
    asking(write("one\ntwo")),
    Pin(400, error="unable to parse 'one': missing fields\nunable to parse 'two': missing fields"),
)
case("write: many bad lines", asking(write("\n".join(f"bad{n}" for n in range(200)))), Pin(400))
case(
    "write: a bad line among good ones, which are stored",
    stored("p10 f=1 {t}\nsamples hr_bpm=\np10 f=2 {m1}", "p10"),
    [
        Pin(400, error="partial write: unable to parse 'samples hr_bpm=': missing field value dropped=0"),
        Pin(200, rows=2),
    ],
)
case(
    "write: another type",
    stored("p11 f=1 {t}\np11 f=2i {m1}\np11 f=3 {m2}", "p11"),
    [
        Pin(
            400,
            error='partial write: field type conflict: input field "f" on measurement "p11" is type integer, '
            "already exists as type float dropped=1",
        ),
        Pin(200, rows=2),
    ],
)
for number, (first, second) in enumerate(
    (("1i", "1"), ("1i", "true"), ("t", '"x"'), ('"x"', "1i"), ("1", '"x"'), ("1", "f"))
):
    name = f"c{number}"
    case(
        f"write: {first}, then {second}",
        asking(
            write(fill(f"{name} f={first} {{t}}")),
            write(fill(f"{name} f={second} {{m1}}")),
            query_request(f"SELECT * FROM {name}", epoch="ns"),
        ),
        [DONE, Pin(400), Pin(200, rows=1)],
    )
case(
    "write: another type beside a good field",
    stored("p12 f=1,g=1 {t}\np12 f=2i,g=2,h=5 {m1}", "p12"),
    [Pin(400), Pin(200)],
)
case(
    "write: too old, the others are stored",
    stored("p13 f=1 {old}\np13 f=2 {t}", "p13"),
    [Pin(400, error=BEYOND), Pin(200, rows=1)],
)
case("write: three too old", asking(write(fill("p14 f=1 {old}\np14 f=2 1\np14 f=3 1434055562000000000"))), Pin(400))
case(
    "write: too old and a bad line",
    stored("p15 f=1 {old}\np15 f=\np15 f=2 {t}", "p15"),
    [Pin(400), Pin(200, rows=1)],
)
case(
    "write: too old and another type",
    stored("p16 f=1 {t}\np16 f=2i {m1}\np16 f=3 {old}", "p16"),
    [Pin(400), Pin(200, rows=1)],
)
case(
    "write: a tag named time",
    asking(write(fill("samples,time=x f=1 {t}"))),
    Pin(
        400,
        error='partial write: invalid tag key: input tag "time" on measurement "samples" is invalid dropped=1',
    ),
)
case(
    "write: the future",
    stored("p17 f=1 {future}".replace("{future}", str(BASE + 5 * HOUR)), "p17"),
    [DONE, Pin(200, rows=1)],
)
case("write: db twice", asking(Request("POST", "/write", "db=tester&db=other", TESTER, LINE.encode())), DONE)
