// Plots of values along the time of the ride. One pointer reads all of them, and shows its place on the map.

import { firstAfter, GAP_MILLIS, PLOTTED } from "./ride.js";
import { FIELDS, measured, number, timeOfDay, word } from "./words.js";

const HEIGHT = 132;
const EDGE = { left: 44, right: 14, top: 12, bottom: 24 };

export class Plots {
  constructor(parent, ride, onCursor) {
    Object.assign(this, { parent, ride, onCursor });
    this.minutes = 0;
    this.cursor = null;
    this.plots = new Map();
    new ResizeObserver(() => this.refresh()).observe(parent);
  }

  /** Shows so many minutes up to now; 0 is all there is. */
  setMinutes(minutes) {
    this.minutes = minutes;
    this.refresh();
  }

  refresh(now = this.now ?? Date.now()) {
    this.now = now;
    const names = PLOTTED.filter((name) => this.ride.plots.has(name));
    for (const [name, plot] of this.plots) {
      if (names.includes(name)) continue;
      plot.figure.remove();
      this.plots.delete(name);
    }
    names.forEach((name, place) => {
      let plot = this.plots.get(name);
      if (!plot) {
        plot = new Plot(name, this);
        this.plots.set(name, plot);
      }
      const here = this.parent.children[place];
      if (here !== plot.figure) this.parent.insertBefore(plot.figure, here ?? null);
    });
    const first = this.ride.first ?? now - 60_000;
    const last = Math.max(this.ride.last ?? now, first + 60_000);
    this.span = this.minutes > 0 ? { from: last - this.minutes * 60_000, to: last } : { from: first, to: last };
    for (const plot of this.plots.values()) plot.draw(this.span, this.cursor);
  }

  point(at) {
    this.cursor = at;
    this.onCursor(at);
    for (const plot of this.plots.values()) plot.draw(this.span, at);
  }
}

class Plot {
  constructor(name, plots) {
    Object.assign(this, { name, plots });
    const element = (tag, className, parent) => {
      const made = document.createElement(tag);
      made.className = className;
      parent?.append(made);
      return made;
    };
    this.figure = element("figure", `plot plot-${name}`);
    const caption = element("figcaption", "plot-top", this.figure);
    element("span", "plot-name", caption).textContent = FIELDS[name].name;
    this.value = element("span", "plot-value", caption);
    this.canvas = element("canvas", "plot-canvas", this.figure);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-describedby", "plot-help");
    const list = element("dl", "plot-facts", this.figure);
    this.facts = {};
    for (const key of ["min", "mean", "max"]) {
      const pair = element("div", "", list);
      element("dt", "", pair).textContent = word(key);
      this.facts[key] = element("dd", "", pair);
    }
    this.listen();
  }

