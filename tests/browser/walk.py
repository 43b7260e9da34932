"""FitTrackee's own web application in a real browser: a person's whole way from sign-up to sign-out.

    walk.py --url http://127.0.0.1:8080 --mails FOLDER --shots FOLDER

FOLDER of mails holds one .eml file for each mail that the server sent. After each step a picture of the page
is kept. What the page shows is checked, and then what the server says to the page's own token.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import json
import re
import struct
import sys
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

NAME = f"walker_{int(time.time())}"
FIRST_ADDRESS = f"{NAME}@example.org"
SECOND_ADDRESS = f"{NAME}.moved@example.org"
FIRST_PASSWORD = "a long way to walk"
SECOND_PASSWORD = "an even longer way"
PATIENCE = 20.0
# What the application says in place of a page that it gave up, and how often a page is loaded at most.
GIVEN_UP, LOADS = "The application seems to have encountered some issues", 4


class Walk:
    """The browser, the mails, and where the pictures go."""

    def __init__(self, url: str, mails: Path, shots: Path) -> None:
        self.url = url.rstrip("/")
        self.mails = mails
        self.shots = shots
        self.downloads = shots / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        for old in self.downloads.iterdir():
            old.unlink()
        self.steps = 0
        self.browser = start_browser(self.downloads)

    def step(self, title: str, what: Callable[[], None]) -> None:
        """Does a step and keeps a picture of what the page shows afterwards."""
        self.steps += 1
        began = time.monotonic()
        try:
            what()
        except BaseException:
            self.browser.save_screenshot(str(self.shots / f"{self.steps:02}-{title}-FAILED.png"))
            print(f"{self.steps:2} {title}: FAILED at {self.browser.current_url}", flush=True)
            print(self.browser.find_element(By.TAG_NAME, "body").text[:700].replace("\n", " | "), flush=True)
            raise
        self.browser.save_screenshot(str(self.shots / f"{self.steps:02}-{title}.png"))
        print(f"{self.steps:2} {title}: ok, {time.monotonic() - began:.1f} s", flush=True)

    def open(self, path: str) -> None:
        self.browser.get(self.url + path)

    def wait(self, what: str, ready: Callable[[], Any], patience: float = PATIENCE) -> Any:
        until, loads = time.monotonic() + patience, 1
        while time.monotonic() < until:
            try:
                if found := ready():
                    return found
                # The application gives up on a page when it hears of its user before it hears of its settings, which it
                # asks for at the same time: whoever uses it loads the page again.
                if loads < LOADS and GIVEN_UP in self.browser.find_element(By.TAG_NAME, "body").text:
                    self.browser.refresh()
                    loads += 1
            except (WebDriverException, StaleElementReferenceException):
                pass
            time.sleep(0.1)
        raise AssertionError(f"waited in vain for {what}")

    def field(self, css: str) -> WebElement:
        return self.wait(css, lambda: next(iter(self.seen(css)), None))

    def seen(self, css: str) -> list[WebElement]:
        return [element for element in self.browser.find_elements(By.CSS_SELECTOR, css) if element.is_displayed()]

    def write(self, css: str, text: str) -> None:
        field = self.field(css)
        field.clear()
        field.send_keys(text)

    def press(self, text: str, css: str = "button") -> None:
        def button() -> WebElement | None:
            fitting = [element for element in self.seen(css) if element.text.strip() == text and element.is_enabled()]
            return fitting[0] if fitting else None

        self.wait(f"{css} {text!r}", button)
        for _ in range(5):
            try:
                element = self.wait(f"{css} {text!r}", button)
                self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
                element.click()
                return
            except WebDriverException:
                time.sleep(0.2)
        raise AssertionError(f"{css} {text!r} cannot be pressed")

    def shows(self, text: str) -> None:
        self.wait(f"the text {text!r}", lambda: text in self.browser.find_element(By.TAG_NAME, "body").text)

    def token(self) -> str:
        return self.wait("a token", lambda: self.browser.execute_script("return localStorage.getItem('authToken')"))

    def ask(self, path: str, token: str | None = None) -> tuple[int, Any]:
        """What the server says to the page's token."""
        request = urllib.request.Request(self.url + path)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def profile(self) -> dict[str, Any]:
        status, body = self.ask("/api/auth/profile", self.token())
        assert status == 200, body
        return body["data"]

    def mail(self, to: str, subject: str, number: int = 1) -> str:
        """The text of the n-th mail to this address with this subject."""

        def found() -> str | None:
            texts = []
            for file in sorted(self.mails.glob("*.eml")):
                message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
                if to in str(message["To"]) and subject == str(message["Subject"]):
                    body = message.get_body(("plain",))
                    texts.append(body.get_content() if body else "")
            return texts[number - 1] if len(texts) >= number else None

        return self.wait(f"mail {number} to {to}: {subject}", found, 40)

    def follow(self, text: str) -> None:
        """Opens the link of a mail, on the server that is walked."""
        link = re.search(r"https?://\S+?(/[\w-]+\?token=\S+)", text)
        assert link, text
        self.open(link.group(1))


