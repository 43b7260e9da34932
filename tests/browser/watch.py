"""The live page of a rider in a real browser, while a simulated ride arrives.

    watch.py --binary target/debug/trackgate --axe axe.min.js --shots FOLDER

Starts the gateway on a free port and an empty store. A rider goes round a lake; a friend watches on desktop and phone,
in light and dark, by a share link, and where streams are held up on the way. After each step a picture of the page is
kept, axe-core looks at it, and whatever the page loaded must have come from this gateway.
"""

from __future__ import annotations

import argparse
import base64
import http.server
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zlib
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

RIDER = "lake_rider"
PASSWORD = "a long way round"
PATIENCE = 15.0
DESKTOP = (1280, 860)
PHONE = (390, 844)
#: Between the press of a button that ends something and what the friend sees: a second, and the way there and back.
AT_ONCE = 1.5


class Gateway:
    """A trackgate of one's own."""

    def __init__(self, binary: Path, folder: Path, more: str = "") -> None:
        self.binary, self.folder = binary, folder
        self.config = folder / "trackgate.toml"
        self.config.write_text(more)
        self.listen = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.binary, "serve", "--config", self.config, "--listen", self.listen, "--data-dir", self.folder / "data"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log.open("a"), text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.match(r"listening on http://(\S+)", line)
        assert found, f"trackgate said {line!r}: {self.log.read_text()[-2000:]}"
        self.listen = found[1]
        # What it logs must not fill the pipe.
        self.said: list[str] = []
        threading.Thread(target=lambda out: self.said.extend(out), args=(self.process.stdout,), daemon=True).start()

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def url(self) -> str:
        return f"http://{self.listen}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def post(self, path: str, body: bytes, name: str = "") -> int:
        request = urllib.request.Request(self.url + path, data=body)
        if name:
            pair = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()
            request.add_header("Authorization", f"Basic {pair}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status

    def register(self, name: str) -> None:
        assert self.post("/register", f"username={name}&password={PASSWORD.replace(' ', '+')}".encode()) == 200

    def write(self, name: str, lines: list[str]) -> None:
        assert self.post(f"/write?db={name}&precision=ms", "\n".join(lines).encode(), name) == 204


def sample(second: float, at: float) -> str:
    """A second of a ride round a lake, as a line of the line protocol at this time."""
    turn = 2 * math.pi * second / 2400
    reach = 0.02 + 0.004 * math.sin(3 * turn) + 0.002 * math.sin(7 * turn + 1)
    climb = math.sin(2 * turn) + 0.4 * math.sin(5 * turn)
    speed = 27 - 6 * climb + 2 * math.sin(second / 9) + 1.2 * math.sin(second / 2.3)
    fields = {
        "lat": 53.15 + reach * math.sin(turn) * 0.6,
        "lng": 8.2 + reach * math.cos(turn) * 1.4,
        "spd_kph": max(0.0, speed),
        "hr_bpm": 132 + 14 * climb + 4 * math.sin(second / 40),
        "pwr_w": max(0.0, 190 + 70 * climb + 25 * math.sin(second / 5)),
        "alt_m": 40 + 25 * climb,
        "cad_rpm": 86 + 5 * math.sin(second / 17),
        "temp_c": 17.3 + math.sin(second / 900),
        "dist_km": second * 27 / 3600,
        "dur_s": second,
        "battery": 92 - second / 300,
        "acc_m": 7.5,
    }
    return "samples " + ",".join(f"{name}={value:.6f}" for name, value in fields.items()) + f" {round(at * 1000)}"


class Ride:
    """A rider who is on the way: half an hour lies behind, then four seconds of the ride pass in each."""

    BEHIND = 1800

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        now = time.time()
        gateway.write(RIDER, [sample(second, now - self.BEHIND + second) for second in range(self.BEHIND)])
        self.second = self.BEHIND
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.go, daemon=True)
        self.thread.start()

    def go(self) -> None:
        while not self.over.wait(0.25):
            self.second += 1
            try:
                self.gateway.write(RIDER, [sample(self.second, time.time())])
            except OSError:
                # The gateway restarts in one of the steps.
                continue

    def stop(self) -> None:
        self.over.set()
        self.thread.join()


