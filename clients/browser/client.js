/** Asks for recommendations and reports feedback. Knows HTTP and the browser; must not know algorithms. */

const FIRST_PAUSE = 1_000; // ms, doubled with every failure
const LONGEST_PAUSE = 60_000;
const KEPT_FOR = 7 * 86_400_000; // ms: the service attributes no older event
const KEPT_AT_MOST = 500; // events, the newest
const SEEN_AFTER = 1_000; // ms in view
const SEEN_AT_ONCE = 50; // event ids in one request
const SEEN_PAUSE = 3_000; // ms in which ids are collected for one request

export class RequestFailed extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @type {typeof import("./client.d.ts").connect} */
export function connect({ url = "", userId, token, assignment = "server" }) {
  const queue = openQueue(`bandit-selector.feedback.${userId}`);
  let pause = 0;
  let sending = false;
  /** @type {Set<string>} */
  const underway = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {string} path @param {RequestInit} [init] */
  async function call(path, init) {
    const headers = { Authorization: `Bearer ${await token()}`, "Content-Type": "application/json" };
    return fetch(url + path, { ...init, headers });
  }

  /** @param {Feedback} event */
  async function deliver({ key, action, body }) {
    underway.add(key);
    try {
      // keepalive outlives the page like sendBeacon, and can carry the token, which sendBeacon cannot.
      const request = { method: "POST", body: JSON.stringify(body), keepalive: true };
      const { ok, status } = await call(`/analytics/track/${action}`, request);
      if (!ok && (status >= 500 || [401, 408, 429].includes(status)))
        throw new RequestFailed(status, "Refused for now.");
      queue.remove(key); // delivered, or refused permanently
    } finally {
      underway.delete(key);
    }
  }

  async function send() {
    if (sending) return;
    sending = true;
    clearTimeout(timer);
    try {
      for (let event; (event = queue.all()[0]); pause = 0) await deliver(event);
    } catch {
      pause = Math.min(LONGEST_PAUSE, pause * 2 || FIRST_PAUSE);
      timer = setTimeout(send, pause * (0.5 + Math.random() / 2));
    }
    sending = false;
  }

  /** @param {string} action @param {object} about */
  const report = (action, about) => {
    const occurred_at = new Date().toISOString();
    queue.add({ key: `${occurred_at} ${Math.random()}`, action, body: { user_id: userId, ...about, occurred_at } });
    void send();
  };
  /** @param {string} action @returns {(shown: import("./client.d.ts").Shown, rating?: number) => void} */
  const track = (action) => (shown, rating) =>
    report(action, "event_id" in shown ? { event_id: shown.event_id, rating } : { movie_id: shown.movie_id, rating });
  const views = collectViews((event_ids) => report("seen", { event_ids }));
  const watcher = watchElements(views.add);

  const retryNow = () => void send();
  /** Sends all waiting events in parallel when the page is left: there is no time to send them in turn. */
  const leave = () => {
    views.flush();
    for (const event of queue.all()) if (!underway.has(event.key)) deliver(event).catch(() => {});
  };
  addEventListener("online", retryNow);
  addEventListener("pagehide", leave);
  retryNow();

  return {
    async recommendations({ limit = 30, offset = 0, seed } = {}) {
      const query = new URLSearchParams({
        user_id: `${userId}`,
        limit: `${limit}`,
        offset: `${offset}`,
        use_bandit: useBandit(assignment, userId),
        ...timeZone(),
        ...(seed === undefined ? {} : { seed: `${seed}` }),
      });
      const answer = await call(`/movies/recommendations?${query}`);
      const content = await answer.json().catch(() => ({}));
      if (!answer.ok)
        throw new RequestFailed(answer.status, content.detail ?? `The service answered ${answer.status}.`);
      const header = (/** @type {string} */ name) => answer.headers.get(name);
      return {
        id: header("X-Recommendation-Id"),
        group: header("X-AB-Group"),
        context: header("X-Context-Key"),
        movies: content,
      };
    },
    track: {
      click: track("click"),
      rating: track("rating"),
      thumbsUp: track("thumbs-up"),
      thumbsDown: track("thumbs-down"),
      seen: ({ event_id }) => views.add(event_id),
    },
    watch: watcher.watch,
    get pending() {
      return queue.all().length + views.waiting;
    },
    close() {
      watcher.close();
      views.flush();
      clearTimeout(timer);
      removeEventListener("online", retryNow);
      removeEventListener("pagehide", leave);
    },
  };
}