def start_browser(downloads: Path) -> webdriver.Chrome:
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,1600",
        "--lang=en",
        # Nothing leaves the machine: maps and fonts of others stay away.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(downloads.resolve()), "download.prompt_for_download": False}
    )
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def picture(path: Path) -> Path:
    """A small PNG that no other program made."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 4 % 256, y * 4 % 256, 128) * 1)[:3] * 64 for y in range(64) for x in (y,))
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return path


def sign_up(walk: Walk) -> None:
    walk.open("/register")
    walk.write("#username", NAME)
    walk.write("#email", FIRST_ADDRESS)
    walk.write("#password", FIRST_PASSWORD)
    walk.field("#accepted_policy").click()
    walk.press("Register", "form button")
    walk.shows("A link to activate your account has been emailed to the address provided.")


def confirm(walk: Walk) -> None:
    walk.follow(walk.mail(FIRST_ADDRESS, "FitTrackee - Confirm your account"))
    walk.token()
    walk.shows("Upload one!")
    assert walk.profile()["is_active"] is True


def sign_out(walk: Walk) -> None:
    token = walk.token()
    walk.open("/")
    walk.field("button.logout-button").click()
    walk.press("Yes")
    walk.wait("no token", lambda: not walk.browser.execute_script("return localStorage.getItem('authToken')"))
    status, body = walk.ask("/api/auth/profile", token)
    assert (status, body.get("error")) == (401, "invalid_token"), (status, body)


def wrong_password(walk: Walk) -> None:
    sign_in_with(walk, FIRST_ADDRESS, "not the right one")
    walk.shows("Invalid credentials.")


def sign_in(walk: Walk) -> None:
    sign_in_with(walk, FIRST_ADDRESS, FIRST_PASSWORD)
    walk.token()
    walk.shows("Upload one!")


def sign_in_with(walk: Walk, address: str, password: str) -> None:
    walk.open("/login")
    walk.write("#email", address)
    walk.write("#password", password)
    walk.press("Log in", "form button")


def edit_profile(walk: Walk) -> None:
    walk.open("/profile/edit")
    for css, text in (("#first_name", "Wanda"), ("#last_name", "Läufer"), ("#location", "Zürich")):
        walk.write(css, text)
    walk.field("#birth_date").send_keys("05251980")
    walk.write("#bio", "On foot since 1980.")
    walk.press("Submit", "form button")
    walk.wait("the profile page", lambda: walk.browser.current_url.endswith("/profile"))
    walk.shows("Wanda")
    shown = walk.profile()
    assert (shown["first_name"], shown["last_name"], shown["location"]) == ("Wanda", "Läufer", "Zürich"), shown
    assert shown["birth_date"] == "Sun, 25 May 1980 00:00:00 GMT", shown


def edit_preferences(walk: Walk) -> None:
    walk.open("/profile/edit/preferences")
    walk.wait("languages", lambda: len(Select(walk.field("#language")).options) > 1)
    Select(walk.field("#date_format")).select_by_index(2)
    for choice in ("MONDAY", "IMPERIAL", "RAW_SPEED"):
        walk.browser.execute_script("arguments[0].click()", walk.browser.find_element(By.ID, choice))
    walk.press("Submit", "form button")
    walk.wait("the preferences page", lambda: walk.browser.current_url.endswith("/profile/preferences"))
    shown = walk.profile()
    assert (shown["weekm"], shown["imperial_units"], shown["use_raw_gpx_speed"]) == (True, True, True), shown


def edit_sports(walk: Walk) -> None:
    walk.open("/profile/sports")
    walk.press("Edit sports preferences")
    walk.wait("the sports", lambda: len(walk.seen("tbody tr")) == 18)
    row = next(row for row in walk.seen("tbody tr") if "Running" in row.text)
    row.find_element(By.CSS_SELECTOR, "button").click()
    walk.wait("the fields", lambda: walk.seen("tbody tr input[type=color]"))
    color = walk.seen("tbody tr input[type=color]")[0]
    walk.browser.execute_script(
        "arguments[0].value = '#1155cc'; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))", color
    )
    threshold = walk.seen("tbody tr input[type=number]")[0]
    threshold.clear()
    threshold.send_keys("2")
    walk.press("Submit", "tbody button")
    walk.wait("the fields to go", lambda: not walk.seen("tbody tr input[type=number]"))
    status, body = walk.ask("/api/sports", walk.token())
    running = next(sport for sport in body["data"]["sports"] if sport["label"] == "Running")
    assert (running["color"], running["stopped_speed_threshold"]) == ("#1155cc", 3.22), running  # 2 mi/h


def upload_picture(walk: Walk) -> None:
    walk.open("/profile/edit/picture")
    chosen = walk.wait("the field", lambda: walk.browser.find_elements(By.CSS_SELECTOR, "input[type=file]"))[0]
    chosen.send_keys(str(picture(walk.shots / "picture.png").resolve()))
    walk.press("Update picture", "form button")
    walk.wait("the picture", lambda: walk.profile()["picture"])
    walk.open("/profile")
    width = "return document.querySelector('.user-picture img, img.profile-user-img, img')?.naturalWidth || 0"
    walk.wait("the picture on the page", lambda: walk.browser.execute_script(width) == 64)


def delete_picture(walk: Walk) -> None:
    walk.open("/profile/edit/picture")
    walk.press("Remove picture")
    walk.wait("no picture", lambda: not walk.profile()["picture"])


def add_workout(walk: Walk) -> None:
    walk.open("/workouts/add")
    walk.browser.execute_script("arguments[0].click()", walk.wait(
        "the choice without a file", lambda: walk.browser.find_element(By.ID, "withoutGpx")))
    walk.wait("sports", lambda: len(Select(walk.field("#sport")).options) > 1)
    Select(walk.field("#sport")).select_by_visible_text("Running")
    walk.write("#title", "Around the lake")
    walk.field("#workout-date").send_keys("11202026")
    walk.write("#workout-time", "0730AM")
    for css, text in (("#workout-duration-hour", "1"), ("#workout-duration-minutes", "02"),
                      ("#workout-duration-seconds", "03"), ("input[name=workout-distance]", "7")):
        walk.write(css, text)
    walk.press("Submit", "form button")
    walk.wait("the workout's page", lambda: re.search(r"/workouts/\w{22}$", walk.browser.current_url))
    walk.shows("Around the lake")
    assert walk.profile()["nb_workouts"] == 1
    walk.open("/")
    walk.shows("Around the lake")


def change_email(walk: Walk) -> None:
    walk.open("/profile/edit/account")
    walk.write("#email", SECOND_ADDRESS)
    walk.write("#password-field", FIRST_PASSWORD)
    walk.press("Submit", "form button.confirm")
    walk.shows("Please check your email to confirm your new email address.")
    assert SECOND_ADDRESS in walk.mail(FIRST_ADDRESS, "FitTrackee - Email changed")
    shown = walk.profile()
    assert (shown["email"], shown["email_to_confirm"]) == (FIRST_ADDRESS, SECOND_ADDRESS), shown
    walk.follow(walk.mail(SECOND_ADDRESS, "FitTrackee - Confirm email change"))
    walk.wait("the new address", lambda: walk.profile()["email"] == SECOND_ADDRESS)
    assert walk.profile()["email_to_confirm"] is None


def export(walk: Walk) -> None:
    walk.open("/profile/edit/account")
    walk.press("Request data export")
    walk.mail(SECOND_ADDRESS, "FitTrackee - Your archive is ready to be downloaded")
    walk.open("/profile/edit/account")
    walk.wait("the link", lambda: walk.browser.find_element(By.XPATH, "//*[contains(text(), 'Download archive')]")).click()
    archives = walk.wait("the archive", lambda: list(walk.downloads.glob("archive_*.zip")))
    with zipfile.ZipFile(archives[0]) as archive:
        assert archive.testzip() is None
        user = json.loads(archive.read("user_data.json"))
        workouts = json.loads(archive.read("user_workouts_data.json"))
    assert (user["username"], user["email"], len(workouts)) == (NAME, SECOND_ADDRESS, 1), (user, workouts)


def reset_password(walk: Walk) -> None:
    walk.open("/password-reset/request")
    walk.write("#email", SECOND_ADDRESS)
    walk.press("Submit", "form button")
    walk.follow(walk.mail(SECOND_ADDRESS, "FitTrackee - Password reset request"))
    walk.write("#password", SECOND_PASSWORD)
    walk.press("Submit", "form button")
    walk.shows("Your password have been updated.")
    walk.mail(SECOND_ADDRESS, "FitTrackee - Password changed")
    sign_in_with(walk, SECOND_ADDRESS, FIRST_PASSWORD)
    walk.shows("Invalid credentials.")
    sign_in_with(walk, SECOND_ADDRESS, SECOND_PASSWORD)
    walk.token()


STEPS: tuple[tuple[str, Callable[[Walk], None]], ...] = (
    ("register", sign_up),
    ("confirm", confirm),
    ("log-out", sign_out),
    ("wrong-password", wrong_password),
    ("log-in", sign_in),
    ("edit-profile", edit_profile),
    ("edit-preferences", edit_preferences),
    ("edit-sports", edit_sports),
    ("add-workout", add_workout),
    ("upload-picture", upload_picture),
    ("delete-picture", delete_picture),
    ("change-email", change_email),
    ("export", export),
    ("log-out-again", sign_out),
    ("reset-password", reset_password),
    ("log-out-for-good", sign_out),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--mails", required=True, type=Path)
    parser.add_argument("--shots", required=True, type=Path)
    arguments = parser.parse_args()
    arguments.shots.mkdir(parents=True, exist_ok=True)
    walk = Walk(arguments.url, arguments.mails, arguments.shots)
    try:
        for title, what in STEPS:
            walk.step(title, lambda what=what: what(walk))  # type: ignore[misc]
    except Exception as fault:  # noqa: BLE001
        for line in walk.browser.get_log("browser")[-10:]:
            print(line["level"], line["message"][:300], flush=True)
        print(f"browser: {walk.steps - 1} of {len(STEPS)} steps passed: {fault}", flush=True)
        return 1
    finally:
        walk.browser.quit()
    print(f"browser: {len(STEPS)} of {len(STEPS)} steps passed", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
