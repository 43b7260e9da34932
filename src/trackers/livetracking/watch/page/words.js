// Texts and numbers in the reader's language.

const body = document.body;
const words = JSON.parse(body.dataset.words);
const language = document.documentElement.lang;

/** A text, with `{name}` filled from `values`. */
export function word(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const digits = (count) => new Intl.NumberFormat(language, { minimumFractionDigits: count, maximumFractionDigits: count });
const byDigits = [digits(0), digits(1), digits(2)];
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** What each field is called, measured in, and how exact it is shown. */
export const FIELDS = {
  spd_kph: { name: word("spd_kph"), unit: "km/h", digits: 1 },
  hr_bpm: { name: word("hr_bpm"), unit: "bpm", digits: 0 },
  pwr_w: { name: word("pwr_w"), unit: "W", digits: 0 },
  alt_m: { name: word("alt_m"), unit: "m", digits: 0 },
  cad_rpm: { name: word("cad_rpm"), unit: "rpm", digits: 0 },
  temp_c: { name: word("temp_c"), unit: "°C", digits: 1 },
  dist_km: { name: word("dist_km"), unit: "km", digits: 2 },
  dur_s: { name: word("dur_s"), unit: "", digits: 0 },
  battery: { name: word("battery"), unit: "%", digits: 0 },
  gsm_signal: { name: word("gsm_signal"), unit: "%", digits: 0 },
  acc_m: { name: word("acc_m"), unit: "m", digits: 0 },
  pwr_w_l: { name: word("pwr_w_l"), unit: "W", digits: 0 },
  pwr_w_r: { name: word("pwr_w_r"), unit: "W", digits: 0 },
};

/** A value as text without its unit. */
export function number(field, value) {
  if (field === "dur_s") return stopwatch(value);
  return (byDigits[FIELDS[field]?.digits ?? 0] ?? byDigits[0]).format(value);
}

/** A value as text with its unit. */
export function measured(field, value) {
  const unit = FIELDS[field]?.unit;
  return unit ? `${number(field, value)} ${unit}` : number(field, value);
}

/** Degrees as people write them. */
export function degrees(lat, lng) {
  const five = new Intl.NumberFormat(language, { minimumFractionDigits: 5, maximumFractionDigits: 5 });
  const side = (value, positive, negative) => `${five.format(Math.abs(value))}° ${value < 0 ? negative : positive}`;
  return `${side(lat, "N", "S")}  ${side(lng, language === "de" ? "O" : "E", "W")}`;
}

/** 1:02:03 */
function stopwatch(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (part) => String(part).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A length of time in one or two units: 12 s, 3 min, 2 h 5 min. */
export function lasting(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** The time of day. */
export function timeOfDay(millis, withSeconds = false) {
  return (withSeconds ? clockSeconds : clock).format(new Date(millis));
}

/** A length on the ground, for the scale. */
export function ground(metres) {
  return metres >= 1000 ? `${byDigits[0].format(metres / 1000)} km` : `${byDigits[0].format(metres)} m`;
}
