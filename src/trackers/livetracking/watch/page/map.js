// The map: a track on a canvas in the Mercator projection, with or without tiles below, and the rider above.
//
// The world is a square of side 1 from 180° west and 85° north. The track is drawn when something changes; the
// rider is on a canvas of its own, which moves all the time.

import { firstAfter } from "./ride.js";
import { ground, timeOfDay, word } from "./words.js";

const EARTH_METRES = 40_075_016.686;
const TILE = 256;
const MAX_ZOOM = 18;
const MIN_ZOOM = 2;
/** Time between two points after which the track is broken. */
const GAP_MILLIS = 10 * 60_000;
const SPEEDS = 6;
/** Width of the column of buttons. */
const TOOLS = 48;
/** Time over which the speed is taken that colours the track. */
const SMOOTH_MILLIS = 20_000;

export class RideMap {
  constructor(track, marker, ride, tileUrl, onFollow) {
    Object.assign(this, { track, marker, ride, tileUrl, onFollow });
    this.centre = { x: 0.5, y: 0.35 };
    this.zoom = 2;
    this.follows = true;
    this.wasFitted = false;
    this.cursor = null;
    this.shown = null;
    this.isLive = false;
    this.tiles = new Map();
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.colours = {};
    this.listen();
    new ResizeObserver(() => this.resize()).observe(marker);
  }

  /** Draws anew what changed: after new data, or in other colours. */
  refresh() {
    const style = getComputedStyle(this.marker);
    const names = ["land", "grid", "casing", "ink", "soft", "accent", "halo", "paper", "cursor"];
    for (const name of names) this.colours[name] = style.getPropertyValue(`--map-${name}`).trim();
    this.speeds = Array.from({ length: SPEEDS }, (_, step) => style.getPropertyValue(`--speed-${step}`).trim());
    const position = this.ride.position;
    if (position && !this.wasFitted) this.fit();
    if (position && this.follows) this.keepInView(position);
    this.isDirty = true;
    this.wake();
  }

  /** Shows the place of an instant, or none. */
  point(at) {
    this.cursor = at;
    this.wake();
  }

  setLive(isLive) {
    this.isLive = isLive;
    this.wake();
  }

  setFollow(follows) {
    this.follows = follows;
    this.onFollow(follows);
    if (follows) this.refresh();
  }

  /** Shows the whole track. */
  fit() {
    const { lat, lng } = this.ride.track;
    if (lat.length === 0 || !this.width) return;
    let box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
    this.eachPlace((x, y) => {
      box = {
        left: Math.min(box.left, x),
        right: Math.max(box.right, x),
        top: Math.min(box.top, y),
        bottom: Math.max(box.bottom, y),
      };
    });
    this.centre = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
    const margin = Math.min(56, this.width / 8, this.height / 7);
    const scale = Math.min(
      (this.width - 2 * margin - TOOLS) / Math.max(box.right - box.left, 1e-9),
      (this.height - 2 * margin) / Math.max(box.bottom - box.top, 1e-9),
    );
    this.zoom = clamp(Math.log2(scale / TILE), MIN_ZOOM, 17);
    // The tools stand at the right.
    this.centre.x += TOOLS / 2 / this.scale;
    this.wasFitted = true;
    this.isDirty = true;
    this.wake();
  }

  zoomBy(step, at = { x: this.width / 2, y: this.height / 2 }) {
    const before = this.unproject(at);
    this.zoom = clamp(this.zoom + step, MIN_ZOOM, MAX_ZOOM);
    const after = this.unproject(at);
    this.centre.x += before.x - after.x;
    this.centre.y += before.y - after.y;
    this.wasFitted = true;
    this.isDirty = true;
    this.wake();
  }

  panBy(x, y) {
    this.centre.x -= x / this.scale;
    this.centre.y = clamp(this.centre.y - y / this.scale, 0, 1);
    this.wasFitted = true;
    if (this.follows) this.setFollow(false);
    this.isDirty = true;
    this.wake();
  }

  /** Moves the map when the rider nears its edge. */
  keepInView(position) {
    const place = world(position.lat, this.unwrapped(position.lng));
    const { x, y } = this.project(place);
    const margin = Math.min(40, this.width / 8, this.height / 8);
    if (x >= margin && y >= margin && x <= this.width - margin && y <= this.height - margin) return;
    this.centre = place;
  }