  listen() {
    const { canvas, plots } = this;
    const at = (event) => {
      const inside = (event.offsetX - EDGE.left) / Math.max(1, this.width - EDGE.left - EDGE.right);
      return this.span.from + Math.min(1, Math.max(0, inside)) * (this.span.to - this.span.from);
    };
    canvas.addEventListener("pointermove", (event) => plots.point(at(event)));
    canvas.addEventListener("pointerdown", (event) => plots.point(at(event)));
    canvas.addEventListener("pointerleave", () => plots.point(null));
    canvas.addEventListener("blur", () => plots.point(null));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") return plots.point(null);
      if (!step) return undefined;
      event.preventDefault();
      const { from, to } = this.span;
      const moved = (plots.cursor ?? to) + (step * (to - from)) / (event.shiftKey ? 10 : 50);
      plots.point(Math.min(to, Math.max(from, moved)));
      const found = plots.ride.valueAt(this.name, plots.cursor);
      if (found) this.say(`${timeOfDay(found.t, true)}: ${measured(this.name, found.value)}`);
      return undefined;
    });
  }

  say(text) {
    document.getElementById("announced").textContent = `${FIELDS[this.name].name}, ${text}`;
  }

  draw(span, cursor) {
    const plot = this.plots.ride.plots.get(this.name);
    const width = this.figure.clientWidth;
    if (!plot || width === 0) return;
    const dots = Math.min(window.devicePixelRatio || 1, 3);
    if (this.canvas.width !== Math.round(width * dots)) {
      this.canvas.width = Math.round(width * dots);
      this.canvas.height = Math.round(HEIGHT * dots);
    }
    Object.assign(this, { width, span });
    const style = getComputedStyle(this.figure);
    const colour = (name) => style.getPropertyValue(name).trim();
    const paper = this.canvas.getContext("2d");
    paper.setTransform(dots, 0, 0, dots, 0, 0);
    paper.clearRect(0, 0, width, HEIGHT);
    const shown = this.shown(plot, span);
    this.tell(plot, shown, cursor);
    const scale = niceScale(shown.min, shown.max, this.name);
    const x = (at) => EDGE.left + ((at - span.from) / Math.max(1, span.to - span.from)) * (width - EDGE.left - EDGE.right);
    const y = (value) => HEIGHT - EDGE.bottom - ((value - scale.low) / (scale.high - scale.low)) * (HEIGHT - EDGE.top - EDGE.bottom);
    this.drawAxes(paper, { x, y, scale, span, width, grid: colour("--plot-grid"), ink: colour("--plot-ink") });
    this.drawLine(paper, plot, shown, x, y, colour("--line"));
    this.drawCursor(paper, cursor, x, y, colour("--line"), colour("--plot-paper"), colour("--plot-ink"));
  }

  /** The values within the span, and what is lowest, highest and in the mean among them. */
  shown(plot, span) {
    const from = Math.max(0, firstAfter(plot.t, span.from) - 1);
    const to = firstAfter(plot.t, span.to);
    if (this.plots.minutes === 0 || to <= from) return { from, to, min: plot.min, mean: plot.mean, max: plot.max };
    let [min, max, sum] = [Infinity, -Infinity, 0];
    for (let index = from; index < to; index += 1) {
      const value = plot.v[index];
      min = Math.min(min, value);
      max = Math.max(max, value);
      sum += value;
    }
    return { from, to, min, mean: sum / (to - from), max };
  }

  /** Tells in words and numbers what the plot shows. */
  tell(plot, shown, cursor) {
    const { name } = this;
    const found = cursor === null ? null : this.plots.ride.valueAt(name, cursor);
    const current = this.plots.ride.current(name);
    setText(this.value, found ? `${measured(name, found.value)} · ${timeOfDay(found.t, true)}` : current === null ? "–" : measured(name, current));
    this.value.classList.toggle("is-read", found !== null);
    for (const key of ["min", "mean", "max"]) setText(this.facts[key], number(name, shown[key]));
    const texts = { name: FIELDS[name].name, now: current === null ? "–" : measured(name, current) };
    for (const key of ["min", "mean", "max"]) texts[key] = measured(name, shown[key]);
    this.canvas.setAttribute("aria-label", word("plot_summary", texts));
  }

  drawAxes(paper, { x, y, scale, span, width, grid, ink }) {
    paper.font = "11px system-ui, sans-serif";
    paper.fillStyle = ink;
    paper.strokeStyle = grid;
    paper.lineWidth = 1;
    paper.textAlign = "right";
    paper.textBaseline = "middle";
    for (let value = scale.low; value <= scale.high + scale.step / 2; value += scale.step) {
      const at = Math.round(y(value)) + 0.5;
      paper.beginPath();
      paper.moveTo(EDGE.left, at);
      paper.lineTo(width - EDGE.right, at);
      paper.stroke();
      paper.fillText(axisText(value, scale.step), EDGE.left - 8, at);
    }
    paper.textBaseline = "alphabetic";
    const count = width > 420 ? 4 : 2;
    const withSeconds = span.to - span.from < 5 * 60_000;
    for (let part = 0; part <= count; part += 1) {
      const at = span.from + ((span.to - span.from) * part) / count;
      paper.textAlign = part === 0 ? "left" : part === count ? "right" : "center";
      paper.fillText(timeOfDay(at, withSeconds), x(at), HEIGHT - 6);
    }
  }

  drawLine(paper, plot, shown, x, y, colour) {
    const floor = HEIGHT - EDGE.bottom;
    const shade = paper.createLinearGradient(0, EDGE.top, 0, floor);
    shade.addColorStop(0, withAlpha(colour, 0.28));
    shade.addColorStop(1, withAlpha(colour, 0.02));
    paper.save();
    paper.beginPath();
    paper.rect(EDGE.left, 0, this.width - EDGE.left - EDGE.right + 3, HEIGHT);
    paper.clip();
    paper.lineJoin = "round";
    for (const [from, to] of parts(plot.t, shown.from, shown.to)) {
      paper.beginPath();
      for (let index = from; index < to; index += 1) {
        const [left, top] = [x(plot.t[index]), y(plot.v[index])];
        if (index === from) paper.moveTo(left, top);
        else paper.lineTo(left, top);
      }
      if (to - from === 1) paper.arc(x(plot.t[from]), y(plot.v[from]), 1, 0, 2 * Math.PI);
      paper.strokeStyle = colour;
      paper.lineWidth = 1.8;
      paper.stroke();
      paper.lineTo(x(plot.t[to - 1]), floor);
      paper.lineTo(x(plot.t[from]), floor);
      paper.closePath();
      paper.fillStyle = shade;
      paper.fill();
    }
    paper.restore();
  }

  drawCursor(paper, cursor, x, y, colour, ground, ink) {
    const found = cursor === null ? null : this.plots.ride.valueAt(this.name, cursor);
    if (!found || found.t < this.span.from || found.t > this.span.to) return;
    const [left, top] = [x(found.t), y(found.value)];
    paper.strokeStyle = ink;
    paper.lineWidth = 1;
    paper.beginPath();
    paper.moveTo(Math.round(left) + 0.5, EDGE.top - 4);
    paper.lineTo(Math.round(left) + 0.5, HEIGHT - EDGE.bottom);
    paper.stroke();
    for (const [radius, fill] of [[6, ground], [4, colour]]) {
      paper.beginPath();
      paper.arc(left, top, radius, 0, 2 * Math.PI);
      paper.fillStyle = fill;
      paper.fill();
    }
  }
}

