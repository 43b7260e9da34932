// The live page of a rider: joins the source of data to what shows it.

import { RideMap } from "./map.js";
import { Plots } from "./plots.js";
import { Ride } from "./ride.js";
import { Source } from "./source.js";
import { Values } from "./values.js";
import { degrees, lasting, measured, FIELDS, timeOfDay, word } from "./words.js";

/** Time without data after which the rider counts as out of reach. */
const QUIET_MILLIS = 60_000;
/** How often a screen reader is told how things stand. */
const ANNOUNCE_MILLIS = 60_000;

const { body } = document;
const { name } = body.dataset;
const hours = Number(body.dataset.hours);
const element = (id) => document.getElementById(id);

const ride = new Ride(hours * 3_600_000);
const map = new RideMap(element("track"), element("marker"), ride, body.dataset.tiles, (follows) => {
  element("follow").setAttribute("aria-pressed", String(follows));
});
const plots = new Plots(element("plots"), ride, (at) => map.point(at));
const values = new Values(element("values"), ride);

/** The server's clock minus ours. */
let ahead = 0;
let connection = "connecting";
let hasRide = false;
let ended = null;
let announcedAt = 0;

const now = () => Date.now() + ahead;

function refresh() {
  ride.prune(now());
  map.refresh();
  plots.refresh(now());
  values.refresh();
  const span = map.speedSpan();
  element("legend").hidden = span === null || ride.track.t.length < 2;
  if (span) {
    setText("slow", String(span.from));
    setText("fast", `${span.to} ${FIELDS.spd_kph.unit}`);
  }
  tick();
}

/** What changes with time alone: how long ago, and whether that is too long. */
function tick() {
  const { last } = ride;
  const silence = last === null ? null : Math.max(0, now() - last);
  const isQuiet = silence !== null && silence > QUIET_MILLIS;
  let state = connection;
  if (ended !== null) state = "ended";
  else if (last === null && hasRide && connection !== "lost") state = "waiting";
  else if (isQuiet && connection !== "lost") state = "quiet";
  setText("state", word(ended === "private" && !hasRide ? "state_private" : `state_${state}`));
  body.dataset.state = state;
  map.setLive(state === "live" || state === "polling");
  setText("seen", silence === null ? "" : silence < 5_000 ? word("seen_now") : word("seen", { time: lasting(silence) }));
  // What it ended with stays.
  if (ended === null) showBanner(isQuiet ? word("quiet", { time: lasting(silence) }) : null);
  const position = ride.position;
  const exactness = position?.accuracy > 0 ? `  ± ${measured("acc_m", position.accuracy)}` : "";
  setText("where", position ? degrees(position.lat, position.lng) + exactness : "");
  if (ended === null && hasRide) show(last === null ? "empty" : "ride");
  announce(state, silence);
}

/** The ride, or a notice in its place. */
function show(view) {
  if (body.dataset.view === view) return;
  body.dataset.view = view;
  const isRide = view === "ride";
  element("notice").hidden = isRide;
  element("ride").hidden = !isRide;
  if (isRide) return;
  setText("notice-title", word(`${view}_title`, { hours }));
  setText("notice-text", word(`${view}_text`));
  const link = element("notice-link");
  link.hidden = view !== "private";
  link.href = `/account/sign-in?next=${encodeURIComponent(`/watch/${name}`)}`;
}

function showBanner(text) {
  const banner = element("banner");
  banner.hidden = text === null;
  if (text !== null && banner.textContent !== text) banner.textContent = text;
}

function announce(state, silence) {
  if (Date.now() - announcedAt < ANNOUNCE_MILLIS || silence === null || document.hidden) return;
  announcedAt = Date.now();
  const told = ["spd_kph", "hr_bpm", "pwr_w", "alt_m"].filter((field) => ride.current(field) !== null);
  const texts = told.map((field) => `${FIELDS[field].name} ${measured(field, ride.current(field))}`);
  element("announced").textContent = [word(`state_${state}`), ...texts, `${word("last_point")} ${timeOfDay(ride.last)}`].join(", ");
}

/** It is over: what was seen is taken away, for the right to see it ended. */
function end(reason) {
  const wasSeen = ride.last !== null;
  ended = reason;
  ride.clear();
  refresh();
  show(reason === "unshared" ? "unshared" : "private");
  if (wasSeen && reason !== "unshared") showBanner(word(`end_${reason}`));
  element("announced").textContent = word(`end_${reason}`);
  body.dataset.end = reason;
}

function setText(id, text) {
  const here = element(id);
  if (here.textContent !== text) here.textContent = text;
}

function token() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  return fragment.get("share");
}

function start() {
  new Source(name, hours, token(), {
    hello: (told) => {
      ahead = told.now - Date.now();
    },
    ride: (whole) => {
      ride.takeWhole(whole);
      hasRide = true;
      refresh();
    },
    points: (columns) => {
      ride.takePoints(columns);
      hasRide = true;
      refresh();
    },
    state: (word) => {
      connection = word;
      tick();
    },
    end,
  }).start();
}

element("zoom-in").addEventListener("click", () => map.zoomBy(1));
element("zoom-out").addEventListener("click", () => map.zoomBy(-1));
element("fit").addEventListener("click", () => map.fit());
element("follow").addEventListener("click", () => map.setFollow(!map.follows));
for (const button of document.querySelectorAll(".ranges button")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll(".ranges button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    plots.setMinutes(Number(button.dataset.minutes));
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
// Another link for the same page changes the fragment alone, which loads nothing.
window.addEventListener("hashchange", () => location.reload());
setInterval(tick, 1000);
start();
