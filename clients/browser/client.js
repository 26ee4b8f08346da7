/** Asks for recommendations and reports feedback. Knows HTTP and the browser; must not know algorithms. */

const FIRST_PAUSE = 1_000; // ms, doubled with every failure
const LONGEST_PAUSE = 60_000;
const PATIENCE = 30_000; // ms for one request
const UNDERWAY_FOR = 2_000; // ms: then another tab, or the next page, sends an event that a tab began to send
const KEPT_FOR = 7 * 86_400_000; // ms: the service attributes no older event
const KEPT_AT_MOST = 500; // events, the newest
const SEEN_AFTER = 1_000; // ms in view
const SEEN_AT_ONCE = 50; // event ids in one request
const SEEN_PAUSE = 3_000; // ms in which ids are collected for one request
const LARGEST_ID = 2 ** 31 - 1;
const RETRIED = [401, 408, 429];

export class RequestFailed extends Error {
  name = /** @type {const} */ ("RequestFailed");
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @type {typeof import("./client.d.ts").connect} */
export function connect(options) {
  const { url = "", token, assignment = "server", onDropped } = options ?? {};
  const userId = Number(options?.userId);
  if (!isId(userId, LARGEST_ID) || typeof token !== "function")
    throw new TypeError(
      `connect() needs userId, a whole number above 0, and token, a function; it got userId ${said(options?.userId)} and token ${typeof token}.`,
    );
  const queue = openQueue(`bandit-selector.feedback.${userId}`, dropped);
  let pause = 0;
  let number = 0; // keeps the order of events of one millisecond
  let sending = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @type {(event: unknown, reason: import("./client.d.ts").Reason, why: string) => void} */
  function dropped(event, reason, why) {
    console.warn(`Bandit Selector: feedback is dropped (${reason}): ${why}`, event);
    try {
      onDropped?.(event, reason);
    } catch (error) {
      console.warn("Bandit Selector: onDropped failed.", error);
    }
  }

  /** @param {string} path @param {RequestInit} [init] */
  async function call(path, init) {
    const headers = { Authorization: `Bearer ${await token()}`, "Content-Type": "application/json" };
    return fetch(url + path, { signal: AbortSignal.timeout?.(PATIENCE), ...init, headers });
  }

  /** @param {Feedback} event */
  async function deliver(event) {
    try {
      // keepalive outlives the page like sendBeacon, and can carry the token, which sendBeacon cannot.
      const request = { method: "POST", body: JSON.stringify(event.body), keepalive: true };
      const { ok, status } = await call(`/analytics/track/${event.action}`, request);
      if (!ok && (status >= 500 || RETRIED.includes(status))) throw new RequestFailed(status, "Refused for now.");
      queue.remove(event.key);
      if (!ok) dropped(event.body, "refused", `the service answered ${status}.`);
    } catch (error) {
      queue.mark([event], 0);
      throw error;
    }
  }

  async function send() {
    if (sending) return;
    sending = true;
    clearTimeout(timer);
    try {
      await alone(queue.name, async () => {
        for (let event; (event = queue.all()[0]); pause = 0) {
          if (isUnderway(event)) throw new Error("A page that was left has begun to send it.");
          queue.mark([event], Date.now());
          await deliver(event);
        }
      });
    } catch {
      pause = Math.min(LONGEST_PAUSE, pause * 2 || FIRST_PAUSE);
      timer = setTimeout(send, pause * (0.5 + Math.random() / 2));
    }
    sending = false;
  }

  /** Puts feedback into the queue. @param {string} action @param {object} about */
  const report = (action, about) => {
    const occurred_at = new Date().toISOString();
    const key = `${occurred_at} ${`${number++}`.padStart(6, "0")} ${Math.random()}`;
    queue.add({ key, action, body: { user_id: userId, ...about, occurred_at } });
    void send();
  };
  /** @param {string} action @returns {(shown: any, rating?: number) => void} */
  const track = (action) => (shown, rating) => {
    const wrong = faultOf(shown, action, rating);
    if (wrong) return dropped(shown, "invalid", wrong);
    const about = isId(shown.event_id) ? { event_id: shown.event_id } : { movie_id: shown.movie_id };
    report(action, { ...about, ...(action === "rating" ? { rating } : {}) });
  };
  const views = collectViews((event_ids) => report("seen", { event_ids }));
  const watcher = watchElements(views.add);

  const retryNow = () => void send();
  /** Sends all waiting events in parallel when the page is left: there is no time to send them in turn. */
  const leave = () => {
    views.flush();
    const waiting = queue.all().filter((event) => !isUnderway(event));
    queue.mark(waiting, Date.now());
    for (const event of waiting) deliver(event).catch(() => {});
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
      const content = await answer.json().catch(() => null);
      if (!answer.ok) throw new RequestFailed(answer.status, sentenceOf(answer.status, content));
      if (!Array.isArray(content)) throw new RequestFailed(answer.status, "The service's answer is not a list.");
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
      seen: (/** @type {any} */ shown) => {
        if (isId(shown?.event_id)) views.add(shown.event_id);
        else dropped(shown, "invalid", "it needs the event_id of a movie that was shown.");
      },
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

/** The service's own sentence, or one about the status. @param {number} status @param {any} content */
function sentenceOf(status, content) {
  if (content?.detail) return `${content.detail}`;
  if (status === 401)
    return "The token was refused (401): it is missing, expired, or of an issuer the service does not know.";
  return `The service answered ${status}${content?.message ? ` (${content.message})` : ""}.`;
}

/** Why this is not feedback; empty if it is. @param {any} shown @param {string} action @param {unknown} rating */
function faultOf(shown, action, rating) {
  if (!isId(shown?.event_id) && !isId(shown?.movie_id, LARGEST_ID))
    return "it needs the event_id of a movie that was shown, or a movie_id.";
  if (action === "rating" && !(typeof rating === "number" && rating >= 0.5 && rating <= 5 && rating % 0.5 === 0))
    return `a rating is a number from 0.5 to 5 in halves, not ${said(rating)}.`;
  return "";
}

/** @param {unknown} value @returns {value is number} */
const isId = (value, largest = Number.MAX_SAFE_INTEGER) =>
  typeof value === "number" && Number.isInteger(value) && value > 0 && value <= largest;

/** A value for a message; never fails. @param {unknown} value */
const said = (value) => (typeof value === "object" && value ? "an object" : String(value));

/** Whether a tab sends it now; a mark of another time is left from a tab that died. @param {Feedback} event */
const isUnderway = ({ underway }) => Math.abs(Date.now() - (underway ?? 0)) < UNDERWAY_FOR;

/** Does work unless another tab does work of this name: then it fails, and the caller tries again. */
async function alone(/** @type {string} */ name, /** @type {() => Promise<void>} */ work) {
  let asked = false;
  try {
    await navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      asked = true;
      if (!lock) throw new Error("Another tab sends.");
      return work();
    });
  } catch (error) {
    if (asked) throw error;
    await work(); // the browser has no locks, or denies them
  }
}

/** The visitor's time zone, if the browser knows it; else the service's. @returns {Record<string, string>} */
function timeZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return timeZone && timeZone !== "Etc/Unknown" ? { time_zone: timeZone } : {};
}

