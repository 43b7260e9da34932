"""Sections 5.1 to 5.3: register, confirm, resend."""

from __future__ import annotations

from typing import Any

from case import case, post, steps
from expect import CRASH, E500, JWT, e400, e401, ok, text_like
from objects import CONFIRM, PROFILE, REGISTER, RESEND, user
from side import PASSWORD, Side, link_token

GOOD: dict[str, Any] = {
    "username": "walker",
    "email": "walker@example.org",
    "password": PASSWORD,
    "accepted_policy": True,
}
LENGTH = "username: 3 to 30 characters required\n"
SIGNS = 'username: only alphanumeric characters and the underscore character "_" allowed\n'
EMAIL = "email: valid email must be provided\n"
SHORT = "password: 8 characters required\n"
POLICY = "sorry, you must agree privacy policy to register"


def form(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


for name in GOOD:
    left = {key: value for key, value in GOOD.items() if key != name}
    case(f"5.1 without {name}", post(REGISTER, left), e400())
    case(f"5.1 {name} null", post(REGISTER, form(**{name: None})), e400())
value: Any
for value in (False, "true", 1, "", [True]):
    case(f"5.1 policy {value!r}", post(REGISTER, form(accepted_policy=value)), e400(POLICY))

SHAPES = {
    "username of 2": ({"username": "ab"}, LENGTH),
    "username of 31": ({"username": "a" * 31}, LENGTH),
    "username with a dot": ({"username": "a.b.c"}, SIGNS),
    "username with a blank": ({"username": "two words"}, SIGNS),
    "username with an accent": ({"username": "zoë"}, SIGNS),
    "email without @": ({"email": "walker.example.org"}, EMAIL),
    "email without a dot": ({"email": "walker@localhost"}, EMAIL),
    "email with a blank": ({"email": "a walker@example.org"}, EMAIL),
    "email of an international domain": ({"email": "walker@bücher.example"}, EMAIL),
    "email with two @": ({"email": "a@b@example.org"}, EMAIL),
    "password of 7": ({"password": "seven77"}, SHORT),
    "password of 7 in 14 bytes": ({"password": "é" * 7}, SHORT),
    "all of them": ({"username": "é", "email": "x", "password": "x"}, LENGTH + SIGNS + EMAIL + SHORT),
}
for what, (changes, message) in SHAPES.items():
    case(f"5.1 {what}", post(REGISTER, form(**changes)), e400(message))

for name in ("username", "email", "password"):
    for value in (12345678, ["a", "b", "c", "d", "e", "f", "g", "h"]):
        kind = "number" if isinstance(value, int) else "list"
        case(f"5.1 {name} as a {kind}", post(REGISTER, form(**{name: value})), E500, e400(), "§1 row 13, §5.1")
case("5.1 password of 73 bytes", post(REGISTER, form(password="x" * 73)), E500, e400(), "§5.1, §8")
case(
    "5.1 email of 256 characters",
    post(REGISTER, form(email="x" * 244 + "@example.org")),
    CRASH,
    e400(EMAIL),
    "§1 row 13, §5.1",
)


@steps("5.1 empty password", ok(), e400(SHORT), "§5.1 [OUR]")
def empty_password(side: Side) -> Any:
    return side.register("nopassword", "nopassword@example.org", password="")


@steps("5.1 username with a newline at the end", ok(), e400(SIGNS), "§5.1")
def newline_in_name(side: Side) -> Any:
    return side.register("newline\n", "newline1@example.org")


@steps("5.1 email with a newline at the end", ok(), e400(EMAIL), "§5.1")
def newline_in_email(side: Side) -> Any:
    return side.register("newline2", "newline2@example.org\n")


@steps("5.1 created: no token, inactive, one mail", [ok(), e401("invalid credentials"), 1])
def created(side: Side) -> Any:
    answer = side.register("Created_1", "created_1@example.org")
    side.mail("created_1@example.org", "account-confirmation")
    return [answer, side.login("created_1@example.org"), len(side.mails.to("created_1@example.org"))]


@steps("5.1 limits that pass: names of 3 and 30, odd addresses", [ok(), ok()])
def limits(side: Side) -> Any:
    return [
        side.register("abc", "a.b+c_d-e@sub-domain.example.org."),
        side.register("A" * 30, "30@example.o-r.g"),
    ]


@steps("5.1 username taken, in another case too", [e400("sorry, that username is already taken")] * 2)
def name_taken(side: Side) -> Any:
    taken = side.user("taken").name
    return [side.register(taken, "other@example.org"), side.register(taken.upper(), "other@example.org")]


@steps("5.1 username taken is told after the shape of the rest", e400(SHORT))
def name_taken_and_short(side: Side) -> Any:
    return side.register(side.user("taken").name, "other@example.org", password="x")


@steps("5.1 email taken, in any case: success, no account, no mail", [ok(), ok(), e401("invalid credentials"), 1])
def email_taken(side: Side) -> Any:
    email = side.user("taken").email
    answers = [side.register("newcomer", email), side.register("newcomer", email.upper())]
    # The name stayed free; its mail comes after whatever the two before might have caused.
    side.register("newcomer", "newcomer@example.org")
    side.mail("newcomer@example.org", "account-confirmation")
    mails = side.mails.to(email) + side.mails.to(email.upper())
    return [*answers, side.login("newcomer@example.org"), len(mails)]


@steps("5.1 language: known, unknown, none", ["fr", "en", "en"])
def languages(side: Side) -> Any:
    told = []
    for name, language in (("french", "fr"), ("martian", "xx"), ("silent", "")):
        told.append(side.get(PROFILE, side.user(name, language).token).json["data"]["language"])
    return told


@steps("5.1 field `lang` of the manual", "en", "de", "§1 row 4")
def lang(side: Side) -> Any:
    form = {
        "username": "lang",
        "email": "lang@example.org",
        "password": PASSWORD,
        "accepted_policy": True,
        "lang": "de",
    }
    side.post(REGISTER, form)
    # The mail may be in another language; its link is the same in all.
    mail = side.mails.wait("lang@example.org")[0]
    token = side.post(CONFIRM, {"token": link_token(mail)}).json["auth_token"]
    return side.get(PROFILE, token).json["data"]["language"]


@steps("5.1 profile of a new account", ok(data=user("Newborn", email="newborn.Mixed@Example.org")))
def profile_of_new(side: Side) -> Any:
    email = "newborn.Mixed@Example.org"
    side.register("Newborn", email)
    mail = side.mail(email, "account-confirmation")
    token = side.post(CONFIRM, {"token": link_token(mail)}).json["auth_token"]
    return side.get(PROFILE, token)


CONFIRMED = ok(auth_token=JWT, message="account confirmation successful")


@steps("5.2 confirm: a token that works, once", [CONFIRMED, e400()])
def confirm(side: Side) -> Any:
    token = side.unconfirmed("confirmed")
    answers = [side.post(CONFIRM, {"token": token}), side.post(CONFIRM, {"token": token})]
    side.kept["confirmed"] = answers[0].json["auth_token"]
    return answers


@steps("5.2 confirm: the token it gives is a login", [200, 200])
def confirmed_token(side: Side) -> Any:
    return [side.get(PROFILE, side.kept["confirmed"]).status, side.login("confirmed@example.org").status]


@steps("5.2 confirm: form of the mailed token", text_like("40 URL-safe characters", r"[\w-]{40}"))
def form_of_token(side: Side) -> Any:
    return side.remember("unconfirmed token", lambda: side.unconfirmed("waiting"))


for value in (None, "", "unknown", "x" * 40):
    case(f"5.2 confirm: token {value!r}", post(CONFIRM, {"token": value}), e400())
case("5.2 confirm: no token", post(CONFIRM, {"tokens": "x"}), e400())
for value in (5, ["x"], {"a": 1}, True):
    case(f"5.2 confirm: token {value!r}", post(CONFIRM, {"token": value}), CRASH, e400(), "§1 row 13, §5.2")

RESENT = ok(message="confirmation email resent")
case("5.3 resend: nobody has the address", post(RESEND, {"email": "nobody@example.org"}), RESENT)
case("5.3 resend: email null", post(RESEND, {"email": None}), e400())
case("5.3 resend: no email", post(RESEND, {"mail": "x"}), e400())


@steps("5.3 resend: a new token replaces the old", [RESENT, e400(), CONFIRMED])
def resend(side: Side) -> Any:
    email = "resent@example.org"
    old = side.unconfirmed("resent")
    answer = side.post(RESEND, {"email": email})
    new = link_token(side.mail(email, "account-confirmation", 2))
    return [answer, side.post(CONFIRM, {"token": old}), side.post(CONFIRM, {"token": new})]


@steps("5.3 resend: nothing for an active account, nor for another spelling", [RESENT, RESENT, 1, 1])
def resend_nothing(side: Side) -> Any:
    waiting = "spelling@example.org"
    side.unconfirmed("spelling")
    active = side.user("taken").email
    answers = [side.post(RESEND, {"email": active}), side.post(RESEND, {"email": waiting.upper()})]
    side.new_user("after_resend", "en")
    return [*answers, len(side.mails.to(active)), len(side.mails.to(waiting) + side.mails.to(waiting.upper()))]
