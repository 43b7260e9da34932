"""Section 7: aggregates and selectors."""

from __future__ import annotations

from cases.build import failing_queries, queries

queries(
    "functions",
    r"""
    1 SELECT MEAN(hr_bpm) FROM samples
    1 SELECT MIN(hr_bpm) FROM samples
    1 SELECT MAX(hr_bpm) FROM samples
    1 SELECT LAST(hr_bpm) FROM samples
    1 SELECT FIRST(hr_bpm) FROM samples
    1 SELECT COUNT(hr_bpm) FROM samples
    1 SELECT SUM(hr_bpm) FROM samples
    1 SELECT MEDIAN(hr_bpm) FROM samples
    1 SELECT SPREAD(hr_bpm) FROM samples
    1 SELECT STDDEV(hr_bpm) FROM samples
    1 SELECT PERCENTILE(hr_bpm, 90) FROM samples
    1 SELECT PERCENTILE(hr_bpm, 50) FROM samples
    1 SELECT mean("hr_bpm") FROM "samples"
    1 SELECT mean(hr_bpm) AS average FROM samples
    1 SELECT MEAN(hr_bpm), MEAN(lat), MEAN(pwr_w) FROM samples
    1 SELECT MIN(hr_bpm), MEAN(hr_bpm), MAX(hr_bpm) FROM samples
    1 SELECT MIN(hr_bpm), MIN(hr_bpm), MIN(lat) FROM samples
    1 SELECT LAST(hr_bpm), LAST(lat), LAST(nothing) FROM samples
    1 SELECT LAST(hr_bpm), LAST(nothing) FROM samples
    1 SELECT MAX(hr_bpm), MEAN(nothing) FROM samples WHERE time > {t}
    1 SELECT MEAN(*) FROM samples
    1 SELECT LAST(*) FROM samples
    1 SELECT COUNT(*) FROM track
    1 SELECT MEAN(/_/) FROM samples
    1 SELECT MEAN(*) FROM track
    0 SELECT MEAN(nothing) FROM samples
    0 SELECT COUNT(nothing) FROM samples
    0 SELECT MEAN(hr_bpm) FROM nothing
    1 SELECT LAST(hr_bpm) FROM samples WHERE time < {m1}
    1 SELECT MEAN(hr_bpm) FROM samples WHERE time >= {t}
    1 SELECT MEAN(hr_bpm) FROM samples WHERE time > {t}
    1 SELECT MEAN(hr_bpm) FROM samples WHERE time < {m1}
    1 SELECT MIN(hr_bpm), MAX(hr_bpm) FROM samples WHERE time > {t} AND time < {m1}
    0 SELECT MEAN(hr_bpm) FROM samples WHERE time > {t} + 1d
    0 SELECT COUNT(hr_bpm) FROM samples WHERE time > {t} + 1d
    1 SELECT MAX(hr_bpm), lat FROM samples
    1 SELECT MAX(hr_bpm), lat, pwr_w FROM samples
    1 SELECT LAST(hr_bpm), * FROM samples
    1 SELECT MIN(km), bike, rider FROM track
    1 SELECT MAX(hr_bpm) FROM samples WHERE lat > 0
    1 SELECT MEAN(hr_bpm) * 2, MEAN(hr_bpm) + MAX(lat) FROM samples
    1 SELECT MAX(hr_bpm) - MIN(hr_bpm) AS range FROM samples
    1 SELECT ROUND(MEAN(hr_bpm)) FROM samples
    1 SELECT MEAN(n), SUM(n), MIN(n), MAX(n), COUNT(n) FROM track
    1 SELECT MEDIAN(n), SPREAD(n), STDDEV(n) FROM track
    1 SELECT FIRST(note), LAST(note), COUNT(note) FROM track
    1 SELECT FIRST(ok), LAST(ok), COUNT(ok) FROM track
    1 SELECT MIN(km) FROM track
    1 SELECT MAX(km) FROM track
    1 SELECT MODE(km) FROM track
    0 SELECT COUNT(DISTINCT(bike)) FROM track
    3 SELECT TOP(hr_bpm, 3) FROM samples
    3 SELECT BOTTOM(hr_bpm, 3) FROM samples
    6 SELECT DISTINCT(km) FROM track
    6 SELECT DISTINCT km FROM track
    1 SELECT COUNT(DISTINCT(km)) FROM track
    8 SELECT DERIVATIVE(hr_bpm) FROM samples
    8 SELECT DIFFERENCE(hr_bpm) FROM samples
    9 SELECT CUMULATIVE_SUM(hr_bpm) FROM samples
    8 SELECT MOVING_AVERAGE(hr_bpm, 2) FROM samples
    8 SELECT ELAPSED(hr_bpm) FROM samples
    1 SELECT INTEGRAL(hr_bpm) FROM samples
    1 SELECT MEAN(hr_bpm) FROM (SELECT hr_bpm FROM samples WHERE hr_bpm > 120)
    """,
)
failing_queries(
    "functions",
    r"""
    SELECT badfunc(hr_bpm) FROM samples
    = undefined function badfunc()
    SELECT MEAN() FROM samples
    = invalid number of arguments for mean, expected 1, got 0
    SELECT PERCENTILE(hr_bpm) FROM samples
    = invalid number of arguments for percentile, expected 2, got 1
    SELECT MEAN(note) FROM track
    = unsupported mean iterator type: *query.stringInterruptIterator
    """,
)
