// Where the data comes from: a stream of server-sent events, or polling where streams do not come through.
//
// The stream is read by hand, for EventSource can send no header: the token of a share link travels in one.

const FIELDS = [
  "lat", "lng", "spd_kph", "hr_bpm", "pwr_w", "alt_m", "cad_rpm", "temp_c", "acc_m", "bearing", "battery",
  "gsm_signal", "dist_km", "dur_s", "pwr_w_l", "pwr_w_r",
];

/** How long the first event may take; then something on the way holds it back. */
const FIRST_MILLIS = 6_000;
/** Time without any byte after which a stream is dead: two heartbeats and a half. */
const SILENCE_MILLIS = 40_000;
const POLL_MILLIS = 5_000;
/** How long to poll before a stream is tried again. */
const POLLING_MILLIS = 60_000;

/** Stops what runs and says why. */
class Refused extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

export class Source {
  /**
   * Calls `on.hello({now, hours})`, `on.ride(whole)`, `on.points(columns)`, `on.state(word)`, and once at most
   * `on.end(reason)`.
   */
  constructor(name, hours, token, on) {
    Object.assign(this, { name, hours, token, on });
    this.last = null;
    this.tries = 0;
    this.closed = false;
    this.seesEvents = false;
    // The cookie of a session that ended is refused; then it is left out.
    this.withCookie = true;
    this.why = null;
  }

  start() {
    this.run().catch((error) => {
      if (error instanceof Refused) this.on.end(error.reason);
      else throw error;
    });
    return this;
  }

  async run() {
    while (!this.closed) {
      const began = Date.now();
      try {
        await this.stream();
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      if (this.closed) return;
      if (!this.seesEvents && (this.blocked || this.tries >= 2)) {
        await this.pollForATime();
        continue;
      }
      if (Date.now() - began > 10_000) this.tries = 0;
      // The first try comes at once: if a right ended, the answer tells so.
      const wait = this.tries === 0 ? 150 : Math.min(30_000, 1000 * 2 ** this.tries) * (0.7 + 0.6 * Math.random());
      if (this.tries > 0) this.on.state("lost");
      this.tries += 1;
      await this.pause(wait);
    }
  }

  /** Reads a stream to its end. */
  async stream() {
    const stop = new AbortController();
    let patience = setTimeout(() => stop.abort(), FIRST_MILLIS);
    this.seesEvents = false;
    this.blocked = false;
    try {
      const headers = this.last === null ? {} : { "Last-Event-ID": String(this.last) };
      const answer = await this.ask("events", headers, stop.signal);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const parse = parser((event) => this.take(event));
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(patience);
        patience = setTimeout(() => stop.abort(), SILENCE_MILLIS);
        parse(value);
      }
    } catch (error) {
      if (!this.seesEvents && stop.signal.aborted) this.blocked = true;
      throw error;
    } finally {
      clearTimeout(patience);
      stop.abort();
    }
  }

  take({ name, data, id }) {
    this.seesEvents = true;
    if (name === "end") {
      const { reason } = JSON.parse(data);
      // These pass: the next try tells.
      if (reason === "restart" || reason === "unavailable") return;
      this.why = reason;
      return;
    }
    this.tries = 0;
    this.on.state("live");
    if (name === "hello") this.on.hello(JSON.parse(data));
    if (name === "ride") this.on.ride(JSON.parse(data));
    if (name === "points") this.on.points(JSON.parse(data));
    if (id !== null) this.last = Number(id);
  }

