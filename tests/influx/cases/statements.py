"""Section 7: several statements in one request, and those that change something."""

from __future__ import annotations

from case import Pin, case
from cases.build import asking, query
from moment import fill
from original import PASSWORD, PUBLIC, PUBLIC_PASSWORD
from request import Request, basic
from side import query_request, write

ONE = "SELECT hr_bpm FROM samples LIMIT 1"


def several(text: str, rows: int) -> None:
    case(f"statements: {text}", query(text, epoch="ns"), Pin(200, rows=rows))


several(f"{ONE}; {ONE}", 2)
several(f"{ONE};{ONE};", 2)
several(f"{ONE}; SELECT nothing FROM samples; SHOW DATABASES", 2)
several(f"SELECT nothing FROM samples; SELECT * FROM nothing; {ONE}", 1)
several(f";;{ONE};;", 1)
several(f"{ONE}\n;\n{ONE}", 2)
several("; ".join([ONE] * 40), 40)
case("statements: ; alone", query(";"), Pin(200, text="{}\n"))
several(f"{ONE}; SELECT badfunc(hr_bpm) FROM samples; {ONE}", 1)
several(f"SELECT badfunc(hr_bpm) FROM samples; {ONE}", 0)
several(f"{ONE}; SELECT badfunc(hr_bpm) FROM samples", 1)
several(f"{ONE}; SELECT MEAN(hr_bpm), lat FROM samples; {ONE}; {ONE}", 1)
case(
    "statements: a syntax error in the last",
    query(f"{ONE}; {ONE}; SELECT"),
    Pin(400, error="error parsing query: found EOF, expected identifier, string, number, bool at line 1, char 80"),
)
case(
    "statements: one of another's",
    query(f"{ONE}; SELECT * FROM other..samples; {ONE}"),
    Pin(
        403,
        error="error authorizing query: tester not authorized to execute statement "
        "'SELECT * FROM other..samples', requires READ on other",
    ),
)
case(
    "statements: an admin's in the middle",
    query(f"{ONE}; SHOW USERS; {ONE}"),
    Pin(
        403,
        error="error authorizing query: tester not authorized to execute statement 'SHOW USERS', "
        "requires admin privilege",
    ),
)

for statement in (
    'CREATE DATABASE "mine"',
    'DROP DATABASE "tester"',
    "CREATE USER eve WITH PASSWORD 'secret secret'",
    "CREATE USER eve WITH PASSWORD 'secret secret' WITH ALL PRIVILEGES",
    "SET PASSWORD FOR tester = 'secret secret'",
    "DROP USER other",
    "GRANT ALL PRIVILEGES TO tester",
    "GRANT ALL ON other TO tester",
    "REVOKE ALL ON tester FROM public",
    'CREATE RETENTION POLICY "forever" ON "tester" DURATION INF REPLICATION 1 DEFAULT',
    'ALTER RETENTION POLICY "livetracking" ON "tester" DURATION 1w',
    "DROP MEASUREMENT samples",
    "KILL QUERY 1",
    "CREATE SUBSCRIPTION s ON tester.livetracking DESTINATIONS ALL 'udp://example.org:1'",
    "DROP SHARD 1",
):
    by_post = Request("POST", "/query", {"db": "tester", "q": statement}, basic("tester", PASSWORD))
    case(f"statements: {statement}", asking(by_post), Pin(403))

case(
    "statements: DROP RETENTION POLICY of one's own, with all points",
    asking(
        Request(
            "POST",
            "/query",
            {"db": "loser", "q": 'DROP RETENTION POLICY "livetracking" ON "loser"'},
            basic("loser", PASSWORD),
        )
    ),
    Pin(200),
)
case(
    "statements: public may not delete",
    asking(Request("POST", "/query", {"db": "tester", "q": "DELETE FROM samples"}, basic(PUBLIC, PUBLIC_PASSWORD))),
    Pin(403),
)
LINES = "gone{n},a=x f=1 {t}\ngone{n},a=y f=2 {t}\ngone{n},a=x f=3 {m1}\ngone{n},a=x f=4 {h1}"


def changed(number: int, name: str, statement: str, rows: int, method: str = "POST") -> None:
    """A changing statement between a write and a look, on a measurement of its own."""
    own = [fill(text.replace("{n}", str(number))) for text in (LINES, statement, "SELECT * FROM gone{n}")]
    change = Request(method, "/query", {"db": "tester", "q": own[1]}, basic("tester", PASSWORD))
    look = query_request(own[2], epoch="ns")
    case(f"statements: {name}", asking(write(own[0]), change, look), [Pin(204), Pin(200), Pin(200, rows=rows)])


changed(1, "DELETE before a time", "DELETE FROM gone{n} WHERE time < {m1}", 2)
changed(2, "DELETE of a tag", "DELETE FROM gone{n} WHERE a = 'x'", 1)
changed(3, "DELETE of a range", "DELETE FROM gone{n} WHERE time >= {m1} AND time <= {h1}", 2)
changed(4, "DELETE of a measurement that is not there", "DELETE FROM nothing", 4)
changed(5, "DELETE all", "DELETE FROM gone{n}", 0)
changed(6, "DELETE by GET", "DELETE FROM gone{n} WHERE time < {m1}", 2, "GET")
changed(7, "SELECT INTO", "SELECT * INTO copied{n} FROM gone{n} GROUP BY *", 4)
