"""Section 6.11: the export of one's own data."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from case import case, get, send, steps
from expect import (
    ARCHIVE,
    BAD_REQUEST,
    DATE,
    E404D,
    EMPTY,
    ETAG,
    INDEX,
    NUMBER,
    STAMP,
    Bytes,
    Expected,
    e400,
    e401,
    ok,
    text_like,
)
from objects import EXPORT, EXPORT_REQUEST, PICTURE, user
from side import Side, Unable
from tiles import png
from wire import Answer, File, multipart_body

KEEPER = "keeper"
RUNNING = {"created_at": DATE, "file_name": None, "file_size": None, "status": "in_progress"}
DONE = {"created_at": DATE, "file_name": ARCHIVE, "file_size": NUMBER, "status": "successful"}

case("6.11 nothing was asked for", get(EXPORT, "plain"), ok(request=None))
case("6.11 without a token", get(EXPORT), e401())
case("6.11 request without a token", send("POST", EXPORT_REQUEST), e401())
case("6.11 download without a token", get(f"{EXPORT}/archive_x.zip"), e401())
case("6.11 unknown archive", get(f"{EXPORT}/archive_{'x' * 20}.zip", "plain"), E404D)
case("6.11 GET of the request path", get(EXPORT_REQUEST, "plain"), E404D)
case(
    "6.11 a name that climbs",
    get(f"{EXPORT}/..%2f..%2fetc%2fpasswd", "plain"),
    INDEX,
    BAD_REQUEST,
    "encoded slashes are refused in every path",
)


@steps("6.11 asked for; asked for again at once", [ok(request=RUNNING), e400("ongoing request exists")])
def asked(side: Side) -> Any:
    token = side.user(KEEPER).token
    form = multipart_body({"file": File("face.png", png(4, 4))})
    side.send("POST", PICTURE, form, token)
    return [side.send("POST", EXPORT_REQUEST, token=token), side.send("POST", EXPORT_REQUEST, token=token)]


def finished(side: Side) -> dict[str, Any]:
    """The export request once the archive is there."""
    token = side.user(KEEPER).token
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found: dict[str, Any] = side.get(EXPORT, token).json["request"]
        if found["status"] != "in_progress":
            return found
        time.sleep(0.2)
    raise Unable("the archive was not built in 30 s")


def download(side: Side, owner: str = KEEPER, method: str = "GET", **headers: str) -> Answer:
    name = side.remember("archive", lambda: finished(side))["file_name"]
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return side.send(method, f"{EXPORT}/{name}", None, side.user(owner).token, lines)


@steps("6.11 done; no second one within a day", [DONE, ok(request=DONE), e400("completed request already exists")])
def done(side: Side) -> Any:
    found = side.remember("archive", lambda: finished(side))
    token = side.user(KEEPER).token
    return [found, side.get(EXPORT, token), side.send("POST", EXPORT_REQUEST, token=token)]


@steps("6.11 a mail says that it is ready", ["FitTrackee - Your archive is ready to be downloaded", True])
def mailed(side: Side) -> Any:
    mail = side.mail(side.user(KEEPER).email, "/profile/edit/account")
    return [mail.subject, "http://ui.example.org/profile/edit/account" in mail.html]


FILE_HEADERS = {
    "content-disposition": text_like("attachment", r'attachment; filename="?archive_[\w-]{20}\.zip"?'),
    "etag": ETAG,
    "last-modified": DATE,
    "accept-ranges": "bytes",
    "cache-control": "no-cache",
}


@steps("6.11 download", [Expected(200, Bytes("application/zip"), FILE_HEADERS), "of the size told"])
def whole(side: Side) -> Any:
    answer = download(side)
    size = side.kept["archive"]["file_size"]
    return [answer, "of the size told" if len(answer.body) == size else f"{len(answer.body)}, not {size}"]


PARTS = {
    "the first ten bytes": ("bytes=0-9", 206, lambda body: body[:10]),
    "the last five bytes": ("bytes=-5", 206, lambda body: body[-5:]),
    "from the tenth byte on": ("bytes=10-", 206, lambda body: body[10:]),
    "up to beyond the end": ("bytes=5-99999999", 206, lambda body: body[5:]),
}
for what, (value, status, cut) in PARTS.items():

    @steps(f"6.11 range: {what}", [status, "the right bytes", "the right range"])
    def part(side: Side, value: str = value, cut: Any = cut) -> Any:
        body = download(side).body
        answer = download(side, Range=value)
        begin = body.find(cut(body))
        wanted = f"bytes {begin}-{begin + len(cut(body)) - 1}/{len(body)}"
        ranged = answer.header("content-range")
        return [
            answer.status,
            "the right bytes" if answer.body == cut(body) else answer.describe(),
            "the right range" if ranged == wanted else f"{ranged}, not {wanted}",
        ]


@steps("6.11 range beyond the end", [416, "tells the size"])
def beyond(side: Side) -> Any:
    size = len(download(side).body)
    answer = download(side, Range="bytes=99999999-")
    return [answer.status, "tells the size" if answer.header("content-range") == f"bytes */{size}" else answer.headers]


@steps("6.11 range of another unit", 416, 200, "RFC 9110 §14.2: an unknown unit is ignored")
def other_unit(side: Side) -> Any:
    return download(side, Range="lines=0-1").status


@steps("6.11 range under a condition that does not hold", 200)
def if_range(side: Side) -> Any:
    return download(side, Range="bytes=0-9", If_Range='"another"').status


@steps("6.11 the same again by ETag, or by date", [Expected(304, EMPTY), 304])
def not_modified(side: Side) -> Any:
    first = download(side)
    by_tag = download(side, If_None_Match=first.header("etag") or "")
    by_date = download(side, If_Modified_Since=first.header("last-modified") or "")
    return [by_tag, by_date.status]


@steps("6.11 HEAD of the archive", [200, b"", "the size"])
def head(side: Side) -> Any:
    answer = download(side, method="HEAD")
    size = str(side.kept["archive"]["file_size"])
    return [answer.status, answer.body, "the size" if answer.header("content-length") == size else answer.headers]


case("6.11 archive of another user", lambda side: download(side, "plain"), E404D)


def archive(side: Side) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(download(side).body))


@steps(
    "6.11 files in the archive, all stored",
    [["user_data.json", "user_equipments_data.json", "user_workouts_data.json"], 1, [0]],
)
def files(side: Side) -> Any:
    found = archive(side).infolist()
    names = sorted(one.filename for one in found)
    pictures = [name for name in names if not name.endswith(".json")]
    return [
        [name for name in names if name not in pictures],
        len(pictures),
        sorted({one.compress_type for one in found}),
    ]


IN_ARCHIVE = {key: value for key, value in user(KEEPER, picture=True, created_at=STAMP).items()}


@steps("6.11 the user in the archive", IN_ARCHIVE)
def user_data(side: Side) -> Any:
    return json.loads(archive(side).read("user_data.json"))


@steps("6.11 JSON in the archive is indented by four", True)
def indented(side: Side) -> Any:
    return archive(side).read("user_data.json").startswith(b'{\n    "')


@steps("6.11 no workouts, no equipment: empty lists", [[], []])
def empty_lists(side: Side) -> Any:
    found = archive(side)
    return [json.loads(found.read(f"user_{what}_data.json")) for what in ("workouts", "equipments")]
