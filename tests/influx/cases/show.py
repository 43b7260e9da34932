"""Section 7: SHOW."""

from __future__ import annotations

from case import Pin, case
from cases.build import AFTER_SHOW, bad_queries, queries, query

queries(
    "show",
    r"""
    1 SHOW DATABASES
    1 show databases
    7 SHOW MEASUREMENTS
    7 SHOW measurements
    1 SHOW MEASUREMENTS LIMIT 1
    2 SHOW MEASUREMENTS LIMIT 2 OFFSET 3
    7 SHOW MEASUREMENTS ON tester
    2 SHOW MEASUREMENTS ON "tester" WITH MEASUREMENT =~ /(?i)sam/ LIMIT 100
    1 SHOW MEASUREMENTS WITH MEASUREMENT = samples
    1 SHOW MEASUREMENTS WITH MEASUREMENT = "samples"
    0 SHOW MEASUREMENTS WITH MEASUREMENT = nothing
    1 SHOW MEASUREMENTS WHERE bike = 'road'
    25 SHOW FIELD KEYS
    10 SHOW FIELD KEYS FROM samples
    10 SHOW FIELD KEYS FROM "samples"
    25 SHOW FIELD KEYS ON tester
    10 SHOW FIELD KEYS ON "tester" FROM "samples"
    4 SHOW FIELD KEYS FROM track
    0 SHOW FIELD KEYS FROM nothing
    13 SHOW FIELD KEYS FROM /(?i)samples/
    2 SHOW FIELD KEYS FROM track LIMIT 2
    5 SHOW TAG KEYS
    2 SHOW TAG KEYS FROM track
    5 SHOW TAG KEYS ON tester
    2 SHOW TAG KEYS FROM "track" WHERE bike = 'road'
    0 SHOW TAG KEYS FROM samples
    1 SHOW TAG KEYS FROM track LIMIT 1
    2 SHOW TAG VALUES FROM track WITH KEY = bike
    2 SHOW TAG VALUES FROM "track" WITH KEY = "bike"
    2 SHOW TAG VALUES WITH KEY = bike
    2 SHOW TAG VALUES ON tester WITH KEY = bike
    4 SHOW TAG VALUES FROM track WITH KEY IN (bike, rider)
    4 SHOW TAG VALUES FROM track WITH KEY IN ("bike", "rider", "none")
    2 SHOW TAG VALUES FROM track WITH KEY = rider WHERE bike = 'road'
    1 SHOW TAG VALUES FROM track WITH KEY = rider WHERE "bike" = 'mtb'
    4 SHOW TAG VALUES FROM track WITH KEY =~ /./
    2 SHOW TAG VALUES FROM track WITH KEY != bike
    1 SHOW TAG VALUES FROM track WITH KEY = bike LIMIT 1
    0 SHOW TAG VALUES FROM track WITH KEY = nothing
    0 SHOW TAG VALUES FROM nothing WITH KEY = bike
    1 SHOW RETENTION POLICIES
    1 SHOW RETENTION POLICIES on "tester"
    1 SHOW RETENTION POLICIES ON tester
    12 SHOW SERIES
    5 SHOW SERIES FROM track
    2 SHOW SERIES FROM track WHERE bike = 'road'
    1 SHOW SERIES FROM track LIMIT 1
    0 SHOW SERIES FROM nothing
    1 SHOW SERIES FROM samples
    0 SHOW CONTINUOUS QUERIES
    1 SHOW MEASUREMENT CARDINALITY
    1 SHOW SERIES CARDINALITY
    """,
)
case("show: databases of public", query("SHOW DATABASES", "public", db=""), Pin(200, rows=8))
case("show: databases without db", query("SHOW DATABASES", "tester", db=""), Pin(200, rows=1))
for statement in ("SHOW MEASUREMENTS", "SHOW FIELD KEYS", "SHOW TAG KEYS", "SHOW SERIES"):
    case(f"show: {statement} of an empty database", query(statement, "empty"), Pin(200, rows=0))
for statement in ("SHOW MEASUREMENTS", "SHOW FIELD KEYS FROM samples", "SHOW RETENTION POLICIES ON other"):
    case(f"show: {statement}, public reads other", query(statement, "public", db="other"), Pin(200, rows=1))

for statement in (
    "SHOW USERS",
    "SHOW GRANTS FOR tester",
    "SHOW STATS",
    "SHOW DIAGNOSTICS",
    "SHOW SHARDS",
    "SHOW SHARD GROUPS",
    "SHOW SUBSCRIPTIONS",
):
    case(f"show: {statement}", query(statement, "tester", epoch="ns"), Pin(403))
for statement in (
    "SHOW MEASUREMENTS ON other",
    "SHOW FIELD KEYS ON other",
    "SHOW TAG KEYS ON other",
    "SHOW TAG VALUES ON other WITH KEY = bike",
    "SHOW RETENTION POLICIES ON other",
    "SHOW SERIES ON other",
):
    case(f"show: {statement}", query(statement), Pin(403))
bad_queries(
    "show",
    rf"""
    SHOW
    = error parsing query: found EOF, expected {AFTER_SHOW} at line 1, char 6
    SHOW TAG VALUES FROM track
    = error parsing query: found EOF, expected WITH at line 1, char 28
    """,
)
