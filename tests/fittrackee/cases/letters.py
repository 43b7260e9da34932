"""Section 7: the mails."""

from __future__ import annotations

import re
from typing import Any

from case import case, steps
from expect import text_like
from mails import Mail
from objects import ACCOUNT, PASSWORD_UPDATE, REGISTER, RESET_REQUEST
from original import SENDER, UI_URL
from side import AGENT, PASSWORD, Side, User, link_token
from wire import json_body

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
KINDS = ["multipart/alternative", "text/plain", "text/html"]


def french(side: Side) -> User:
    return side.user("lettrefr", "fr")


def english(side: Side) -> User:
    return side.user("letteren")


def outline(mail: Mail, page: str = "", line: str = "") -> list[Any]:
    """What the contract says of a mail: parts, sender, and the link in both of its texts."""
    link = re.search(re.escape(UI_URL + page) + r"[?&=\w.\-/]*", mail.text) if page else None
    told = [mail.kinds, mail.sender, str(mail.message["From"]), list(mail.recipients) == [str(mail.message["To"])]]
    if page:
        address = link[0] if link else "no link"
        told += [f"{line}{address}" in mail.text.splitlines(), f'href="{address}"' in mail.html]
    return told


PLAIN = [KINDS, SENDER, SENDER, True]
LINKED = [*PLAIN, True, True]


@steps("7 confirmation", ["FitTrackee - Confirm your account", LINKED])
def confirmation(side: Side) -> Any:
    mail = side.mail(english(side).email)
    return [mail.subject, outline(mail, "/account-confirmation?token=", "Verify your email: ")]


@steps(
    "7 confirmation in French",
    [text_like("another subject", r"FitTrackee - .*[Cc]onfirm.*"), "Bonjour", *LINKED[:4], True],
)
def confirmation_in_french(side: Side) -> Any:
    mail = side.mail(french(side).email)
    word = re.search(r"\bBonjour\b", mail.text)
    told = outline(mail, "/account-confirmation?token=")
    return [mail.subject, word[0] if word else mail.text, *told[:4], told[5]]


def agent_line(name: str, agent: str | None, words: list[str]) -> None:
    """The mail names the system and the browser of the one who asked."""

    def step(side: Side) -> Any:
        email = f"{name}@example.org"
        form = {"username": name, "email": email, "password": PASSWORD, "accepted_policy": True}
        side.send("POST", REGISTER, json_body(form), headers={"User-Agent": agent or ""})
        mail = side.mail(email, "account-confirmation")
        return [word for word in words if word in mail.text and word in mail.html]

    case(f"7 system and browser in the mail: {name}", step, words)


agent_line("firefox", AGENT, ["Linux", "Firefox"])
agent_line("chrome", CHROME, ["Windows", "Chrome"])
agent_line("unknown", None, ["Other"])


@steps("7 a user agent writes no HTML into the mail", True)
def hostile_agent(side: Side) -> Any:
    form = {"username": "hostile", "email": "hostile@example.org", "password": PASSWORD, "accepted_policy": True}
    agent = "Mozilla/5.0 (X11; Linux x86_64) <script>alert(1)</script> Firefox/128.0"
    side.send("POST", REGISTER, json_body(form), headers={"User-Agent": agent})
    return "<script>" not in side.mail("hostile@example.org").html


def reset_mail(side: Side, owner: User) -> Mail:
    def make() -> Mail:
        side.post(RESET_REQUEST, {"email": owner.email})
        return side.mail(owner.email, "/password-reset?token=")

    mail: Mail = side.remember(f"reset mail {owner.name}", make)
    return mail


@steps("7 password reset, with its life in words", ["FitTrackee - Password reset request", LINKED, "hour"])
def reset(side: Side) -> Any:
    mail = reset_mail(side, english(side))
    word = re.search(r"\b(1|an) (hour)\b", mail.text)
    return [
        mail.subject,
        outline(mail, "/password-reset?token=", "Reset your password: "),
        word[2] if word else mail.text,
    ]


@steps("7 password reset in French, with its life in words", ["heure", *LINKED[:4], True])
def reset_in_french(side: Side) -> Any:
    mail = reset_mail(side, french(side))
    word = re.search(r"\b(1|une) (heure)\b", mail.text)
    told = outline(mail, "/password-reset?token=")
    return [word[2] if word else mail.text, *told[:4], told[5]]


@steps("7 password changed", ["FitTrackee - Password changed", PLAIN])
def changed(side: Side) -> Any:
    owner = english(side)
    token = link_token(reset_mail(side, owner))
    count = len(side.mails.to(owner.email))
    side.post(PASSWORD_UPDATE, {"token": token, "password": PASSWORD})
    mail = side.mail(owner.email, "", count + 1)
    return [mail.subject, outline(mail)]


@steps(
    "7 e-mail change: one mail to each address",
    ["FitTrackee - Email changed", PLAIN, "names the new one", "FitTrackee - Confirm email change", LINKED],
)
def email_change(side: Side) -> Any:
    owner = english(side)
    count = len(side.mails.to(owner.email))
    form = {"email": "letter-new@example.org", "password": PASSWORD}
    side.send("PATCH", ACCOUNT, json_body(form), owner.token)
    old, new = side.mail(owner.email, "", count + 1), side.mail("letter-new@example.org")
    named = "letter-new@example.org" in old.text and "letter-new@example.org" in old.html
    told = outline(new, "/email-update?token=", "Verify your email: ")
    return [old.subject, outline(old), "names the new one" if named else old.text, new.subject, told]


@steps("7 the mail greets by the user's name", [True, True])
def greeting(side: Side) -> Any:
    mail = side.mail(english(side).email)
    return ["letteren" in mail.text, "letteren" in mail.html]


@steps("7 each mail has an id of its own", "different")
def message_ids(side: Side) -> Any:
    mails = side.mails.to(english(side).email) + side.mails.to(french(side).email)
    found = [str(mail.message["Message-ID"]) for mail in mails]
    return "different" if len({*found}) == len(found) > 2 and "None" not in found else found
