"""Section 7: queries that cannot be read."""

from __future__ import annotations

from cases.build import AFTER_SHOW, bad_queries

FIRST = "expected SELECT, DELETE, SHOW, CREATE, DROP, EXPLAIN, GRANT, REVOKE, ALTER, SET, KILL at line 1, char 1"
bad_queries(
    "errors",
    rf"""
    SELEC * FROM samples
    = error parsing query: found SELEC, {FIRST}
    hello
    = error parsing query: found hello, {FIRST}
    'text'
    = error parsing query: found text, {FIRST}
    5
    = error parsing query: found 5, {FIRST}
    SELECT * FROM
    = error parsing query: found EOF, expected identifier at line 1, char 15
    SELECT
    = error parsing query: found EOF, expected identifier, string, number, bool at line 1, char 8
    SELECT *
    = error parsing query: found EOF, expected FROM at line 1, char 9
    SELECT hr_bpm samples
    = error parsing query: found samples, expected FROM at line 1, char 15
    SELECT FROM samples
    = error parsing query: found FROM, expected identifier, string, number, bool at line 1, char 8
    SELECT hr_bpm, FROM samples
    = error parsing query: found FROM, expected identifier, string, number, bool at line 1, char 16
    SELECT * FROM samples WHERE
    = error parsing query: found EOF, expected identifier, string, number, bool at line 1, char 29
    SELECT * FROM samples WHERE hr_bpm >
    = error parsing query: found EOF, expected identifier, string, number, bool at line 1, char 37
    SELECT * FROM samples WHERE (hr_bpm > 1
    = error parsing query: found EOF, expected ) at line 1, char 40
    SELECT * FROM samples LIMIT
    = error parsing query: found EOF, expected integer at line 1, char 29
    SELECT * FROM samples LIMIT x
    = error parsing query: found x, expected integer at line 1, char 29
    SELECT * FROM samples LIMIT 1.5
    = error parsing query: found 1.5, expected integer at line 1, char 29
    SELECT * FROM samples OFFSET x
    = error parsing query: found x, expected integer at line 1, char 30
    SELECT * FROM samples ORDER BY hr_bpm
    = error parsing query: only ORDER BY time supported at this time
    SELECT * FROM samples ORDER time
    = error parsing query: found time, expected BY at line 1, char 29
    SELECT * FROM samples GROUP time(1s)
    = error parsing query: found time, expected BY at line 1, char 29
    SELECT * FROM 'samples'
    = error parsing query: found samples, expected identifier at line 1, char 14
    SELECT * FROM samples extra
    = error parsing query: found extra, expected ; at line 1, char 23
    SELECT "hr_bpm FROM samples
    = error parsing query: found hr_bpm FROM samples, expected identifier, string, number, bool at line 1, char 7
    SELECT hr_bpm FROM samples WHERE bike = 'road
    = error parsing query: found road, expected identifier, string, number, bool at line 1, char 40
    SELECT MEAN(hr_bpm FROM samples
    = error parsing query: found FROM, expected ) at line 1, char 20
    SELECT MEAN(hr_bpm) FROM samples GROUP BY time(10s) fill(x)
    = error parsing query: expected number argument in fill()
    SELECT * FROM samples WHERE bike =~ 'road'
    = error parsing query: found road, expected regex at line 1, char 36
    SELECT * FROM samples WHERE bike =~ /(/
    = error parsing query: error parsing regexp: missing closing ): `(` at line 1, char 36
    SHOW NOTHING
    = error parsing query: found NOTHING, expected {AFTER_SHOW} at line 1, char 6
    DELETE
    = error parsing query: found EOF, expected FROM, WHERE at line 1, char 8
    CREATE USER eve WITH PASSWORD 'secret secret
    = error parsing query: found secret secret, expected string at line 1, char 30
    SELECT km FROM track WHERE note = 'it''s'
    = error parsing query: found s, expected ; at line 1, char 38
    SELECT größe FROM samples
    = error parsing query: found ö, expected FROM at line 1, char 10
    SELECT /* a comment */ km FROM track
    = error parsing query: error parsing regexp: missing argument to repetition operator: `*` at line 1, char 7
    """,
)