class Browser:
    """A browser that nobody used before."""

    def __init__(self, url: str, size: tuple[int, int] = DESKTOP, dark: bool = False, language: str = "en") -> None:
        self.url = url
        options = Options()
        options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu",
                     "--force-color-profile=srgb", f"--window-size={size[0]},{size[1]}", f"--lang={language}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1.5, "mobile": size[0] < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})

    def open(self, path: str) -> None:
        self.driver.get(self.url + path)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, what: str, ready: Callable[[], Any], patience: float = PATIENCE) -> Any:
        until = time.monotonic() + patience
        while time.monotonic() < until:
            try:
                if found := ready():
                    return found
            except WebDriverException:
                pass
            time.sleep(0.03)
        raise AssertionError(f"waited in vain for {what}")

    def seen(self, css: str) -> list[WebElement]:
        return [element for element in self.driver.find_elements(By.CSS_SELECTOR, css) if element.is_displayed()]

    def field(self, css: str) -> WebElement:
        return self.wait(css, lambda: next(iter(self.seen(css)), None))

    def text(self, css: str) -> str:
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", css)

    def shows(self, text: str, patience: float = PATIENCE) -> None:
        body = lambda: text in self.driver.find_element(By.TAG_NAME, "body").text  # noqa: E731
        self.wait(f"the text {text!r}", body, patience)

    def press(self, text: str, css: str = "button, a.button") -> None:
        def pressed() -> bool:
            for element in self.seen(css):
                if element.text.strip().split("\n")[0].strip() == text:
                    self.run("arguments[0].scrollIntoView({block: 'center'})", element)
                    element.click()
                    return True
            return False

        self.wait(f"{css} {text!r}", pressed)

    def state(self, wanted: str, patience: float = PATIENCE) -> None:
        self.wait(f"the state {wanted}", lambda: self.run("return document.body.dataset.state") == wanted, patience)

    def ink(self, css: str) -> int:
        """How many dots of a canvas differ from its most common colour."""
        return self.run(
            """const canvas = document.querySelector(arguments[0]);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const counts = new Map();
            for (let at = 0; at < data.length; at += 4) {
              const key = (data[at] << 24) ^ (data[at + 1] << 16) ^ (data[at + 2] << 8) ^ data[at + 3];
              counts.set(key, (counts.get(key) ?? 0) + 1);
            }
            return data.length / 4 - Math.max(...counts.values());""",
            css,
        )

    def asked(self, part: str) -> list[str]:
        """What the page loaded whose address has this part."""
        entries = self.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        return [entry for entry in entries if part in entry]

    def quit(self) -> None:
        self.driver.quit()