  /** Asks this server for what the page shows, by whichever right there is. */
  async ask(what, headers, signal) {
    const options = { headers: { ...headers }, signal, cache: "no-store", credentials: "same-origin" };
    if (this.token) {
      options.headers["X-Watch-Share"] = this.token;
      options.credentials = "omit";
    } else if (!this.withCookie) {
      options.credentials = "omit";
    }
    const answer = await fetch(`/watch/${this.name}/${what}`, options);
    if (answer.ok) return answer;
    if (answer.status === 403) {
      const { error } = await answer.json().catch(() => ({}));
      if (this.token) {
        // Perhaps everybody may watch by now.
        const dead = this.token;
        this.token = null;
        try {
          return await this.ask(what, headers, signal);
        } catch (refused) {
          if (refused instanceof Refused) throw new Refused(this.why ?? "unshared");
          this.token = dead;
          throw refused;
        }
      }
      if (error === "AUTHENTICATION_FAILED" && this.withCookie) {
        this.withCookie = false;
        return this.ask(what, headers, signal);
      }
      throw new Refused(this.why ?? "private");
    }
    if (answer.status === 503) {
      const seconds = Number(answer.headers.get("Retry-After")) || 5;
      await this.pause(seconds * 1000);
    }
    throw new Error(`answer ${answer.status}`);
  }

  /** Polls, and then lets a stream be tried again. */
  async pollForATime() {
    const until = Date.now() + POLLING_MILLIS;
    let failures = 0;
    while (!this.closed && Date.now() < until && failures < 3) {
      try {
        await this.poll();
        failures = 0;
        this.on.state("polling");
      } catch (error) {
        if (error instanceof Refused) throw error;
        failures += 1;
        this.on.state("lost");
      }
      await this.pause(POLL_MILLIS);
    }
    this.tries = 1;
  }

  /** Asks for what came since the last time: by the query API what everybody may see, else by our own end point. */
  async poll() {
    if (!this.token && (await this.query())) return;
    const answer = await this.ask(this.last === null ? "latest" : `latest?since=${this.last}`, {});
    const told = await answer.json();
    this.on.hello({ now: told.now, hours: this.hours });
    if (told.ride) {
      this.on.ride(told.ride);
      const times = Object.values(told.ride.newest).map(([at]) => at);
      if (times.length > 0) this.last = Math.max(...times);
    }
    if (told.points) this.takeColumns(told.points);
  }

  /** Asks the query API as the original page did; whether it answered. */
  async query() {
    const since = this.last;
    const every = Math.max(1, Math.ceil((this.hours * 3600) / 1800));
    const q = since === null
      ? `SELECT ${FIELDS.map((name) => `MEAN(${name}) AS ${name}`).join(", ")} FROM samples ` +
        `WHERE time > now() - ${Math.ceil(this.hours * 60)}m GROUP BY time(${every}s) fill(none)`
      : `SELECT ${FIELDS.join(", ")} FROM samples WHERE time > ${since}ms LIMIT 2000`;
    const parameters = new URLSearchParams({ db: this.name, epoch: "ms", q });
    const answer = await fetch(`/query?${parameters}`, {
      headers: { Authorization: `Basic ${btoa("public:livetracking")}` },
      credentials: "omit",
      cache: "no-store",
    });
    if (!answer.ok) return false;
    const now = Date.parse(answer.headers.get("Date") ?? "");
    const { results } = await answer.json();
    if (!results || results[0]?.error) return false;
    this.on.hello({ now: Number.isNaN(now) ? Date.now() : now, hours: this.hours });
    const series = results[0]?.series?.[0];
    const columns = { t: [] };
    series?.columns.forEach((name, place) => {
      columns[name === "time" ? "t" : name] = series.values.map((row) => row[place]);
    });
    this.takeColumns(columns);
    return true;
  }

  takeColumns(columns) {
    if (columns.t.length > 0) this.last = Math.max(this.last ?? 0, columns.t[columns.t.length - 1]);
    this.on.points(columns);
  }

  pause(millis) {
    return new Promise((resolve) => setTimeout(resolve, millis));
  }
}

/** Reads events out of text that comes in pieces (HTML standard, section 9.2.6). */
export function parser(take) {
  let rest = "";
  let event = { name: "message", data: [], id: null };
  return (piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data.length > 0) take({ name: event.name, data: event.data.join("\n"), id: event.id });
        event = { name: "message", data: [], id: null };
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event.name = value;
      if (field === "data") event.data.push(value);
      if (field === "id") event.id = value;
    }
  };
}
