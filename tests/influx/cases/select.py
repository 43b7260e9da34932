"""Section 7: raw points."""

from __future__ import annotations

from cases.build import queries

queries(
    "select",
    r"""
    11 SELECT * FROM samples
    11 select * from samples
    3 SELECT * FROM samples LIMIT 3
    3 SELECT * FROM samples LIMIT 3 OFFSET 2
    1 SELECT * FROM samples OFFSET 10
    0 SELECT * FROM samples OFFSET 11
    11 SELECT * FROM samples LIMIT 0
    11 SELECT * FROM samples ORDER BY time
    11 SELECT * FROM samples ORDER BY time ASC
    11 SELECT * FROM samples ORDER BY time DESC
    2 SELECT * FROM samples ORDER BY time DESC LIMIT 2
    2 SELECT * FROM samples ORDER BY DESC LIMIT 2
    9 SELECT hr_bpm FROM samples
    10 SELECT hr_bpm, lat, alt_m FROM samples
    4 SELECT lat, hr_bpm FROM samples WHERE time >= {t} AND lat > -100
    9 SELECT "hr_bpm" AS x, lat AS "the latitude" FROM samples
    9 SELECT hr_bpm, hr_bpm FROM samples
    9 SELECT hr_bpm, nothing FROM samples
    0 SELECT nothing FROM samples
    0 SELECT * FROM nothing
    0 SELECT HR_BPM FROM samples
    1 SELECT HR_BPM, hr_bpm, Hr_Bpm FROM Samples
    9 SELECT time, hr_bpm FROM samples
    9 SELECT hr_bpm FROM "samples"
    9 SELECT hr_bpm FROM "livetracking"."samples"
    9 SELECT hr_bpm FROM "tester"."livetracking"."samples"
    9 SELECT hr_bpm FROM tester..samples
    9 SELECT hr_bpm FROM tester.livetracking.samples
    10 SELECT hr_bpm FROM /(?i)sam/
    11 SELECT * FROM /sampl/
    0 SELECT * FROM /none of them/
    16 SELECT hr_bpm, km FROM samples, track
    7 SELECT * FROM track
    7 SELECT km, bike FROM track
    0 SELECT bike FROM track
    7 SELECT km::field, bike::tag FROM track
    7 SELECT *::field FROM track
    0 SELECT *::tag FROM track
    7 SELECT /k/ FROM track
    7 SELECT km + n FROM track
    7 SELECT km * 2 AS double, n / 2, km - 1 FROM track
    9 SELECT hr_bpm / 0 FROM samples
    7 SELECT n % 3, n & 1 FROM track
    4 SELECT km FROM track WHERE bike = 'road' OR rider = 'bob'
    3 SELECT km FROM track WHERE bike = 'road'
    3 SELECT km FROM track WHERE "bike" = 'road'
    0 SELECT km FROM track WHERE bike = "road"
    4 SELECT km FROM track WHERE bike != 'road'
    4 SELECT km FROM track WHERE bike <> 'road'
    1 SELECT km FROM track WHERE bike = ''
    6 SELECT km FROM track WHERE bike != ''
    3 SELECT km FROM track WHERE bike =~ /^ro/
    4 SELECT km FROM track WHERE bike !~ /^ro/
    3 SELECT km FROM track WHERE bike =~ /(?i)ROAD|none/
    2 SELECT km FROM track WHERE rider = 'ann' AND km > 2
    3 SELECT km FROM track WHERE rider = 'ann' AND (km > 5 OR km < 4)
    2 SELECT km FROM track WHERE km = 2.5
    5 SELECT km FROM track WHERE km != 2.5
    4 SELECT km FROM track WHERE n >= 3
    1 SELECT km FROM track WHERE n = 9007199254740993
    3 SELECT km FROM track WHERE ok = true
    1 SELECT km FROM track WHERE ok = false
    2 SELECT km FROM track WHERE note = 'a b'
    1 SELECT km FROM track WHERE note = ''
    3 SELECT km FROM track WHERE note =~ /a/
    0 SELECT km FROM track WHERE note = 'it\'s'
    0 SELECT km FROM track WHERE nothing = 1
    0 SELECT km FROM track WHERE nothing = 'x'
    7 SELECT km FROM track WHERE nothing = ''
    0 SELECT hr_bpm FROM samples WHERE hr_bpm = 'x'
    4 SELECT hr_bpm FROM samples WHERE hr_bpm > 121 AND hr_bpm < 129
    1 SELECT hr_bpm FROM samples WHERE hr_bpm > 120 AND lat > 53.15
    5 SELECT km FROM track WHERE 1 < n
    2 SELECT km FROM track WHERE km + n > 10
    1 SELECT * FROM "odd name,x"
    1 SELECT "field=k" FROM "odd name,x" WHERE "tag k" = 'v 1'
    1 SELECT "select", "größe" FROM "odd name,x"
    1 SELECT * FROM limits
    1 SELECT high - 1, low + 1, tiny, huge / 10 FROM limits
    7 SELECT km FROM track -- with a comment
    7 SELECT km FROM track;
    7 SELECT  km   FROM track
    7 SELECT km FROM track SLIMIT 1
    5 SELECT km FROM track GROUP BY bike SLIMIT 2 SOFFSET 1
    """,
)