let drawn = Math.random() < 0.5 ? "bandit" : "control"; // the session's group where sessionStorage is denied or full

/** @param {import("./client.d.ts").Assignment} assignment @param {number} userId @returns {"true" | "false" | "auto"} */
function useBandit(assignment, userId) {
  if (assignment === "user") return `${userId % 2 === 0}`;
  if (typeof assignment === "boolean") return `${assignment}`;
  if (assignment !== "session") return "auto";
  drawn = attempt(() => sessionStorage.getItem("ab_group")) ?? drawn;
  attempt(() => sessionStorage.setItem("ab_group", drawn));
  return `${drawn === "bandit"}`;
}

/**
 * Events in the order of their occurrence, shared by a visitor's tabs; in memory where storage is denied or full.
 * Each has a key of its own, as tabs that write one key at once would lose each other's events.
 * @typedef {{ key: string, action: string, underway?: number, body: { occurred_at: string } & Record<string, unknown> }} Feedback
 * @param {string} name
 * @param {(event: unknown, reason: import("./client.d.ts").Reason, why: string) => void} dropped
 */
function openQueue(name, dropped) {
  const memory = /** @type {Map<string, Feedback>} */ (new Map());
  /** @type {Set<string>} what this page has tracked does not grow old: a clock that is set right must not drop it */
  const own = new Set();
  const gone = /** @type {Set<string>} */ (new Set());

  function put(/** @type {Feedback} */ event) {
    memory.set(event.key, event);
    attempt(() => {
      const text = JSON.stringify(event);
      localStorage.setItem(`${name}/${event.key}`, text);
      if (localStorage.getItem(`${name}/${event.key}`) === text) memory.delete(event.key);
    });
  }
  function remove(/** @type {string} */ key) {
    gone.add(key);
    memory.delete(key);
    attempt(() => localStorage.removeItem(`${name}/${key}`));
  }
  /** @param {string} key @param {string} text */
  function read(key, text) {
    const event = attempt(() => JSON.parse(text));
    if (isFeedback(event)) return { ...event, key };
    remove(key);
    dropped(text, "invalid", "it cannot be read.");
  }
  /** @returns {Feedback[]} */
  function stored() {
    const names = attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(`${name}/`))) ?? [];
    const keys = names.map((key) => key.slice(name.length + 1)).filter((key) => !gone.has(key) && !memory.has(key));
    return keys.flatMap((key) => {
      const text = attempt(() => localStorage.getItem(`${name}/${key}`));
      return (typeof text === "string" && read(key, text)) || [];
    });
  }
  function all() {
    const events = [...stored(), ...memory.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
    return events.filter((event, place) => {
      const age = own.has(event.key) ? 0 : Date.now() - Date.parse(event.body.occurred_at);
      const reason = age >= KEPT_FOR ? "expired" : events.length - place > KEPT_AT_MOST ? "full" : "";
      if (!reason) return true;
      remove(event.key);
      dropped(event.body, reason, reason === "full" ? "500 newer events wait." : "it waited for more than seven days.");
    });
  }
  /** Takes over what the previous version kept, in one list under one key. */
  function takeOver() {
    const text = attempt(() => localStorage.getItem(name));
    if (typeof text !== "string") return;
    attempt(() => localStorage.removeItem(name));
    const events = attempt(() => JSON.parse(text));
    for (const event of Array.isArray(events) ? events : [events])
      if (isFeedback(event)) put(event);
      else dropped(event, "invalid", "it cannot be read.");
  }

  takeOver();
  return {
    name,
    all,
    remove,
    add(/** @type {Feedback} */ event) {
      own.add(event.key);
      put(event);
      all();
    },
    /** @param {Feedback[]} sent @param {number} underway */
    mark: (sent, underway) => sent.forEach((event) => gone.has(event.key) || put({ ...event, underway })),
  };
}

/** What work returns, undefined if it fails. @template T @param {() => T} work @returns {T | undefined} */
function attempt(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Whether a stored value is an event that this client, or its previous version, has written. @param {any} value */
const isFeedback = (value) =>
  typeof value?.key === "string" &&
  ["click", "rating", "thumbs-up", "thumbs-down", "seen"].includes(value.action) &&
  !Number.isNaN(Date.parse(value.body?.occurred_at));
