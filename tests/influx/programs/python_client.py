"""PyPI influxdb at work with one server; prints each check's name and what the client made of it.

Finds the server and the account in PORT, ACCOUNT and PASSWORD, a time in seconds in BASE.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

from influxdb import InfluxDBClient, SeriesHelper  # type: ignore[import-untyped]
from influxdb.exceptions import InfluxDBClientError, InfluxDBServerError  # type: ignore[import-untyped]

PORT, ACCOUNT, PASSWORD = int(os.environ["PORT"]), os.environ["ACCOUNT"], os.environ["PASSWORD"]
BASE = int(os.environ["BASE"])


def client(password: str = PASSWORD, database: str = ACCOUNT, **how: Any) -> Any:
    return InfluxDBClient("127.0.0.1", PORT, ACCOUNT, password, database, timeout=20, retries=1, **how)


def check(name: str, step: Callable[[], Any]) -> None:
    try:
        seen = step()
    except (InfluxDBClientError, InfluxDBServerError) as failure:
        seen = f"{type(failure).__name__} {getattr(failure, 'code', '')}: {failure}"
    except Exception as failure:
        seen = f"{type(failure).__name__}: {failure}".replace(f":{PORT}", ":PORT")
    print(f"{name}\t{json.dumps(seen, ensure_ascii=False, sort_keys=True)}", flush=True)


def raw(result: Any) -> Any:
    """What a query gave, as the client holds it; chunks come one by one."""
    return result.raw if hasattr(result, "raw") else [one.raw for one in result]


POINTS = [
    {
        "measurement": "ride",
        "tags": {"bike": "road"},
        "time": BASE + n,
        "fields": {"hr_bpm": 120.5 + n, "n": n, "s": "a b"},
    }
    for n in range(12)
]
TEXT = [{"measurement": "texts", "time": f"2026-01-01T00:00:0{n}Z", "fields": {"f": n}} for n in range(2)]
plain, zipped = client(), client(gzip=True)
as_json = client(headers={"Content-Type": "application/json", "Accept": "application/json"})
SELECT = "SELECT * FROM ride"


class Helper(SeriesHelper):  # type: ignore[misc]
    """A helper of the client that collects points."""

    class Meta:
        """What it writes."""

        client = plain
        series_name = "helped"
        fields = ["f"]
        tags = ["t"]


def helped() -> Any:
    Helper(t="x", f=1.5)
    Helper(t="y", f=2.5)
    Helper.commit()
    return [row["f"] for row in plain.query("SELECT f FROM helped").get_points()]


check("ping", lambda: re.fullmatch(r"1\.6\.7(~rc0)?", plain.ping()) is not None)
check("write_points, seconds", lambda: plain.write_points(POINTS, time_precision="s"))
check(
    "write_points, tags and batches",
    lambda: plain.write_points(POINTS, time_precision="s", tags={"all": "x"}, batch_size=5),
)
check(
    "write_points, milliseconds",
    lambda: plain.write_points([{**POINTS[0], "time": BASE * 1000 + 500}], time_precision="ms"),
)
check(
    "write_points, the named policy",
    lambda: plain.write_points(POINTS, time_precision="s", retention_policy="livetracking"),
)
check("write_points, consistency", lambda: plain.write_points(POINTS, time_precision="s", consistency="one"))
check("write_points, unknown policy", lambda: plain.write_points(POINTS, time_precision="s", retention_policy="nope"))
check("write_points, too old", lambda: plain.write_points(TEXT))
check("write_points, gzip", lambda: zipped.write_points([{**POINTS[0], "measurement": "zipped"}], time_precision="s"))
line = f"lines,t=x f=1 {BASE}000000000\nlines f=2,g=3i {BASE}000000001"
check("write_points, lines", lambda: plain.write_points(line.split("\n"), protocol="line"))
check("write, one line", lambda: plain.write(line.split("\n")[0], {"db": ACCOUNT}, protocol="line"))
check("write, a bad line", lambda: plain.write_points(["nonsense"], protocol="line"))
check("write, another type", lambda: plain.write_points([f"lines f=t {BASE}000000000"], protocol="line"))
check("a helper", helped)
check("query", lambda: raw(plain.query(SELECT)))
check("query, seconds", lambda: raw(plain.query(SELECT, epoch="s")))
check("query, JSON", lambda: raw(as_json.query(SELECT)))
check("query, gzip", lambda: raw(zipped.query("SELECT f FROM lines", epoch="ns")))
check("query, POST", lambda: raw(plain.query("SELECT f FROM lines", epoch="ns", method="POST")))
check(
    "query, points",
    lambda: list(plain.query("SELECT hr_bpm FROM ride GROUP BY bike", epoch="s").get_points(tags={"bike": "road"})),
)
check("query, two statements", lambda: raw(plain.query("SELECT f FROM lines; SHOW DATABASES", epoch="ns")))
check(
    "query, aggregates",
    lambda: raw(
        plain.query(
            f"SELECT MEAN(hr_bpm) FROM ride WHERE time >= {BASE}s AND time < {BASE + 12}s GROUP BY time(4s)", epoch="s"
        )
    ),
)
check("query, chunked", lambda: raw(plain.query(SELECT, epoch="s", chunked=True, chunk_size=5)))
check("query, chunked JSON", lambda: raw(as_json.query(SELECT, epoch="s", chunked=True, chunk_size=5)))
check(
    "query, bound",
    lambda: raw(
        plain.query("SELECT n FROM ride WHERE n > $n AND bike = $b", bind_params={"n": 8, "b": "road"}, epoch="s")
    ),
)
check("query, bound, missing", lambda: raw(plain.query("SELECT n FROM ride WHERE n > $n", bind_params={"x": 8})))
check("query, nothing found", lambda: raw(plain.query("SELECT * FROM nothing")))
check("query, a syntax error", lambda: raw(plain.query("SELECT FROM")))
check("query, an error that runs", lambda: raw(plain.query("SELECT badfunc(f) FROM lines")))
check("query, another database", lambda: raw(plain.query("SELECT * FROM samples", database="other")))
check("get_list_database", lambda: plain.get_list_database())
check("get_list_measurements", lambda: plain.get_list_measurements())
check("get_list_series", lambda: plain.get_list_series())
check("get_list_series, of one", lambda: plain.get_list_series(measurement="lines", tags={"t": "x"}))
check("get_list_retention_policies", lambda: plain.get_list_retention_policies())
check("get_list_users", lambda: plain.get_list_users())
check("get_list_privileges", lambda: plain.get_list_privileges(ACCOUNT))
check("create_database", lambda: plain.create_database("mine"))
check("create_user", lambda: plain.create_user("eve", "secret secret"))
check("drop_measurement", lambda: plain.drop_measurement("lines"))
check("wrong password, write", lambda: client("wrong horse").write_points(POINTS, time_precision="s"))
check("wrong password, query", lambda: raw(client("wrong horse").query(SELECT)))
check("wrong password, ping", lambda: client("wrong horse").ping() is not None)
check("unknown database, write", lambda: client(database="nodb").write_points(POINTS, time_precision="s"))
check("no database", lambda: client(database="").write_points(POINTS, time_precision="s"))
check(
    "from_dsn",
    lambda: InfluxDBClient.from_dsn(f"influxdb://{ACCOUNT}:{PASSWORD}@127.0.0.1:{PORT}/{ACCOUNT}").get_list_database(),
)
