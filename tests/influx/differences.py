"""Where trackgate answers otherwise than InfluxDB, case by case, and where that is written.

Parts of answers are named as in `view.view`; None is a header that is not there. Everything else is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from view import Like

Parts = Mapping[str, Any]

DIFFERENCES: dict[str, tuple[Parts, str]] = {}


def error(status: int, text: str, number: int = 1) -> dict[str, Any]:
    """A refusal of the n-th request with this text, where the original answered."""
    prefix = f"{number} " if number > 1 else ""
    body = f'{{"error":"{text}"}}\n'.replace("\\", "\\\\")
    parts = {"status": status, "body": body, "x-influxdb-error": text, "transfer-encoding": None}
    return {prefix + name: value for name, value in parts.items()}


def differ(why: str, differences: Mapping[str, Parts]) -> None:
    for name, parts in differences.items():
        if name in DIFFERENCES:
            raise ValueError(f"{name}: two differences")
        DIFFERENCES[name] = (parts, why)


FORBIDDEN = {"status": 403, "x-influxdb-error": "authorization failed"}
WRONG = (
    "wrong password",
    "empty password",
    "unknown user",
    "the right password with a byte more",
    "the password of another",
    "wrong u and p",
    "unknown u",
)
differ(
    "§1 row 3: wrong credentials are 403, as the seed says, without `compat`",
    {f"auth, {what}: {name}": FORBIDDEN for what in ("query", "write") for name in WRONG}
    | {"auth: public with another password": FORBIDDEN},
)
TWO = {"status": 400, "body": '{"error":"more than one credential"}\n', "x-influxdb-error": "more than one credential"}
READ, WROTE = {**TWO, "transfer-encoding": None}, TWO
differ(
    "DESIGN §4: two credentials that could disagree are a refusal before any scheme runs",
    {
        "auth, query: right header and right u and p": READ,
        "auth, write: right header and right u and p": WROTE,
        "auth, query: right header and wrong u and p": {**TWO, "www-authenticate": None},
        "auth, write: right header and wrong u and p": {**TWO, "www-authenticate": None},
        "auth, query: wrong header and right u and p": READ,
        "auth, write: wrong header and right u and p": WROTE,
        "auth, query: two lines, the same": READ,
        "auth, write: two lines, the same": WROTE,
        "auth, query: two lines, the second wrong": READ,
        "auth, write: two lines, the second wrong": WROTE,
    },
)
NAMED = {
    "status": 200,
    "www-authenticate": None,
    "transfer-encoding": "chunked",
    "body": Like(r'{"results":.*\[\[\d+,120\]\]}\]}\]}\n'),
}
STORED = {"status": 204, "www-authenticate": None, "body": ""}
differ(
    "DESIGN §4: one canonical account name",
    {
        "auth, query: the name in capitals": NAMED,
        "auth, query, compat: the name in capitals": NAMED,
        "auth, write: the name in capitals": STORED,
        "auth, write, compat: the name in capitals": STORED,
    },
)
UNPARSED = {"body": '{"error":"unable to parse authentication credentials"}\n'}
differ(
    "§3: what cannot be decoded counts as no credentials",
    {
        f"auth, {what}: bytes that are not UTF-8": UNPARSED
        for what in ("query", "write", "query, compat", "write, compat")
    },
)
differ(
    "§3: without a shared secret no JWT is a credential here",
    {f"auth, query: Bearer, {name}": UNPARSED for name in ("junk", "three parts of junk")},
)
differ(
    "§1 row 7: an unknown path is 404 with a JSON body",
    {
        f"methods: {method} {path}": {
            "body": '{"error":"not found"}\n',
            "content-type": "application/json",
            "x-content-type-options": None,
            "x-influxdb-build": None,
            "x-influxdb-version": None,
        }
        for method in ("GET", "POST")
        for path in ("/writefoo", "/queryfoo", "/api/v2/write", "/api/v2/query")
    },
)
ADMIN = "error authorizing query: {} not authorized to execute statement '{}', requires admin privilege"
UNSUPPORTED = "error parsing query: {} is not supported"
differ(
    "§7: what is outside the subset is refused",
    {
        "functions: SELECT MEAN(hr_bpm) FROM (SELECT hr_bpm FROM samples WHERE hr_bpm > 120)": error(
            400, UNSUPPORTED.format("SELECT in FROM")
        ),
        "show: SHOW MEASUREMENT CARDINALITY": error(400, UNSUPPORTED.format("SHOW MEASUREMENT CARDINALITY")),
        "show: SHOW SERIES CARDINALITY": error(400, UNSUPPORTED.format("SHOW SERIES CARDINALITY")),
        "show: SHOW CONTINUOUS QUERIES": error(403, ADMIN.format("tester", "SHOW CONTINUOUS QUERIES")),
    },
)
differ(
    "§7: CREATE, DROP, ALTER are for administrators; the original lets riders drop their policy and so all points",
    {
        "statements: DROP RETENTION POLICY of one's own, with all points": error(
            403, ADMIN.format("loser", "DROP RETENTION POLICY livetracking ON loser")
        )
    },
)
differ(
    "§7: there is no more to come; the original says `partial` of answers with over ten thousand rows",
    {f"formats: 25,000 rows, {name}": {"2 body": Like(r'(?!.*"partial").*')} for name in ("whole", "in reverse")},
)
differ(
    "SLIMIT counts series; the original does so in each shard, and loses some",
    {
        "select: SELECT km FROM track GROUP BY bike SLIMIT 2 SOFFSET 1": {
            "body": Like(r'.*{"bike":"mtb"}.*{"bike":"road"}.*')
        }
    },
)
differ(
    "§6: bytes of a body do not go into headers raw",
    {
        f"lines: {name}": {"x-influxdb-error": Like(text)}
        for name, text in {
            "bytes that are not UTF-8, as a name": r"unable to parse '\?\?': missing fields",
            "a NUL": r"unable to parse 'a\?b': missing fields",
        }.items()
    }
    | {
        "write: deflate is read as text": {"x-influxdb-error": Like(r"unable to parse 'x[ -~]+': missing fields")},
        "errors: SELECT größe FROM samples": {
            "x-influxdb-error": "error parsing query: found ??, expected FROM at line 1, char 10"
        },
    },
)
differ(
    "RFC 9112 §9.3: the connection may stay, or end without being told",
    {"write: large and without credentials": {"connection": None}},
)
differ(
    "RFC 9112 §6: a body of known length may say it",
    {name: {"transfer-encoding": None} for name in ("write: many bad lines", "lines: bad, a long line")},
)
differ(
    "RFC 9110 §12.4.2: q=0 is no",
    {
        "formats: Accept-Encoding: gzip;q=0": {"content-encoding": None},
    },
)
NO_JSON = "error parsing query parameters: key must be a string at line 1 column 2"
differ(
    "§7: another parser of JSON words it otherwise",
    {"parameters: params of no JSON": {"body": f'{{"error":"{NO_JSON}"}}\n', "x-influxdb-error": NO_JSON}},
)
REDACTED = "error parsing query: found [REDACTED], expected string at line 1, char 30"
differ(
    "§7: a password is hidden in a broken statement too",
    {
        "errors: CREATE USER eve WITH PASSWORD 'secret secret": {
            "body": f'{{"error":"{REDACTED}"}}\n',
            "x-influxdb-error": REDACTED,
        }
    },
)
differ(
    "an answer's id is the gateway's own, for its log is found by it",
    {
        f"ping: {header} of the client": {"request-id": "<uuid>", "x-request-id": "<the same>"}
        for header in ("Request-Id", "X-Request-Id")
    },
)
