"""Sections 5.7, 5.8 and 6.8: change of e-mail address and password."""

from __future__ import annotations

from typing import Any

from case import case, post, send, steps
from expect import CRASH, E500, e400, e401, ok
from objects import ACCOUNT, CONFIRM, EMAIL_UPDATE, PROFILE, user
from side import PASSWORD, Side, User, link_token
from wire import Answer, json_body

OWNER = "owner"
UPDATED = {"message": "user account updated"}
BAD_EMAIL, SHORT = "email: valid email must be provided\n", "password: 8 characters required\n"
EMAIL_UPDATED = ok(message="email updated")


def change(side: Side, owner: User, **members: Any) -> Answer:
    """A change with the right password, of nothing but these members."""
    form = {"email": owner.email, "password": owner.password, **members}
    return side.send("PATCH", ACCOUNT, json_body(form), owner.token)


def patch(members: dict[str, Any]) -> Any:
    return send("PATCH", ACCOUNT, json_body(members), OWNER)


case("6.8 no email", patch({"password": PASSWORD}), e400("email is missing"))
case("6.8 email empty", patch({"email": "", "password": PASSWORD}), e400("email is missing"))
case("6.8 no password", patch({"email": "x"}), e400("current password is missing"))
case("6.8 password empty", patch({"email": "x", "password": ""}), e400("current password is missing"))
case("6.8 password wrong", patch({"email": "x", "password": "wrong", "new_password": "x"}), e401("invalid credentials"))
case("6.8 neither", patch({"new_password": "another horse"}), e400("email is missing"))
case("6.8 password a number", patch({"email": "owner@example.org", "password": 12345678}), CRASH, e400(), "§1 row 13")

FAULTS = {
    "email of no shape": ({"email": "x"}, e400(BAD_EMAIL)),
    "new password of 7": ({"new_password": "seven77"}, e400(SHORT)),
    "new password empty": ({"new_password": ""}, e400(SHORT)),
    "both": ({"email": "x", "new_password": "x"}, e400(BAD_EMAIL + SHORT)),
}
for what, (members, expected) in FAULTS.items():

    @steps(f"6.8 {what}: nothing is stored", [expected, ok(data=user(OWNER))])
    def fault(side: Side, members: dict[str, Any] = members) -> Any:
        owner = side.user(OWNER)
        return [change(side, owner, **members), side.get(PROFILE, owner.token)]


@steps("6.8 new password of 73 bytes", E500, e400(), "§8 [OUR]")
def long_password(side: Side) -> Any:
    return change(side, side.user(OWNER), new_password="x" * 73)


@steps("6.8 new password null and the same email: nothing changes, no mail", [ok(data=user(OWNER), **UPDATED), 1])
def nothing(side: Side) -> Any:
    answer = change(side, side.user(OWNER), new_password=None)
    side.user("after_nothing")
    return [answer, len(side.mails.to(side.user(OWNER).email))]


@steps(
    "6.8 new password: the old is dead, the token lives, a mail says so",
    [ok(data=user("renewer"), **UPDATED), "FitTrackee - Password changed", 401, 200, 200],
)
def new_password(side: Side) -> Any:
    owner = side.user("renewer")
    answer = change(side, owner, new_password="another horse")
    told = side.mail(owner.email, "", 2).subject
    old, new = side.login(owner.email).status, side.login(owner.email, "another horse").status
    return [answer, told, old, new, side.get(PROFILE, owner.token).status]


def mover(side: Side) -> User:
    return side.user("mover")


@steps(
    "6.8 new email: pending, a mail to both addresses",
    [
        ok(data=user("mover", email_to_confirm="moved@example.org"), **UPDATED),
        "FitTrackee - Email changed",
        "FitTrackee - Confirm email change",
    ],
)
def new_email(side: Side) -> Any:
    owner = mover(side)
    answer = change(side, owner, email="moved@example.org")
    return [answer, side.mail(owner.email, "", 2).subject, side.mail("moved@example.org").subject]


@steps("6.8 login goes on by the old address while the new one is pending", [200, 401])
def pending(side: Side) -> Any:
    mover(side)
    return [side.login("mover@example.org").status, side.login("moved@example.org").status]