class Walk:
    """The gateway, the friend who watches, the owner's browser, and where the pictures go."""

    def __init__(self, gateway: Gateway, axe: str, shots: Path) -> None:
        self.gateway, self.axe, self.shots = gateway, axe, shots
        self.steps = 0
        self.ride: Ride | None = None
        self.friend: Browser | None = None
        self.owner: Browser | None = None
        self.token = ""
        self.hosts = [gateway.url]

    @property
    def page(self) -> Browser:
        assert self.friend is not None
        return self.friend

    @property
    def account(self) -> Browser:
        assert self.owner is not None
        return self.owner

    def begin(self, size: tuple[int, int] = DESKTOP, dark: bool = False, language: str = "en") -> None:
        if self.friend:
            self.friend.quit()
        self.friend = Browser(self.gateway.url, size, dark, language)

    def step(self, title: str, what: Callable[[], None]) -> None:
        self.steps += 1
        began = time.monotonic()
        try:
            what()
            self.check()
        except BaseException:
            if self.friend:
                self.picture(f"{title}-FAILED")
                print(f"{self.steps:2} {title}: FAILED at {self.page.driver.current_url}", flush=True)
                print(self.page.driver.find_element(By.TAG_NAME, "body").text[:700].replace("\n", " | "), flush=True)
                print(self.page.driver.get_log("browser"), flush=True)
            raise
        self.picture(title)
        print(f"{self.steps:2} {title}: ok, {time.monotonic() - began:.1f} s", flush=True)

    def picture(self, title: str) -> None:
        self.page.driver.save_screenshot(str(self.shots / f"{self.steps:02}-{title}.png"))

    def check(self) -> None:
        """What axe-core says, what the console says, whether the page is too wide, and where it loaded from."""
        page = self.page
        told = [line["message"] for line in page.driver.get_log("browser") if line["level"] == "SEVERE"]
        # A refusal, a blocked stream and a gateway that restarts are what the steps are about.
        told = [line for line in told if not re.search(r"status of (403|503)|net::ERR_|ERR_BLOCKED", line)]
        assert not told, f"the console says {told}"
        wide = page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"the page is {wide} pixels wider than the screen"
        foreign = [entry for entry in page.asked("") if not any(entry.startswith(host + "/") for host in self.hosts)]
        assert not foreign, f"loaded from elsewhere: {foreign}"
        page.run(self.axe)
        found = page.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then((all) => done(all.violations), (e) => done(String(e)));"
        )
        assert isinstance(found, list), found
        bad = [f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]}" for each in found]
        assert not bad, "axe-core: " + "; ".join(bad)

    def lives(self) -> None:
        """The ride arrives: values change, and so does what is drawn."""
        page = self.page
        page.state("live")
        value = lambda: page.text(".value-dur_s .number")  # noqa: E731
        first = page.wait("a value", value)
        page.wait("another value", lambda: value() not in ("", first), 5)
        place = page.text("#where")
        page.wait("another place", lambda: page.text("#where") != place, 5)


def nobody(walk: Walk) -> None:
    walk.begin()
    walk.page.open("/watch/nobody_here")
    walk.page.shows("This rider is private")
    link = walk.page.field("#notice-link")
    assert (link.get_attribute("href") or "").endswith("/account/sign-in?next=%2Fwatch%2Fnobody_here")


def no_samples(walk: Walk) -> None:
    walk.gateway.register(RIDER)
    walk.page.open(f"/watch/{RIDER}")
    walk.page.shows("No samples in the last 8 h")


def sets_off(walk: Walk) -> None:
    walk.ride = Ride(walk.gateway)
    # The page that was left open fills by itself.
    walk.lives()
    assert walk.page.driver.title == f"{RIDER} - Live Tracking"
    assert len(walk.page.seen(".plot")) == 6
    page = walk.page
    page.wait("a track", lambda: page.ink("#track") > 5000)
    assert page.ink("#marker") > 300
    for name in ("spd_kph", "hr_bpm", "pwr_w", "alt_m"):
        assert page.ink(f".plot-{name} canvas") > 3000, name


def reads_a_plot(walk: Walk) -> None:
    canvas = walk.page.field(".plot-spd_kph canvas")
    before = walk.page.ink("#marker")
    ActionChains(walk.page.driver).move_to_element(canvas).perform()
    walk.page.wait("the value under the pointer", lambda: "·" in walk.page.text(".plot-hr_bpm .plot-value"))
    walk.page.wait("its place on the map", lambda: walk.page.ink("#marker") != before)


def by_keys(walk: Walk) -> None:
    page = walk.page
    ActionChains(page.driver).move_to_element(page.field("h1")).perform()
    page.run("document.querySelector('.plot-alt_m canvas').focus()")
    ActionChains(page.driver).send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT).perform()
    page.wait("the value as text", lambda: re.match(r"Elevation, .*: \d+ m", page.text("#announced")))
    page.run("document.querySelector('#marker').focus()")
    ActionChains(page.driver).send_keys("+").send_keys(Keys.ARROW_RIGHT).perform()
    assert page.field("#follow").get_attribute("aria-pressed") == "false"
    ActionChains(page.driver).send_keys("f").perform()
    assert page.field("#follow").get_attribute("aria-pressed") == "true"