  listen() {
    const { marker } = this;
    const fingers = new Map();
    const spread = () => {
      const [one, two] = [...fingers.values()];
      return { size: Math.hypot(one.x - two.x, one.y - two.y), x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
    };
    marker.addEventListener("pointerdown", (event) => {
      marker.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    });
    marker.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const pinchedBefore = fingers.size === 2 ? spread() : null;
      const now = { x: event.offsetX, y: event.offsetY };
      fingers.set(event.pointerId, now);
      if (fingers.size === 1) this.panBy(now.x - before.x, now.y - before.y);
      if (pinchedBefore) {
        const pinched = spread();
        this.panBy(pinched.x - pinchedBefore.x, pinched.y - pinchedBefore.y);
        if (pinchedBefore.size > 0) this.zoomBy(Math.log2(pinched.size / pinchedBefore.size), pinched);
      }
    });
    for (const name of ["pointerup", "pointercancel"]) {
      marker.addEventListener(name, (event) => fingers.delete(event.pointerId));
    }
    marker.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      this.zoomBy(clamp((-event.deltaY * lines) / 300, -1, 1), { x: event.offsetX, y: event.offsetY });
    }, { passive: false });
    marker.addEventListener("dblclick", (event) => this.zoomBy(1, { x: event.offsetX, y: event.offsetY }));
    const keys = {
      ArrowLeft: () => this.panBy(60, 0),
      ArrowRight: () => this.panBy(-60, 0),
      ArrowUp: () => this.panBy(0, 60),
      ArrowDown: () => this.panBy(0, -60),
      "+": () => this.zoomBy(0.5),
      "=": () => this.zoomBy(0.5),
      "-": () => this.zoomBy(-0.5),
      0: () => this.fit(),
      f: () => this.setFollow(!this.follows),
    };
    marker.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
  }

  resize() {
    const { width, height } = this.marker.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const dots = Math.min(window.devicePixelRatio || 1, 3);
    for (const canvas of [this.track, this.marker]) {
      canvas.width = Math.round(width * dots);
      canvas.height = Math.round(height * dots);
    }
    const isFirst = !this.width;
    Object.assign(this, { width, height, dots });
    if (isFirst || this.follows) this.fit();
    this.refresh();
  }

  get scale() {
    return TILE * 2 ** this.zoom;
  }

  project({ x, y }) {
    return { x: (x - this.centre.x) * this.scale + this.width / 2, y: (y - this.centre.y) * this.scale + this.height / 2 };
  }

  unproject({ x, y }) {
    return { x: (x - this.width / 2) / this.scale + this.centre.x, y: (y - this.height / 2) / this.scale + this.centre.y };
  }

  /** A longitude on the side of the 180th meridian where the track began. */
  unwrapped(lng) {
    const first = this.ride.track.lng[0] ?? lng;
    return lng + 360 * Math.round((first - lng) / 360);
  }

  eachPlace(visit) {
    const { t, lat, lng } = this.ride.track;
    for (let index = 0; index < t.length; index += 1) {
      const { x, y } = world(lat[index], this.unwrapped(lng[index]));
      visit(x, y, t[index]);
    }
  }

  /** Draws with the next frame; goes on for as long as something moves. */
  wake() {
    if (this.isAwake || !this.width) return;
    this.isAwake = true;
    requestAnimationFrame((time) => {
      this.isAwake = false;
      if (this.isDirty) {
        this.isDirty = false;
        this.drawTrack();
      }
      if (this.drawMarker(time) && !document.hidden) this.wake();
    });
  }

  drawTrack() {
    const paper = this.track.getContext("2d");
    paper.setTransform(this.dots, 0, 0, this.dots, 0, 0);
    paper.fillStyle = this.colours.land;
    paper.fillRect(0, 0, this.width, this.height);
    if (this.tileUrl) this.drawTiles(paper);
    else this.drawGrid(paper);
    this.drawLine(paper);
    this.drawStart(paper);
    this.drawScale(paper);
  }

  /** Lines on round parts of the world, so that there is something that moves. */
  drawGrid(paper) {
    const step = 2 ** -Math.round(this.zoom + 0.8);
    const from = this.unproject({ x: 0, y: 0 });
    paper.strokeStyle = this.colours.grid;
    paper.lineWidth = 1;
    paper.beginPath();
    for (let x = Math.ceil(from.x / step) * step; ; x += step) {
      const at = Math.round(this.project({ x, y: 0 }).x) + 0.5;
      if (at > this.width) break;
      paper.moveTo(at, 0);
      paper.lineTo(at, this.height);
    }
    for (let y = Math.ceil(from.y / step) * step; ; y += step) {
      const at = Math.round(this.project({ x: 0, y }).y) + 0.5;
      if (at > this.height) break;
      paper.moveTo(0, at);
      paper.lineTo(this.width, at);
    }
    paper.stroke();
  }

  drawTiles(paper) {
    const zoom = clamp(Math.round(this.zoom), 0, 19);
    const count = 2 ** zoom;
    const size = this.scale / count;
    const from = this.unproject({ x: 0, y: 0 });
    const to = this.unproject({ x: this.width, y: this.height });
    for (let row = Math.max(0, Math.floor(from.y * count)); row < Math.min(count, to.y * count); row += 1) {
      for (let column = Math.floor(from.x * count); column < to.x * count; column += 1) {
        const image = this.tile(zoom, ((column % count) + count) % count, row);
        if (!image.complete || image.naturalWidth === 0) continue;
        const at = this.project({ x: column / count, y: row / count });
        paper.drawImage(image, at.x, at.y, size + 0.5, size + 0.5);
      }
    }
  }

  tile(zoom, column, row) {
    const url = this.tileUrl.replace("{z}", zoom).replace("{x}", column).replace("{y}", row);
    let image = this.tiles.get(url);
    if (!image) {
      image = new Image();
      image.onload = () => {
        this.isDirty = true;
        this.wake();
      };
      image.src = url;
      this.tiles.set(url, image);
      if (this.tiles.size > 300) this.tiles.delete(this.tiles.keys().next().value);
    }
    return image;
  }

  /** The track, in the colours of its speed where that is known. */
  drawLine(paper) {
    const runs = this.runs();
    paper.lineJoin = "round";
    paper.lineCap = "round";
    const stroke = (style, width, places) => {
      paper.strokeStyle = style;
      paper.lineWidth = width;
      paper.beginPath();
      places.forEach(({ x, y }, index) => (index === 0 ? paper.moveTo(x, y) : paper.lineTo(x, y)));
      paper.stroke();
    };
    for (const { places } of runs) stroke(this.colours.casing, 8, places);
    for (const { places, colour } of runs) stroke(colour, 4.5, places);
  }

  /** Between which speeds the colours change: nearly all of the ride; null without speeds. */
  speedSpan() {
    const speed = this.ride.plots.get("spd_kph");
    if (!speed || speed.count < 3) return null;
    const sorted = [...speed.v].sort((one, two) => one - two);
    const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
    const from = Math.floor(at(0.05));
    return { from, to: Math.max(from + 5, Math.ceil(at(0.95))) };
  }

  /** Parts of the track that have one colour. */
  runs() {
    const span = this.speedSpan();
    const speed = this.ride.plots.get("spd_kph");
    const colourAt = (at) => {
      if (!span) return this.colours.accent;
      const from = Math.max(0, firstAfter(speed.t, at - SMOOTH_MILLIS));
      const to = Math.max(from + 1, firstAfter(speed.t, at + SMOOTH_MILLIS));
      const near = speed.v.slice(from, to);
      const mean = near.length > 0 ? near.reduce((sum, value) => sum + value, 0) / near.length : speed.mean;
      const part = (mean - span.from) / (span.to - span.from);
      return this.speeds[clamp(Math.floor(part * SPEEDS), 0, SPEEDS - 1)];
    };
    const runs = [];
    let before = null;
    this.eachPlace((x, y, at) => {
      const place = { ...this.project({ x, y }), at };
      const run = runs[runs.length - 1];
      const isGap = !before || at - before.at > GAP_MILLIS;
      const colour = colourAt(at);
      if (isGap) runs.push({ colour, places: [place] });
      else if (run.colour === colour) run.places.push(place);
      else runs.push({ colour, places: [before, place] });
      before = place;
    });
    return runs;
  }

  drawStart(paper) {
    const { t, lat, lng } = this.ride.track;
    if (t.length < 2) return;
    const at = this.project(world(lat[0], lng[0]));
    paper.beginPath();
    paper.arc(at.x, at.y, 5.5, 0, 2 * Math.PI);
    paper.fillStyle = this.colours.paper;
    paper.fill();
    paper.lineWidth = 3;
    paper.strokeStyle = this.colours.ink;
    paper.stroke();
    paper.font = "600 12px system-ui, sans-serif";
    const text = `${word("start")} ${timeOfDay(t[0])}`;
    const isAtEdge = at.x + 90 > this.width - TOOLS;
    paper.textAlign = isAtEdge ? "right" : "left";
    paper.textBaseline = "middle";
    this.label(paper, text, at.x + (isAtEdge ? -11 : 11), at.y);
  }

  /** Text that can be read above anything. */
  label(paper, text, x, y) {
    paper.lineWidth = 4;
    paper.strokeStyle = this.colours.halo;
    paper.strokeText(text, x, y);
    paper.fillStyle = this.colours.ink;
    paper.fillText(text, x, y);
  }

  drawScale(paper) {
    if (this.ride.track.t.length === 0) return;
    const perDot = (EARTH_METRES * Math.cos(latitude(this.centre.y))) / this.scale;
    const wanted = perDot * 110;
    const power = 10 ** Math.floor(Math.log10(wanted));
    const metres = [5, 2, 1].map((part) => part * power).find((length) => length <= wanted) ?? power;
    const width = metres / perDot;
    const [left, bottom] = [16, this.height - 16];
    paper.strokeStyle = this.colours.halo;
    paper.lineWidth = 5;
    const bar = () => {
      paper.beginPath();
      paper.moveTo(left, bottom - 5);
      paper.lineTo(left, bottom);
      paper.lineTo(left + width, bottom);
      paper.lineTo(left + width, bottom - 5);
      paper.stroke();
    };
    bar();
    paper.strokeStyle = this.colours.ink;
    paper.lineWidth = 2;
    bar();
    paper.font = "500 12px system-ui, sans-serif";
    paper.textAlign = "center";
    paper.textBaseline = "bottom";
    this.label(paper, ground(metres), left + width / 2, bottom - 4);
  }

  /** The rider; whether something still moves. */
  drawMarker(time) {
    const paper = this.marker.getContext("2d");
    paper.setTransform(this.dots, 0, 0, this.dots, 0, 0);
    paper.clearRect(0, 0, this.width, this.height);
    const position = this.ride.position;
    if (!position) return false;
    const glides = this.glide(position, time);
    const at = this.project(world(this.shown.lat, this.unwrapped(this.shown.lng)));
    if (position.accuracy > 0) {
      const perDot = (EARTH_METRES * Math.cos((position.lat * Math.PI) / 180)) / this.scale;
      disc(paper, at, Math.min(position.accuracy / perDot, 4000), this.colours.accent, 0.14);
    }
    const pulses = this.isLive && !this.still.matches;
    if (pulses) {
      const part = (time % 2000) / 2000;
      disc(paper, at, 9 + 17 * part, this.colours.accent, 0.4 * (1 - part));
    }
    this.drawRider(paper, at, position.bearing);
    this.drawCursor(paper);
    return pulses || glides;
  }

  /** A disc, with a tip in the direction of the ride where that is known. */
  drawRider(paper, at, bearing) {
    const shape = new Path2D();
    shape.arc(at.x, at.y, 9, 0, 2 * Math.PI);
    if (bearing !== null) {
      const turn = (bearing * Math.PI) / 180;
      const corner = (radius, angle) => [at.x + radius * Math.sin(turn + angle), at.y - radius * Math.cos(turn + angle)];
      shape.moveTo(...corner(9, -0.95));
      shape.lineTo(...corner(21, 0));
      shape.lineTo(...corner(9, 0.95));
    }
    paper.lineJoin = "round";
    paper.lineWidth = 6;
    paper.strokeStyle = this.colours.paper;
    paper.stroke(shape);
    paper.fillStyle = this.isLive ? this.colours.accent : this.colours.soft;
    paper.fill(shape);
    disc(paper, at, 3.5, this.colours.paper, 1);
  }

  drawCursor(paper) {
    const place = this.cursor === null ? null : this.ride.placeAt(this.cursor);
    if (!place) return;
    const at = this.project(world(place.lat, this.unwrapped(place.lng)));
    disc(paper, at, 8, this.colours.paper, 1);
    disc(paper, at, 5, this.colours.cursor, 1);
  }

  /** Moves what is shown towards where the rider is; whether it is still on its way. */
  glide(position, time) {
    const passed = Math.min(100, time - (this.drawnAt ?? time));
    this.drawnAt = time;
    const isNear = this.shown && Math.abs(this.shown.lat - position.lat) + Math.abs(this.shown.lng - position.lng) < 0.02;
    if (!isNear || this.still.matches) {
      this.shown = { lat: position.lat, lng: position.lng };
      return false;
    }
    const part = 1 - Math.exp(-passed / 220);
    this.shown.lat += (position.lat - this.shown.lat) * part;
    this.shown.lng += (position.lng - this.shown.lng) * part;
    return Math.abs(this.shown.lat - position.lat) + Math.abs(this.shown.lng - position.lng) > 1e-7;
  }
}

function disc(paper, { x, y }, radius, colour, alpha) {
  paper.globalAlpha = alpha;
  paper.beginPath();
  paper.arc(x, y, radius, 0, 2 * Math.PI);
  paper.fillStyle = colour;
  paper.fill();
  paper.globalAlpha = 1;
}

function world(lat, lng) {
  const sine = Math.sin((clamp(lat, -85.05, 85.05) * Math.PI) / 180);
  return { x: (lng + 180) / 360, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

/** The latitude of a height of the world, in radians. */
function latitude(y) {
  return Math.atan(Math.sinh(Math.PI * (1 - 2 * y)));
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