@steps(
    "6.8 any further change sends both mails again, with the same token",
    ["again", "same token"],
    ["again", "another token"],
    "§5.8: trackgate keeps no token in clear that it could send again",
)
def again(side: Side) -> Any:
    owner = mover(side)
    first = link_token(side.mail("moved@example.org", "email-update"))
    change(side, owner)
    second = link_token(side.mail("moved@example.org", "email-update", 2))
    told = side.mails.wait(owner.email, 3)
    return ["again" if len(told) > 2 else "once", "same token" if first == second else "another token"]


value: Any
for value in (None, "", "x" * 40):
    case(f"5.7 token {value!r}", post(EMAIL_UPDATE, {"token": value}), e400())
case("5.7 no token", post(EMAIL_UPDATE, {"x": 1}), e400())
for value in (5, ["x"]):
    case(f"5.7 token {value!r}", post(EMAIL_UPDATE, {"token": value}), CRASH, e400(), "§1 row 13")


@steps("5.7 the mailed token makes it the address, once", [EMAIL_UPDATED, e400(), 200, 401])
def email_update(side: Side) -> Any:
    mover(side)
    token = link_token(side.mail("moved@example.org", "email-update", 2))
    answers = [side.post(EMAIL_UPDATE, {"token": token}), side.post(EMAIL_UPDATE, {"token": token})]
    return [*answers, side.login("moved@example.org").status, side.login("mover@example.org").status]


@steps("5.7 the profile has the new address and none pending", ok(data=user("mover", email="moved@example.org")))
def moved(side: Side) -> Any:
    return side.get(PROFILE, mover(side).token)


@steps("6.8 the same new address again: a new token replaces the old", [e400(), EMAIL_UPDATED])
def renewed(side: Side) -> Any:
    owner = side.user("insisting")
    found = []
    # Each mail is waited for: two at once may come in either order.
    for number in (1, 2):
        change(side, owner, email="insisted@example.org")
        found.append(link_token(side.mail("insisted@example.org", "email-update", number)))
    return [side.post(EMAIL_UPDATE, {"token": token}) for token in found]


@steps("5.7 a newer request replaces the token", [e400(), EMAIL_UPDATED])
def replaced(side: Side) -> Any:
    owner = side.user("wavering")
    found = []
    for address in ("first@wavering.example.org", "second@wavering.example.org"):
        change(side, owner, email=address)
        found.append(link_token(side.mail(address, "email-update")))
    return [side.post(EMAIL_UPDATE, {"token": token}) for token in found]


@steps("6.8 back to the present address: the other one stays pending", "elsewhere@example.org")
def back(side: Side) -> Any:
    owner = side.user("returner")
    change(side, owner, email="elsewhere@example.org")
    return change(side, owner).json["data"]["email_to_confirm"]


TAKEN = {"email_to_confirm": "owner@example.org"}


@steps(
    "6.8 address of another user: pending all the same; 5.7 refuses it",
    [ok(data=user("grabber", **TAKEN), **UPDATED), CRASH],
    [ok(data=user("grabber", **TAKEN), **UPDATED), e400()],
    "§5.7 [OUR]",
)
def taken(side: Side) -> Any:
    side.user(OWNER)
    answer = change(side, side.user("grabber"), email="owner@example.org")
    token = link_token(side.mail("owner@example.org", "email-update"))
    return [answer, side.post(EMAIL_UPDATE, {"token": token})]


@steps("5.8 a registration token changes no address", CRASH, e400(), "§5.8")
def registration_token(side: Side) -> Any:
    return side.post(EMAIL_UPDATE, {"token": side.unconfirmed("crossed")})


@steps("5.8 an e-mail token confirms no account", 200, 400, "§5.8")
def email_token(side: Side) -> Any:
    owner = side.user("crosser")
    change(side, owner, email="crosser2@example.org")
    token = link_token(side.mail("crosser2@example.org", "email-update"))
    return side.post(CONFIRM, {"token": token}).status


@steps("6.8 a new address that differs in case alone is a new address", "Recased@example.org")
def recased(side: Side) -> Any:
    return change(side, side.user("recased"), email="Recased@example.org").json["data"]["email_to_confirm"]