def by_mouse(walk: Walk) -> None:
    page = walk.page
    drawn = page.run("return document.querySelector('#track').toDataURL()")
    chart = page.field("#marker")
    ActionChains(page.driver).drag_and_drop_by_offset(chart, 120, 60).perform()
    page.wait("another part of the map", lambda: page.run("return document.querySelector('#track').toDataURL()") != drawn)
    assert page.field("#follow").get_attribute("aria-pressed") == "false"
    page.field("#zoom-out").click()
    page.field("#fit").click()
    page.press("10 min", ".ranges button")
    page.press("All", ".ranges button")


def dark(walk: Walk) -> None:
    walk.begin(dark=True)
    walk.page.open(f"/watch/{RIDER}")
    walk.lives()
    assert walk.page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(11, 14, 19)"
    assert walk.page.run("return [...document.querySelector('#track').getContext('2d').getImageData(2, 2, 1, 1).data][0]") < 60


def changes_to_light(walk: Walk) -> None:
    scheme = [{"name": "prefers-color-scheme", "value": "light"}]
    walk.page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    corner = "return [...document.querySelector('#track').getContext('2d').getImageData(2, 2, 1, 1).data][0]"
    walk.page.wait("a light map", lambda: walk.page.run(corner) > 200)


def phone(walk: Walk) -> None:
    walk.begin(PHONE)
    walk.page.open(f"/watch/{RIDER}")
    walk.lives()
    assert walk.page.ink("#track") > 2000


def phone_below(walk: Walk) -> None:
    walk.page.run("document.querySelector('.along').scrollIntoView()")


def phone_dark_german(walk: Walk) -> None:
    walk.begin(PHONE, dark=True, language="de")
    walk.page.open(f"/watch/{RIDER}")
    walk.lives()
    walk.page.shows("Tempo")
    assert re.match(r"\d+,\d km/h", walk.page.text(".plot-spd_kph .plot-value"))


def comes_back(walk: Walk) -> None:
    walk.begin()
    walk.page.open(f"/watch/{RIDER}")
    walk.lives()
    began = time.monotonic()
    walk.gateway.stop()
    took = time.monotonic() - began
    assert took < 5, f"the gateway waited {took:.1f} s for those who watch"
    walk.page.state("lost")
    walk.gateway.start()
    walk.lives()


def falls_silent(walk: Walk) -> None:
    walk.gateway.register("silent_rider")
    now = time.time() - 300
    walk.gateway.write("silent_rider", [sample(second, now - 600 + second) for second in range(600)])
    walk.page.open("/watch/silent_rider")
    walk.page.state("quiet")
    walk.page.shows("No data for 5 min")
    walk.page.shows("last seen 5 min ago")


def without_streams(walk: Walk) -> None:
    walk.begin()
    walk.page.driver.execute_cdp_cmd("Network.enable", {})
    walk.page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/events*"]})
    walk.page.open(f"/watch/{RIDER}")
    walk.page.state("polling")
    first = walk.page.wait("a value", lambda: walk.page.text(".value-dur_s .number"))
    walk.page.wait("another value", lambda: walk.page.text(".value-dur_s .number") != first)
    assert walk.page.asked("/query?"), "the query API was not asked"


def switched_to_private(walk: Walk) -> None:
    walk.begin()
    walk.page.open(f"/watch/{RIDER}")
    walk.lives()
    owner = walk.owner = Browser(walk.gateway.url)
    owner.open("/account/sign-in?next=/account/sharing")
    owner.field("#login").send_keys(RIDER)
    owner.field("#password").send_keys(PASSWORD)
    owner.press("Sign in")
    owner.field("input[value='private']").click()
    began = time.monotonic()
    owner.press("Save")
    walk.page.shows("The rider is private now.", 5)
    took = time.monotonic() - began
    assert took < AT_ONCE, f"the stream ended after {took:.2f} s"
    assert not walk.page.seen("#ride"), "what was seen stays"
    time.sleep(1.5)
    walk.page.shows("The rider is private now.", 0.1)


