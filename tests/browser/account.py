"""The account pages in a real browser: from the sign-in to the audit trail, as people and administrators walk them.

    account.py --binary target/debug/trackgate --axe axe.min.js --shots FOLDER

Starts the gateway on a free port and an empty store. After each step a picture of the page is kept, and axe-core looks
at it: what it calls serious or critical fails the step. What the pages show is checked, and what the gateway then says
to a token that they made.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

PASSWORD = "a long way to walk"
NEXT_PASSWORD = "an even longer way"
PATIENCE = 15.0
DESKTOP = (1280, 900)
PHONE = (390, 844)


class Gateway:
    """A trackgate of one's own, ended with the walk."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.folder = folder
        self.binary = binary
        for name, more in (("Rider_One", []), ("boss", ["--admin"]), ("other", [])):
            self.command("user", "add", name, "--email", f"{name.lower()}@example.org", "--password-stdin", *more)
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=(folder / "log").open("w"), text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.match(r"listening on (http://\S+)", line)
        assert found, f"trackgate said {line!r}: {(folder / 'log').read_text()[-2000:]}"
        self.url = found[1]

    def command(self, *words: str) -> None:
        done = subprocess.run(
            [self.binary, "--data-dir", self.folder, *words], input=PASSWORD + "\n", text=True, capture_output=True
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Walk:
    """The browser, the gateway, and where the pictures go."""

    def __init__(self, gateway: Gateway, axe: str, shots: Path) -> None:
        self.gateway, self.axe, self.shots = gateway, axe, shots
        self.steps = 0
        self.browser: webdriver.Chrome | None = None
        self.script = True
        self.token = ""

    @property
    def page(self) -> webdriver.Chrome:
        assert self.browser is not None
        return self.browser

    def begin(self, size: tuple[int, int] = DESKTOP, dark: bool = False, script: bool = True, language: str = "en") -> None:
        """A browser that nobody has used, of this size and looks."""
        self.end()
        options = Options()
        options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu",
                     "--force-color-profile=srgb", f"--window-size={size[0]},{size[1]}", f"--lang={language}"):
            options.add_argument(flag)
        preferences: dict[str, Any] = {"intl.accept_languages": language}
        if not script:
            preferences["profile.managed_default_content_settings.javascript"] = 2
        options.add_experimental_option("prefs", preferences)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.script = script
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
        self.page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        origin = {"origin": self.gateway.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        self.page.execute_cdp_cmd("Browser.grantPermissions", origin)

    def end(self) -> None:
        if self.browser is not None:
            self.browser.quit()
            self.browser = None

    def step(self, title: str, what: Callable[[], None]) -> None:
        self.steps += 1
        began = time.monotonic()
        try:
            what()
            self.check()
        except BaseException:
            self.picture(f"{title}-FAILED")
            print(f"{self.steps:2} {title}: FAILED at {self.page.current_url}", flush=True)
            print(self.page.find_element(By.TAG_NAME, "body").text[:900].replace("\n", " | "), flush=True)
            raise
        self.picture(title)
        print(f"{self.steps:2} {title}: ok, {time.monotonic() - began:.1f} s", flush=True)

    def picture(self, title: str) -> None:
        """The whole page, not only what fits on the screen."""
        shot = self.page.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        (self.shots / f"{self.steps:02}-{title}.png").write_bytes(base64.b64decode(shot["data"]))

    def check(self) -> None:
        """What axe-core says of the page, whether it is wider than the screen, and what the console has to say."""
        if not self.script:
            return
        told = [line for line in self.page.get_log("browser") if line["level"] == "SEVERE"]
        # A refused form is answered with its status, which Chromium calls a failure to load.
        told = [line for line in told if not re.search(r"status of 4\d\d", line["message"])]
        assert not told, f"the console says {told}"
        wide = self.page.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"the page is {wide} pixels wider than the screen"
        self.page.execute_script(self.axe)
        found = self.page.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then((all) => done(all.violations), (e) => done(String(e)));"
        )
        assert isinstance(found, list), found
        bad = [
            f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]} {each['nodes'][0]['failureSummary'][:300]}"
            for each in found if each["impact"] in ("serious", "critical")
        ]
        assert not bad, "axe-core: " + "; ".join(bad)

    def open(self, path: str) -> None:
        self.page.get(self.gateway.url + path)

    def wait(self, what: str, ready: Callable[[], Any]) -> Any:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                if found := ready():
                    return found
            except WebDriverException:
                pass
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}")

    def field(self, css: str) -> WebElement:
        return self.wait(css, lambda: next((e for e in self.page.find_elements(By.CSS_SELECTOR, css) if e.is_displayed()), None))

    def write(self, css: str, text: str) -> None:
        field = self.field(css)
        field.clear()
        field.send_keys(text)

    def click(self, css: str) -> None:
        self.wait(f"to press {css}", lambda: self.field(css).click() or True)

    def press(self, text: str, css: str = "button, a.button") -> None:
        def pressed() -> bool:
            for element in self.page.find_elements(By.CSS_SELECTOR, css):
                if element.is_displayed() and element.text.strip().split("\n")[0].strip() == text:
                    # Chromium takes a first press for a scroll where it must scroll first.
                    self.page.execute_cdp_cmd("Runtime.enable", {})
                    element.location_once_scrolled_into_view  # noqa: B018
                    element.click()
                    return True
            return False

        self.wait(f"{css} {text!r}", pressed)

    def body(self) -> str:
        return self.page.find_element(By.TAG_NAME, "body").text

    def shows(self, text: str) -> None:
        self.wait(f"the text {text!r}", lambda: text in self.body())

    def at(self, path: str) -> None:
        self.wait(f"the page {path}", lambda: self.page.current_url.split("?")[0] == self.gateway.url + path)

    def ask(self, path: str, name: str, password: str, body: bytes | None = None) -> int:
        """The status that the gateway answers to this name and password by HTTP Basic."""
        request = urllib.request.Request(self.gateway.url + path, data=body)
        pair = base64.b64encode(f"{name}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {pair}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        self.open("/account/sign-in")
        self.write("#login", name)
        self.write("#password", password)
        self.press("Sign in" if "Sign in" in self.body() else "Anmelden")
        self.at("/account")


def led_to_sign_in(walk: Walk) -> None:
    walk.begin()
    walk.open("/account/tokens")
    walk.at("/account/sign-in")
    walk.shows("One account for all trackers")


def wrong_password(walk: Walk) -> None:
    walk.write("#login", "Rider_One")
    walk.write("#password", "not this one")
    walk.press("Sign in")
    walk.shows("The name or the password is not right.")
    assert walk.field("#login").get_attribute("value") == "Rider_One"
    assert walk.field("#password").get_attribute("value") == ""


def signed_in(walk: Walk) -> None:
    walk.write("#password", PASSWORD)
    walk.press("Sign in")
    # To where the way began.
    walk.at("/account/tokens")
    walk.shows("No tokens yet")


def overview(walk: Walk) -> None:
    walk.open("/account")
    walk.shows("Hello, Rider_One")
    walk.shows("rider_one@example.org")


def incomplete_token(walk: Walk) -> None:
    walk.open("/account/tokens/new")
    walk.write("#label", "phone")
    walk.press("Make the token")
    walk.shows("Choose at least one permission.")


def make_token(walk: Walk) -> None:
    walk.click("input[value='points:write']")
    walk.click("input[value='points:read']")
    Select(walk.field("#expiry")).select_by_value("30d")
    walk.press("Make the token")
    walk.shows("shown only this once")
    walk.token = walk.field("#token").get_attribute("value") or ""
    assert walk.token.startswith("tg_"), walk.token
    walk.press("Copy", "button[data-copy='token']")
    walk.shows("Copied")
    copied = walk.page.execute_async_script("navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))")
    assert copied == walk.token, "the clipboard has something else"
    assert f"-u 'Rider_One:{walk.token}'" in walk.body()


def use_token(walk: Walk) -> None:
    assert walk.ask("/user", "Rider_One", walk.token) == 200
    written = walk.ask("/write?db=rider_one", "Rider_One", walk.token, b"samples spd_kph=25.4,hr_bpm=131")
    assert written == 204, written
    walk.press("I have kept it")

    def used() -> bool:
        # Uses are written in steps.
        walk.open("/account/tokens")
        return "127.0.0.1" in walk.body()

    walk.wait("the last use", used)
    assert walk.token not in walk.page.page_source


def rotate_token(walk: Walk) -> None:
    old = walk.token
    walk.press("Manage")
    walk.press("Rotate the token")
    walk.shows("The old one ends")
    walk.token = walk.field("#token").get_attribute("value") or ""
    assert walk.token != old
    assert walk.ask("/user", "Rider_One", walk.token) == walk.ask("/user", "Rider_One", old) == 200


def revoke_token(walk: Walk) -> None:
    walk.press("I have kept it")
    walk.press("Manage")
    walk.press("Revoke the token")
    walk.shows("The token is revoked.")
    assert walk.ask("/user", "Rider_One", walk.token) == 403


def sessions(walk: Walk) -> None:
    body = b'{"login":"rider_one@example.org","password":"%s","service":"PHP <b>SDK</b>","version":"1.0"}' % PASSWORD.encode()
    request = urllib.request.Request(walk.gateway.url + "/login", data=body, headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).read()
    body = b'{"email":"rider_one@example.org","password":"%s"}' % PASSWORD.encode()
    request = urllib.request.Request(walk.gateway.url + "/api/auth/login", data=body, headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).read()
    walk.open("/account/sessions")
    walk.shows("PHP <b>SDK</b>")
    walk.shows("this browser")
    walk.shows("Signed tokens")


def end_session(walk: Walk) -> None:
    row = walk.wait("the other session", lambda: next(
        (row for row in walk.page.find_elements(By.CSS_SELECTOR, "tbody tr") if "SDK" in row.text), None))
    row.find_element(By.CSS_SELECTOR, "button").click()
    walk.shows("The session has ended.")
    assert "SDK" not in walk.body()


def end_signed(walk: Walk) -> None:
    row = walk.wait("the signed token", lambda: next(
        (row for row in walk.page.find_elements(By.CSS_SELECTOR, "tbody tr") if "JWT" in row.text), None))
    row.find_element(By.CSS_SELECTOR, "button").click()
    walk.shows("The token has ended.")
    assert "JWT" not in walk.body()


def end_all(walk: Walk) -> None:
    walk.press("End all other sessions")
    walk.shows("You stay signed in here.")
    assert "Signed tokens" not in walk.page.find_element(By.TAG_NAME, "h1").text


def wrong_present_password(walk: Walk) -> None:
    walk.open("/account/password")
    walk.write("#present", "not this one")
    walk.write("#new", NEXT_PASSWORD)
    walk.write("#repeat", NEXT_PASSWORD)
    walk.press("Change the password")
    walk.shows("The present password is not right.")


def change_password(walk: Walk) -> None:
    walk.write("#present", PASSWORD)
    walk.write("#new", NEXT_PASSWORD)
    walk.write("#repeat", NEXT_PASSWORD)
    walk.press("Change the password")
    walk.shows("The password is changed.")
    assert walk.ask("/user", "Rider_One", PASSWORD) == 403
    assert walk.ask("/user", "Rider_One", NEXT_PASSWORD) == 200


def make_private(walk: Walk) -> None:
    walk.open("/account/sharing")
    walk.shows("No links")
    walk.click("input[value='private']")
    walk.press("Save")
    walk.shows("Saved.")


def share_link(walk: Walk) -> None:
    walk.write("#label", "Grandma")
    Select(walk.field("#life")).select_by_value("1d")
    walk.press("Make the link")
    walk.shows("shown only this once")
    link = walk.field("#link").get_attribute("value") or ""
    assert link.startswith(walk.gateway.url + "/watch/rider_one#share="), link


def shared_links(walk: Walk) -> None:
    walk.press("I have kept it")
    walk.shows("Grandma")


def end_link(walk: Walk) -> None:
    walk.press("End")
    walk.shows("The link no longer works.")


def events(walk: Walk) -> None:
    walk.open("/account/events")
    for text in ("Password changed", "Token made", "Sharing changed", "wrong password", "Session ended"):
        walk.shows(text)


def not_found(walk: Walk) -> None:
    walk.open("/account/none")
    walk.shows("There is nothing here")


def not_an_admin(walk: Walk) -> None:
    walk.open("/account/admin")
    walk.shows("You may not do that")


def sign_out(walk: Walk) -> None:
    walk.open("/account")
    walk.press("Sign out")
    walk.shows("You are signed out.")
    walk.open("/account/events")
    walk.at("/account/sign-in")


def by_keyboard(walk: Walk) -> None:
    """The skip link is the first stop, and shows."""
    walk.open("/account/none")
    ActionChains(walk.page).send_keys(Keys.TAB).perform()
    first = walk.page.switch_to.active_element
    assert first.get_attribute("class") == "skip", first.get_attribute("outerHTML")
    time.sleep(0.3)
    assert first.rect["y"] >= 0, first.rect


def admin_accounts(walk: Walk) -> None:
    walk.begin()
    walk.sign_in("boss")
    walk.open("/account/admin")
    walk.shows("Rider_One")
    walk.write("#q", "OTHER@")
    walk.press("Search")
    walk.shows("other@example.org")
    assert "Rider_One" not in walk.body()


def admin_account(walk: Walk) -> None:
    for _ in range(11):
        walk.ask("/user", "other", "a guess")
    walk.press("Open")
    walk.shows("Locked until")


def admin_unlock(walk: Walk) -> None:
    walk.press("Unlock")
    walk.shows("The account is unlocked.")
    assert walk.ask("/user", "other", PASSWORD) == 200


def admin_disable(walk: Walk) -> None:
    walk.press("Take out of use")
    walk.shows("The account is out of use")
    assert walk.ask("/user", "other", PASSWORD) == 403
    walk.press("Take into use")
    walk.shows("The account is in use again.")


def admin_audit(walk: Walk) -> None:
    walk.open("/account/admin/audit")
    walk.write("#who", "rider")
    Select(walk.field("#outcome")).select_by_value("refused")
    walk.press("Search")
    walk.shows("wrong password")
    assert "Token made" not in walk.page.find_element(By.CSS_SELECTOR, "tbody").text


def dark(walk: Walk) -> None:
    walk.begin(dark=True)
    walk.open("/account/sign-in")
    walk.shows("One account for all trackers")


def dark_overview(walk: Walk) -> None:
    walk.sign_in("Rider_One", NEXT_PASSWORD)
    walk.shows("Hello, Rider_One")


def dark_sharing(walk: Walk) -> None:
    walk.open("/account/sharing")
    walk.shows("Private")


def dark_new_token(walk: Walk) -> None:
    walk.open("/account/tokens/new")
    walk.click("input[value='points:write']")


def dark_sessions(walk: Walk) -> None:
    walk.open("/account/sessions")
    walk.shows("this browser")


def phone(walk: Walk) -> None:
    walk.begin(PHONE)
    walk.open("/account/sign-in")
    walk.shows("One account for all trackers")


def phone_overview(walk: Walk) -> None:
    walk.sign_in("Rider_One", NEXT_PASSWORD)
    walk.shows("Hello, Rider_One")


def phone_make_token(walk: Walk) -> None:
    walk.open("/account/tokens/new")
    walk.write("#label", "logger on the bike")
    walk.click("input[value='points:write']")
    walk.click("input[value='sessions:read']")
    walk.press("Make the token")
    walk.shows("shown only this once")


def phone_tokens(walk: Walk) -> None:
    walk.press("I have kept it")
    walk.shows("logger on the bike")


def phone_page(path: str, text: str) -> Callable[[Walk], None]:
    def look(walk: Walk) -> None:
        walk.open(path)
        walk.shows(text)
    return look


def phone_dark_admin(walk: Walk) -> None:
    walk.begin(PHONE, dark=True)
    walk.sign_in("boss")
    walk.open("/account/admin/audit")
    walk.shows("Audit trail")


def german(walk: Walk) -> None:
    walk.begin(language="de")
    walk.open("/account/sign-in")
    walk.shows("Ein Konto für alle Tracker")
    walk.sign_in("Rider_One", NEXT_PASSWORD)
    walk.shows("Hallo, Rider_One")


def german_tokens(walk: Walk) -> None:
    walk.open("/account/tokens/new")
    walk.shows("Was darf es?")


def back_to_english(walk: Walk) -> None:
    walk.press("English", "a")
    walk.at("/account/tokens/new")
    walk.shows("What may it do?")


def without_script(walk: Walk) -> None:
    walk.begin(script=False)
    walk.sign_in("Rider_One", NEXT_PASSWORD)
    walk.shows("Hello, Rider_One")
    walk.open("/account/tokens/new")
    walk.write("#label", "made without a script")
    walk.click("input[value='profile:read']")
    walk.press("Make the token")
    walk.shows("shown only this once")
    token = walk.field("#token").get_attribute("value") or ""
    assert token.startswith("tg_")
    assert not [button for button in walk.page.find_elements(By.CSS_SELECTOR, "button[data-copy]") if button.is_displayed()]


STEPS: tuple[tuple[str, Callable[[Walk], None]], ...] = (
    ("led-to-sign-in", led_to_sign_in),
    ("wrong-password", wrong_password),
    ("signed-in", signed_in),
    ("overview", overview),
    ("incomplete-token", incomplete_token),
    ("make-token", make_token),
    ("use-token", use_token),
    ("rotate-token", rotate_token),
    ("revoke-token", revoke_token),
    ("sessions", sessions),
    ("end-session", end_session),
    ("end-signed", end_signed),
    ("end-all", end_all),
    ("wrong-present-password", wrong_present_password),
    ("change-password", change_password),
    ("make-private", make_private),
    ("share-link", share_link),
    ("shared-links", shared_links),
    ("end-link", end_link),
    ("events", events),
    ("not-found", not_found),
    ("not-an-admin", not_an_admin),
    ("sign-out", sign_out),
    ("by-keyboard", by_keyboard),
    ("admin-accounts", admin_accounts),
    ("admin-account", admin_account),
    ("admin-unlock", admin_unlock),
    ("admin-disable", admin_disable),
    ("admin-audit", admin_audit),
    ("dark", dark),
    ("dark-overview", dark_overview),
    ("dark-sharing", dark_sharing),
    ("dark-new-token", dark_new_token),
    ("dark-sessions", dark_sessions),
    ("phone", phone),
    ("phone-overview", phone_overview),
    ("phone-make-token", phone_make_token),
    ("phone-tokens", phone_tokens),
    ("phone-sessions", phone_page("/account/sessions", "this browser")),
    ("phone-sharing", phone_page("/account/sharing", "Who may watch?")),
    ("phone-password", phone_page("/account/password", "Present password")),
    ("phone-events", phone_page("/account/events", "Password changed")),
    ("phone-dark-admin", phone_dark_admin),
    ("phone-dark-accounts", phone_page("/account/admin", "Rider_One")),
    ("german", german),
    ("german-tokens", german_tokens),
    ("back-to-english", back_to_english),
    ("without-script", without_script),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--axe", required=True, type=Path)
    parser.add_argument("--shots", required=True, type=Path)
    arguments = parser.parse_args()
    arguments.shots.mkdir(parents=True, exist_ok=True)
    for old in arguments.shots.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(arguments.binary.resolve(), Path(folder))
        walk = Walk(gateway, arguments.axe.read_text(), arguments.shots)
        passed = 0
        try:
            for title, what in STEPS:
                walk.step(title, lambda what=what: what(walk))  # type: ignore[misc]
                passed += 1
        except Exception as fault:  # noqa: BLE001
            print(f"the walk ends: {fault}", flush=True)
        finally:
            walk.end()
            gateway.stop()
    print(f"account: {passed} of {len(STEPS)} steps", flush=True)
    return 0 if passed == len(STEPS) else 1


if __name__ == "__main__":
    sys.exit(main())