/**
 * Collects what was seen, each event id once, and reports some at a time.
 * @param {(eventIds: number[]) => void} report
 */
function collectViews(report) {
  /** @type {Set<number>} */
  const known = new Set();
  /** @type {number[]} */
  let waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length) report(waiting.splice(0, SEEN_AT_ONCE));
  };
  return {
    add(/** @type {number} */ eventId) {
      if (known.has(eventId)) return;
      known.add(eventId);
      waiting.push(eventId);
      if (waiting.length >= SEEN_AT_ONCE) flush();
      else timer ??= setTimeout(flush, SEEN_PAUSE);
    },
    flush,
    get waiting() {
      return waiting.length && 1; // they become one event
    },
  };
}

/**
 * Tells which elements have had half of themselves in view for a while, in a tab that is in front.
 * @param {(eventId: number) => void} onSeen
 */
function watchElements(onSeen) {
  /** Weak, because a page drops elements without telling.
   * @type {WeakMap<Element, { eventId: number, timer?: ReturnType<typeof setTimeout> }>} */
  const watched = new WeakMap();
  let closed = false;
  const observer =
    "IntersectionObserver" in globalThis
      ? new IntersectionObserver((entries) => entries.forEach(look), { threshold: 0.5 })
      : undefined; // nothing is seen then, as without this client

  /** @param {Element} element */
  const stop = (element) => {
    clearTimeout(watched.get(element)?.timer);
    watched.delete(element);
    observer?.unobserve(element);
  };
  /** @param {Element} element */
  const wait = (element) => {
    const one = watched.get(element);
    if (!one) return;
    one.timer = setTimeout(() => {
      if (document.hidden) return wait(element);
      stop(element);
      if (!closed) onSeen(one.eventId);
    }, SEEN_AFTER);
  };
  /** @param {IntersectionObserverEntry} entry */
  const look = ({ target, isIntersecting }) => {
    clearTimeout(watched.get(target)?.timer);
    if (isIntersecting) wait(target);
  };
  return {
    /** @type {import("./client.d.ts").Client["watch"]} */
    watch(element, { event_id }) {
      stop(element);
      watched.set(element, { eventId: event_id });
      observer?.observe(element);
      return () => stop(element);
    },
    close() {
      closed = true;
      observer?.disconnect();
    },
  };
}

/** The visitor's time zone, if the browser knows it; else the service's. @returns {Record<string, string>} */
function timeZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return timeZone && timeZone !== "Etc/Unknown" ? { time_zone: timeZone } : {};
}

/** @param {import("./client.d.ts").Assignment} assignment @param {number} userId @returns {"true" | "false" | "auto"} */
function useBandit(assignment, userId) {
  if (assignment === "server") return "auto";
  if (assignment === "user") return `${userId % 2 === 0}`;
  if (assignment !== "session") return `${assignment}`;
  const group = sessionStorage.getItem("ab_group") ?? (Math.random() < 0.5 ? "bandit" : "control");
  sessionStorage.setItem("ab_group", group);
  return `${group === "bandit"}`;
}

/**
 * Events in the order of their occurrence, shared by a visitor's tabs; in memory where storage is denied or full.
 * @typedef {{ key: string, action: string, body: { occurred_at: string } & Record<string, unknown> }} Feedback
 * @param {string} name
 */
function openQueue(name) {
  let stored = true;
  /** @type {Feedback[]} */
  let events = [];
  const all = () => {
    try {
      if (stored) events = JSON.parse(localStorage.getItem(name) ?? "[]");
    } catch {
      stored = false;
    }
    return events.filter(({ body }) => Date.now() - Date.parse(body.occurred_at) < KEPT_FOR);
  };
  /** @param {Feedback[]} changed */
  const keep = (changed) => {
    events = changed.slice(-KEPT_AT_MOST);
    try {
      if (stored) localStorage.setItem(name, JSON.stringify(events));
    } catch {
      stored = false;
    }
  };
  return {
    all,
    add: (/** @type {Feedback} */ event) => keep([...all(), event]),
    remove: (/** @type {string} */ key) => keep(all().filter((event) => event.key !== key)),
  };
}