def private(walk: Walk) -> None:
    walk.begin(PHONE)
    walk.page.open(f"/watch/{RIDER}")
    walk.page.shows("This rider is private")
    assert not walk.page.seen("#ride")
    link = walk.page.field("#notice-link").get_attribute("href") or ""
    assert link.endswith(f"/account/sign-in?next=%2Fwatch%2F{RIDER}")


def private_in_the_dark(walk: Walk) -> None:
    walk.begin(dark=True, language="de")
    walk.page.open(f"/watch/{RIDER}")
    walk.page.shows("Diese Fahrt ist privat")


def the_owner_watches(walk: Walk) -> None:
    walk.begin()
    owner = walk.account
    owner.open(f"/watch/{RIDER}")
    owner.state("live")
    # The friend in the meantime sees nothing, as before.
    walk.page.open(f"/watch/{RIDER}")
    walk.page.shows("This rider is private")


def share_link(walk: Walk) -> None:
    owner = walk.account
    owner.open("/account/sharing")
    owner.field("#label").send_keys("friends")
    Select(owner.field("#life")).select_by_value("1h")
    owner.press("Make the link")
    link = owner.field("#link").get_attribute("value") or ""
    assert link.startswith(f"{walk.gateway.url}/watch/{RIDER}#share="), link
    walk.token = link.split("=", 1)[1]
    walk.page.driver.get(link)
    walk.page.driver.refresh()
    walk.lives()
    assert walk.page.driver.current_url == link, "the address stays what was shared"
    assert not walk.page.asked(walk.token), "the token is in no address that was asked"


def shared_without_streams(walk: Walk) -> None:
    walk.begin(PHONE, dark=True)
    walk.page.driver.execute_cdp_cmd("Network.enable", {})
    walk.page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/events*"]})
    walk.page.open(f"/watch/{RIDER}#share={walk.token}")
    walk.page.state("polling")
    first = walk.page.wait("a value", lambda: walk.page.text(".value-dur_s .number"))
    walk.page.wait("another value", lambda: walk.page.text(".value-dur_s .number") != first)
    assert walk.page.asked("/latest?since=") and not walk.page.asked("/query")


def link_revoked(walk: Walk) -> None:
    walk.begin()
    walk.page.open(f"/watch/{RIDER}#share={walk.token}")
    walk.lives()
    owner = walk.account
    owner.open("/account/sharing")
    owner.wait("the link in the list", lambda: "friends" in owner.driver.find_element(By.TAG_NAME, "body").text)
    began = time.monotonic()
    owner.press("End")
    walk.page.shows("This link has ended", 5)
    took = time.monotonic() - began
    assert took < AT_ONCE, f"the stream ended after {took:.2f} s"
    assert not walk.page.seen("#ride")


def dead_link(walk: Walk) -> None:
    walk.begin(PHONE)
    walk.page.open(f"/watch/{RIDER}#share={walk.token}")
    walk.page.shows("This link has ended")


def signed_out(walk: Walk) -> None:
    """The owner watches in one tab and signs out in another."""
    owner = walk.account
    owner.open(f"/watch/{RIDER}")
    owner.state("live")
    watching = owner.driver.current_window_handle
    owner.driver.switch_to.new_window("tab")
    owner.open("/account")
    began = time.monotonic()
    owner.press("Sign out", "button")
    owner.driver.switch_to.window(watching)
    owner.shows("This rider is private", 5)
    took = time.monotonic() - began
    assert took < AT_ONCE + 0.5, f"the stream ended after {took:.2f} s"