/** Parts of a line between which nothing was measured. */
function parts(times, from, to) {
  const found = [];
  // What was thinned has wide steps of its own.
  const limit = Math.max(GAP_MILLIS, ((times[to - 1] - times[from]) / Math.max(1, to - from)) * 6);
  let start = from;
  for (let index = from + 1; index <= to; index += 1) {
    if (index < to && times[index] - times[index - 1] <= limit) continue;
    if (index > start) found.push([start, index]);
    start = index;
  }
  return found;
}

/** Round numbers around a range, two to four steps apart. */
function niceScale(min, max, name) {
  const least = { spd_kph: 10, hr_bpm: 20, pwr_w: 50, alt_m: 20, cad_rpm: 20, temp_c: 4 }[name] ?? 1;
  const isFromZero = ["spd_kph", "pwr_w", "cad_rpm"].includes(name) && min >= 0;
  const low = isFromZero ? 0 : min;
  const span = Math.max(max - low, least);
  const rough = span / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((size) => size >= rough) ?? 10 * power;
  const from = Math.floor(low / step) * step;
  return { low: from, high: Math.max(from + step, Math.ceil(Math.max(max, low + least / 2) / step) * step), step };
}

function axisText(value, step) {
  const digits = step < 1 ? 1 : 0;
  return (Math.abs(value) < step / 1000 ? 0 : value).toFixed(Number.isInteger(step) ? 0 : Math.max(digits, step === 2.5 ? 1 : 0));
}

/** A colour written as `#rrggbb`, seen through. */
function withAlpha(colour, alpha) {
  const parts = [1, 3, 5].map((from) => Number.parseInt(colour.slice(from, from + 2), 16));
  return `rgba(${parts.join(", ")}, ${alpha})`;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
