"""The points that both servers hold before the first case, and a ride like a recorded one."""

from __future__ import annotations

import math

from moment import SECOND, at
from processes import Failed
from side import Side

# All fields of a tracker, in the order in which the page asks for them.
FIELDS = (
    "dur_s",
    "dist_km",
    "lat",
    "lng",
    "acc_m",
    "bearing",
    "battery",
    "gsm_signal",
    "temp_c",
    "spd_kph",
    "alt_m",
    "hr_bpm",
    "cad_rpm",
    "pwr_w",
)

SAMPLES = [
    (0, "hr_bpm=120,lat=53.1,lng=18.25"),
    (3, "hr_bpm=121,lat=53.1002"),
    (6, "hr_bpm=123.5,pwr_w=210"),
    (10.5, "hr_bpm=125,temp_c=-3.25"),
    (20, "hr_bpm=128,temp_c=20.5"),
    (40, "hr_bpm=150.5,lat=53.2,alt_m=128.83333333333334"),
    (41.5, "alt_m=1e21,spd_kph=1e-7"),
    (55, "spd_kph=120,dist_km=1e6,acc_m=123456789012,battery=0.000001"),
    (3605, "hr_bpm=99,lat=-53.3"),
    (4210, "hr_bpm=101,pwr_w=0"),
]
TRACK = [
    (1, 'track,bike=road,rider=ann km=1.5,n=1i,ok=true,note="a b"'),
    (2, "track,bike=road,rider=bob km=2.5,n=2i,ok=false"),
    (3, 'track,bike=mtb,rider=ann km=3.25,n=3i,note="q\\"uote, \\\\ and é"'),
    (14, "track,bike=mtb km=4,n=4i"),
    (15, 'track,bike=mtb km=2.5,n=-4i,ok=true,note=""'),
    (65, "track,rider=bob km=5,n=9007199254740993i"),
    (3700, 'track,bike=road,rider=ann km=7,n=12i,ok=true,note="a b"'),
]
ODD = [
    (1, "odd\\ name\\,x,tag\\ k=v\\ 1,größe=é field\\=k=1,select=2i"),
    (2, 'Samples Hr_Bpm=1,hr_bpm=2,HR_BPM="three"'),
    (3, "limits low=-9223372036854775808i,high=9223372036854775807i,tiny=5e-324,huge=1.7976931348623157e308"),
]


def load(side: Side) -> None:
    """Fills the databases of `tester` and `other`."""
    lines = [f"samples {fields} {at(seconds)}" for seconds, fields in SAMPLES]
    lines += [f"samples hr_bpm=128 {at(28) + 123456789}"]
    lines += [f"{text} {at(seconds)}" for seconds, text in TRACK + ODD]
    lines += [
        f"walk,leg={leg} steps={10 * number + leg} {at(10 * number + leg)}" for number in range(30) for leg in (1, 2)
    ]
    loaded(side, lines, "tester")
    loaded(side, [f"samples hr_bpm=60 {at(0)}", f"samples hr_bpm=61 {at(1)}"], "other")


def loaded(side: Side, lines: list[str], user: str) -> None:
    answer = side.write("\n".join(lines), user)
    if answer.status != 204:
        raise Failed(f"{side.name}: points of {user}: {answer.describe()}")


def ride(now: int, minutes: int = 14) -> list[str]:
    """Samples of each second up to `now` (seconds; a multiple of 12), with gaps.

    No sample lies in the second after `now` less 3, 60, 300, 600 or 1,800 s: whoever asks in the second of `now`
    for what is younger sees the same.
    """
    lines = []
    for second in range(now - minutes * 60, now):
        if second % 12 in (0, 1, 9, 10) or now - 420 <= second < now - 340:
            continue
        lines.append(f"samples {sample(second - now + minutes * 60)} {second * SECOND}")
    lines.append(f"samples hr_bpm=131,spd_kph=27.3 {now * SECOND - SECOND // 2}")
    return lines


def sample(second: int) -> str:
    """All fields, after so many seconds of the ride; no two alike, and some missing now and then."""
    wave = math.sin(second / 37)
    values = {
        "dur_s": float(second),
        "dist_km": round(second * 0.0071, 4),
        "lat": round(53.1 + second * 0.00004, 7),
        "lng": round(18.2 + wave * 0.001, 7),
        "acc_m": 3.0 + second % 5,
        "bearing": round(90 + 40 * wave, 1),
        "battery": 100 - second // 60,
        "gsm_signal": 20 + second % 7,
        "temp_c": round(18 + wave, 1),
        "spd_kph": round(26 + 6 * wave, 2),
        "alt_m": round(80 + 12 * wave, 1),
        "hr_bpm": 130 + second % 23,
        "cad_rpm": 85 + second % 9,
        "pwr_w": round(210 + 55 * wave),
    }
    skipped = {"pwr_w"} if second % 7 == 0 else {"lat", "lng"} if second % 11 == 0 else set()
    return ",".join(f"{name}={value}" for name, value in values.items() if name not in skipped)
