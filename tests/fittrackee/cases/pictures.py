"""Sections 6.6 and 6.7: the user's picture."""

from __future__ import annotations

from typing import Any

from case import Step, case, get, send, steps
from expect import (
    CRASH,
    EMPTY,
    ETAG,
    NO_CONTENT,
    Bytes,
    Expected,
    e401,
    e404,
    error,
    ok,
    text_like,
)
from objects import PICTURE, PROFILE
from side import Side
from tiles import png
from wire import Answer, Body, File, json_body, multipart_body

PAINTER = "painter"
UPDATED = ok(message="user picture updated")
IMAGE = png(16, 16)
JPEG_START = b"\xff\xd8\xff\xe0"
INLINE = text_like("inline", r"inline(; filename=\S+)?")


def refused(message: str) -> Expected:
    return error(400, message, "fail")


def upload(side: Side, name: str | None, content: bytes = IMAGE, user: str = PAINTER, part: str = "file") -> Answer:
    return side.send("POST", PICTURE, multipart_body({part: File(name, content)}), side.user(user).token)


def uploading(name: str, content: bytes = IMAGE, user: str = PAINTER) -> Step:
    return lambda side: upload(side, name, content, user)


def picture(side: Side, user: str = PAINTER, **headers: str) -> Answer:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return side.get(f"/api/users/{side.user(user).name}/picture", headers=lines)


case("6.6 no picture to read", lambda side: picture(side, "faceless"), e404("No picture."))
case("6.6 picture of nobody", get("/api/users/nobody_at_all/picture"), e404("user does not exist"))
case("6.7 nothing to delete", send("DELETE", PICTURE, None, "faceless"), CRASH, NO_CONTENT, "§1 row 7")

case("6.6 no part of that name", lambda side: upload(side, "a.png", part="picture"), refused("no file part"))
case("6.6 a part without a file name", lambda side: upload(side, None), refused("no file part"))
case("6.6 an empty file name", lambda side: upload(side, ""), refused("no selected file"))
case("6.6 a JSON body", send("POST", PICTURE, json_body({"file": "x"}), PAINTER), refused("no file part"))
case("6.6 no body", send("POST", PICTURE, None, PAINTER), refused("no file part"))
case(
    "6.6 a body that is no multipart, whatever it says",
    send("POST", PICTURE, Body(b"x", {"Content-Type": "multipart/form-data; boundary=b"}), PAINTER),
    refused("no file part"),
)
for name in ("a.jpeg", "a.webp", "a.svg", "a.txt", "a", "png", "a.png.exe", ".png "):
    case(f"6.6 name {name!r}", uploading(name), refused("file extension not allowed"))
case("6.6 without a token", send("POST", PICTURE, multipart_body({"file": File("a.png", IMAGE)})), e401())
case("6.7 without a token", send("DELETE", PICTURE), e401())


@steps("6.6 extension tested before size", refused("file extension not allowed"))
def extension_first(side: Side) -> Any:
    return upload(side, "a.txt", b"x" * 1_100_000)


def too_large(size: str, limit: str) -> Expected:
    return error(413, f"Error during picture upload, file size ({size}) exceeds {limit}.", "fail")


@steps("6.6 body over 1 048 576 bytes", too_large("2.0MB", "1.0MB"))
def large(side: Side) -> Any:
    return upload(side, "a.png", IMAGE + b"\0" * 2_097_152)


@steps("6.6 body of one byte over the limit", too_large("1.0MB", "1.0MB"))
def one_over(side: Side) -> Any:
    return upload_of_size(side, 1_048_577)


@steps("6.6 body of exactly the limit", UPDATED)
def at_limit(side: Side) -> Any:
    return upload_of_size(side, 1_048_576)


def upload_of_size(side: Side, size: int) -> Answer:
    """Uploads a picture in a request body of this many bytes; zeros behind an image do not harm it."""
    empty = len(multipart_body({"file": File("a.png", b"")}).content)
    return upload(side, "a.png", IMAGE + b"\0" * (size - empty - len(IMAGE)))


@steps("6.6 body over the limit of all bodies", too_large("11.0MB", "10.0MB"))
def far_too_large(side: Side) -> Any:
    return upload(side, "a.png", b"\0" * (11 * 1_048_576))


@steps(
    "6.6 uploaded, told by the profile, read back without a token",
    [UPDATED, True, Expected(200, Bytes("image/png"), {"etag": ETAG, "content-disposition": INLINE})],
)
def uploaded(side: Side) -> Any:
    answer = upload(side, "me and my bike.PNG")
    told = side.get(PROFILE, side.user(PAINTER).token).json["data"]["picture"]
    return [answer, told, picture(side)]


@steps("6.6 the picture again by its ETag", Expected(304, EMPTY))
def not_modified(side: Side) -> Any:
    etag = picture(side).header("etag") or ""
    answer = picture(side, If_None_Match=etag)
    return Answer(answer.status, (), answer.body)


@steps("6.6 HEAD of the picture", [200, "image/png", b""])
def head(side: Side) -> Any:
    answer = side.send("HEAD", f"/api/users/{side.user(PAINTER).name}/picture")
    return [answer.status, answer.kind, answer.body]


@steps("6.6 a second picture takes the place of the first", [UPDATED, "another"])
def second(side: Side) -> Any:
    before = picture(side).body
    answer = upload(side, "other.png", png(32, 8, 200))
    return [answer, "another" if picture(side).body != before else "the same"]


FOREIGN: dict[str, tuple[str, bytes]] = {
    "text named .png": ("a.png", b"not a picture"),
    "an empty file": ("a.png", b""),
    "a PNG named .jpg": ("a.jpg", IMAGE),
    "a page named .gif": ("a.gif", b"<html><script>alert(1)</script></html>"),
    "a start of a JPEG and no more": ("a.jpg", JPEG_START),
}
for what, (name, content) in FOREIGN.items():
    # The original looks at the name alone.
    case(
        f"6.6 {what}",
        uploading(name, content, "forger"),
        UPDATED,
        refused("invalid file"),
        "§6.6: content not checked; §9 row 1.2.2",
    )


@steps("6.7 deleted: gone from the profile and from its path", [NO_CONTENT, False, e404("No picture.")])
def deleted(side: Side) -> Any:
    token = side.user(PAINTER).token
    answer = side.send("DELETE", PICTURE, token=token)
    return [answer, side.get(PROFILE, token).json["data"]["picture"], picture(side)]


@steps("6.7 a dead token deletes nothing", 401)
def dead(side: Side) -> Any:
    return side.send("DELETE", PICTURE, token="a.b.c").status
