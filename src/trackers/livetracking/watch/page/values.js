// The newest values, large enough to read at arm's length.

import { FIELDS, number } from "./words.js";

const ORDER = [
  "spd_kph", "hr_bpm", "pwr_w", "alt_m", "dist_km", "dur_s", "cad_rpm", "temp_c", "pwr_w_l", "pwr_w_r", "battery",
  "gsm_signal",
];
/** Those that do not go stale while the rest goes on. */
const LASTING = new Set(["dist_km", "dur_s", "battery", "gsm_signal", "temp_c", "alt_m"]);

export class Values {
  constructor(list, ride) {
    Object.assign(this, { list, ride });
    this.tiles = new Map();
  }

  refresh() {
    let place = 0;
    for (const name of ORDER) {
      const newest = this.ride.newest.get(name);
      if (!newest) {
        this.tiles.get(name)?.tile.remove();
        this.tiles.delete(name);
        continue;
      }
      const value = LASTING.has(name) ? newest[1] : this.ride.current(name);
      const tile = this.tile(name);
      if (this.list.children[place] !== tile.tile) this.list.insertBefore(tile.tile, this.list.children[place] ?? null);
      place += 1;
      const text = value === null ? "–" : number(name, value);
      if (tile.number.textContent !== text) tile.number.textContent = text;
    }
  }

  tile(name) {
    const known = this.tiles.get(name);
    if (known) return known;
    const { name: title, unit } = FIELDS[name];
    const tile = document.createElement("div");
    tile.className = `value value-${name}`;
    const term = document.createElement("dt");
    term.textContent = title;
    const told = document.createElement("dd");
    const shown = document.createElement("span");
    shown.className = "number";
    const measure = document.createElement("span");
    measure.className = "unit";
    measure.textContent = unit;
    told.append(shown, " ", measure);
    tile.append(term, told);
    const made = { tile, number: shown };
    this.tiles.set(name, made);
    return made;
  }
}
