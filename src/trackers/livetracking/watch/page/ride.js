// What is known of the ride. Instants are milliseconds since 1970.

/** The values that have a plot, in the order in which they are shown. */
export const PLOTTED = ["spd_kph", "hr_bpm", "pwr_w", "alt_m", "cad_rpm", "temp_c"];

export class Ride {
  constructor(windowMillis) {
    this.windowMillis = windowMillis;
    this.clear();
  }

  clear() {
    this.track = { t: [], lat: [], lng: [] };
    this.plots = new Map();
    this.newest = new Map();
  }

  /** Takes the ride as a whole, as the server thinned it. */
  takeWhole(whole) {
    this.clear();
    this.track = whole.track;
    for (const name of PLOTTED) {
      const plot = whole.plots[name];
      if (plot) this.plots.set(name, plot);
    }
    for (const [name, newest] of Object.entries(whole.newest)) this.newest.set(name, newest);
  }

  /** Takes points in columns: `t`, and one for each field, with null where there is no value. */
  takePoints(columns) {
    const { t: times, lat, lng } = columns;
    for (const [name, values] of Object.entries(columns)) {
      if (name === "t") continue;
      values.forEach((value, row) => {
        if (typeof value !== "number") return;
        const at = times[row];
        const newest = this.newest.get(name);
        if (!newest || at >= newest[0]) this.newest.set(name, [at, value]);
        if (PLOTTED.includes(name)) this.takeValue(name, at, value);
      });
    }
    if (lat && lng) {
      times.forEach((at, row) => {
        if (isPlace(lat[row], lng[row])) place(this.track.t, at, [[this.track.lat, lat[row]], [this.track.lng, lng[row]]]);
      });
    }
  }

  takeValue(name, at, value) {
    let plot = this.plots.get(name);
    if (!plot) {
      plot = { t: [], v: [], count: 0, min: value, mean: 0, max: value };
      this.plots.set(name, plot);
    }
    if (!place(plot.t, at, [[plot.v, value]])) return;
    plot.count += 1;
    plot.mean += (value - plot.mean) / plot.count;
    plot.min = Math.min(plot.min, value);
    plot.max = Math.max(plot.max, value);
  }

  /** Lets go what is older than the window. */
  prune(now) {
    const from = now - this.windowMillis;
    const drop = (times, ...columns) => {
      const count = firstAfter(times, from);
      if (count > 0) for (const list of [times, ...columns]) list.splice(0, count);
    };
    drop(this.track.t, this.track.lat, this.track.lng);
    for (const [name, plot] of this.plots) {
      drop(plot.t, plot.v);
      if (plot.t.length === 0) this.plots.delete(name);
    }
    for (const [name, [at]] of this.newest) if (at < from) this.newest.delete(name);
  }

  /** The newest instant that is known, or null. */
  get last() {
    let last = null;
    for (const [at] of this.newest.values()) last = last === null ? at : Math.max(last, at);
    return last;
  }

  /** The first instant that is shown, or null. */
  get first() {
    const firsts = [this.track.t[0], ...[...this.plots.values()].map((plot) => plot.t[0])];
    const known = firsts.filter((at) => at !== undefined);
    return known.length > 0 ? Math.min(...known) : null;
  }

  /** The newest value of a field that is not older than the rest of the ride by a minute and a half. */
  current(name) {
    const newest = this.newest.get(name);
    if (!newest) return null;
    return this.last - newest[0] <= CURRENT_MILLIS ? newest[1] : null;
  }

  /** Where the rider is: place, direction, exactness; null if that is not known. */
  get position() {
    const { t, lat, lng } = this.track;
    const end = t.length - 1;
    if (end < 0) return null;
    return {
      t: t[end],
      lat: lat[end],
      lng: lng[end],
      bearing: this.current("bearing") ?? this.heading(),
      accuracy: this.current("acc_m"),
    };
  }

  /** The direction of the last part of the track that is long enough to have one, in degrees. */
  heading() {
    const { lat, lng } = this.track;
    const end = lat.length - 1;
    for (let from = end - 1; from >= Math.max(0, end - 40); from -= 1) {
      const north = lat[end] - lat[from];
      const east = (lng[end] - lng[from]) * Math.cos((lat[end] * Math.PI) / 180);
      if (Math.hypot(north, east) > 0.00005) return ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
    }
    return null;
  }

  /** The place at an instant, between two points that are known; null outside the track. */
  placeAt(at) {
    const { t, lat, lng } = this.track;
    if (t.length === 0 || at < t[0] || at > t[t.length - 1]) return null;
    const next = Math.min(firstAfter(t, at), t.length - 1);
    const before = Math.max(0, next - 1);
    const part = t[next] === t[before] ? 0 : (at - t[before]) / (t[next] - t[before]);
    return { lat: lat[before] + (lat[next] - lat[before]) * part, lng: lng[before] + (lng[next] - lng[before]) * part };
  }

  /** The value of a plot nearest to an instant, with its own instant; null if there is none near. */
  valueAt(name, at) {
    const plot = this.plots.get(name);
    if (!plot || plot.t.length === 0) return null;
    const next = firstAfter(plot.t, at);
    const near = [next - 1, next].filter((index) => index >= 0 && index < plot.t.length);
    near.sort((one, two) => Math.abs(plot.t[one] - at) - Math.abs(plot.t[two] - at));
    const [best] = near;
    return Math.abs(plot.t[best] - at) <= GAP_MILLIS ? { t: plot.t[best], value: plot.v[best] } : null;
  }
}

/** Where the first instant after `at` stands in a sorted list. */
export function firstAfter(times, at) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts values at an instant into sorted columns; whether the instant is new there. */
function place(times, at, columns) {
  const index = firstAfter(times, at);
  if (index > 0 && times[index - 1] === at) {
    for (const [column, value] of columns) column[index - 1] = value;
    return false;
  }
  times.splice(index, 0, at);
  for (const [column, value] of columns) column.splice(index, 0, value);
  return true;
}

function isPlace(lat, lng) {
  return typeof lat === "number" && typeof lng === "number" && Math.abs(lat) <= 90 && Math.abs(lng) <= 180;
}

/** How old a value may be beside the newest and still count as the current one. */
const CURRENT_MILLIS = 90_000;

/** Time without a value after which a line is broken. */
export const GAP_MILLIS = 90_000;