def tokens_stay_secret(walk: Walk) -> None:
    told = walk.gateway.log.read_text() + "".join(walk.gateway.said)
    assert walk.token[:20] not in told and walk.token[14:40] not in told, "a share token is in the log"
    assert not re.search(r"samples|\blat\b|\blng\b", told), "samples are in the log"


class Tiles(http.server.BaseHTTPRequestHandler):
    """Gives the same tile for every place."""

    asked: list[str] = []

    def do_GET(self) -> None:  # noqa: N802
        Tiles.asked.append(self.path + " " + (self.headers.get("Referer") or "-"))

        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        row = lambda y: b"\0" + b"".join(  # noqa: E731
            bytes((196, 222, 190) if 8 < x < 248 and 8 < y < 248 else (170, 205, 166)) for x in range(256)
        )
        image = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0))
        image += chunk(b"IDAT", zlib.compress(b"".join(row(y) for y in range(256)))) + chunk(b"IEND", b"")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(image)))
        self.end_headers()
        self.wfile.write(image)

    def log_message(self, *_words: object) -> None:
        pass


def on_tiles(walk: Walk) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tiles = f"http://127.0.0.1:{server.server_port}"
    assert walk.ride
    walk.ride.stop()
    walk.gateway.stop()
    with tempfile.TemporaryDirectory() as folder:
        more = f'[trackers.livetracking]\nwatch = {{ window = "2h", tile_url = "{tiles}/{{z}}/{{x}}/{{y}}.png" }}\n'
        gateway = Gateway(walk.gateway.binary, Path(folder), more)
        try:
            gateway.register(RIDER)
            ride = Ride(gateway)
            walk.gateway, walk.hosts = gateway, [gateway.url, tiles]
            walk.begin()
            walk.page.open(f"/watch/{RIDER}")
            walk.lives()
            walk.page.wait("tiles", lambda: walk.page.asked(tiles))
            walk.picture("on-tiles-of-another-host")
            assert all(line.endswith(f" {gateway.url}/") for line in Tiles.asked), f"tiles learn more: {Tiles.asked[:3]}"
            ride.stop()
        finally:
            gateway.stop()
            server.shutdown()


STEPS = (
    ("nobody-of-this-name", nobody),
    ("no-samples", no_samples),
    ("sets-off", sets_off),
    ("reads-a-plot", reads_a_plot),
    ("by-keys", by_keys),
    ("by-mouse", by_mouse),
    ("dark", dark),
    ("changes-to-light", changes_to_light),
    ("phone", phone),
    ("phone-below", phone_below),
    ("phone-dark-german", phone_dark_german),
    ("comes-back-after-a-restart", comes_back),
    ("falls-silent", falls_silent),
    ("without-streams", without_streams),
    ("switched-to-private", switched_to_private),
    ("private", private),
    ("private-in-the-dark", private_in_the_dark),
    ("the-owner-watches", the_owner_watches),
    ("share-link", share_link),
    ("shared-without-streams", shared_without_streams),
    ("link-revoked", link_revoked),
    ("dead-link", dead_link),
    ("signed-out", signed_out),
    ("tokens-stay-secret", tokens_stay_secret),
    ("on-tiles", on_tiles),
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
    passed = 0
    with tempfile.TemporaryDirectory() as folder:
        walk = Walk(Gateway(arguments.binary.resolve(), Path(folder)), arguments.axe.read_text(), arguments.shots)
        try:
            for title, what in STEPS:
                walk.step(title, lambda what=what: what(walk))  # type: ignore[misc]
                passed += 1
        except Exception as fault:  # noqa: BLE001
            print(f"the walk ends: {fault}", flush=True)
        finally:
            if walk.ride:
                walk.ride.stop()
            for browser in (walk.friend, walk.owner):
                if browser:
                    browser.quit()
            if walk.gateway.process.poll() is None:
                walk.gateway.stop()
    print(f"watch: {passed} of {len(STEPS)} steps")
    return 0 if passed == len(STEPS) else 1


if __name__ == "__main__":
    sys.exit(main())
