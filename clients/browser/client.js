/** Asks for recommendations and reports feedback. Knows HTTP and the browser; must not know algorithms. */

import { alone, attempt, isUnderway, openQueue } from "./queue.js";
import { collectViews, watchElements } from "./views.js";

/** @typedef {import("./queue.js").Feedback} Feedback */

const FIRST_PAUSE = 1_000; // ms, doubled with every failure
const LONGEST_PAUSE = 60_000;
const PATIENCE = 30_000; // ms for one request
const LARGEST_ID = 2 ** 31 - 1;
const AT_ONCE = 25; // events in one request
const GATHER_FOR = 30_000; // ms
const SEEN_NEEDS = "it needs the event_id of a movie that was shown, and an element.";
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
  const { url = "", userId: given, token, assignment, onDropped, gatherFor = GATHER_FOR } = options ?? {};
  const userId = Number(given);
  if (!isId(userId, LARGEST_ID) || typeof token !== "function")
    throw new TypeError(
      `connect() needs userId, a whole number above 0, and token, a function, not ${given} and ${typeof token}.`,
    );
  const name = `bandit-selector.feedback.${userId}`;
  const queue = openQueue(name, dropped);
  let pause = 0;
  let number = 1e6; // keeps the order of events of one millisecond, as text
  let sending = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @type {(event: unknown, reason: import("./client.d.ts").Reason, why: string) => void} */
  function dropped(event, reason, why) {
    console.warn(`Bandit Selector: feedback is dropped: ${why}`, event);
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

  /** Sends events in one request; if it is refused, each goes again alone. */
  async function deliver(/** @type {Feedback[]} */ events) {
    try {
      const reactions = events.map(({ action, body }) => ({ ...body, action }));
      // keepalive outlives the page like sendBeacon, and can carry the token, which sendBeacon cannot.
      const request = { method: "POST", body: JSON.stringify({ user_id: userId, reactions }), keepalive: true };
      const { ok, status } = await call("/analytics/track", request);
      if (status >= 500 || RETRIED.includes(status)) throw new Error(); // sent again later
      for (const event of events) {
        if (!ok && events[1]) {
          await deliver([event]);
          continue;
        }
        queue.remove(event.key);
        if (!ok) dropped(event.body, "refused", sentenceOf(status));
      }
    } catch (error) {
      queue.mark(events, 0);
      throw error;
    }
  }

  /** Events for one request, of those that no page sends already. */
  function next() {
    const events = queue.all().filter((event) => !isUnderway(event));
    return queue.mark(events.slice(0, AT_ONCE), Date.now());
  }

  async function send() {
    if (sending) return;
    sending = true;
    views.flush();
    clearTimeout(timer);
    timer = undefined;
    try {
      await alone(name, async () => {
        for (; queue.all().length; pause = 0) {
          const events = next();
          if (!events.length) throw new Error(); // a page that was left has begun to send them
          await deliver(events);
        }
      });
    } catch {
      pause = Math.min(LONGEST_PAUSE, pause * 2 || FIRST_PAUSE);
      timer = setTimeout(send, pause * (0.5 + Math.random() / 2));
    }
    sending = false;
  }

  const soon = () => (timer ??= setTimeout(send, gatherFor));
  /** Puts feedback into the queue. @param {string} action @param {object} about */
  const report = (action, about) => {
    const occurred_at = new Date().toISOString();
    const key = `${occurred_at} ${number++} ${Math.random()}`;
    queue.add({ key, action, body: { ...about, occurred_at } });
    soon();
  };
  /** @param {string} action @returns {(shown: any, rating?: number) => void} */
  const track = (action) => (shown, rating) => {
    const about = aboutOf(shown);
    const wrong = about ? faultOf(action, rating) : "it needs the event_id of a movie that was shown, or a movie_id.";
    if (wrong) return dropped(shown, "invalid", wrong);
    report(action, { ...about, rating: action === "rating" ? rating : undefined });
  };
  const views = collectViews((event_ids) => report("seen", { event_ids }), soon);
  const watcher = watchElements(views.add);

  /** Sends all waiting events at once when the page is left: there is no time to send them in turn. */
  const leave = () => {
    views.flush();
    for (let events; (events = next()).length;) deliver(events).catch(() => {});
  };
  addEventListener("online", send);
  addEventListener("pagehide", leave);
  addEventListener("visibilitychange", leave); // on a telephone often the last that a page hears
  void send();

  return {
    async recommendations({ limit = 30, offset = 0, seed } = {}) {
      void send(); // a list in a session goes by the last reaction
      const asked = { user_id: userId, limit, offset, use_bandit: useBandit(assignment, userId), ...timeZone() };
      const query = new URLSearchParams(/** @type {any} */ (seed === undefined ? asked : { ...asked, seed }));
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
      thumbsOff: track("thumbs-off"),
      seen: (/** @type {any} */ shown) => {
        const id = aboutOf(shown)?.event_id;
        if (id) views.add(id);
        else dropped(shown, "invalid", SEEN_NEEDS);
      },
    },
    watch: (/** @type {any} */ element, /** @type {any} */ shown) => {
      const id = aboutOf(shown)?.event_id;
      if (id && attempt(() => element instanceof Element)) return watcher.watch(element, id);
      dropped(shown, "invalid", SEEN_NEEDS);
      return () => {};
    },
    get pending() {
      return queue.all().length + views.waiting;
    },
    close() {
      watcher.close();
      leave();
      clearTimeout(timer);
      removeEventListener("online", send);
      removeEventListener("pagehide", leave);
      removeEventListener("visibilitychange", leave);
    },
  };
}

/** The service's own sentence, or one about the status. @param {number} status @param {any} [content] */
function sentenceOf(status, content) {
  if (content?.detail) return `${content.detail}`;
  if (status === 401) return "The token was refused (401): missing, expired or unknown.";
  return `The service answered ${status}${content?.message ? ` (${content.message})` : ""}.`;
}

/**
 * What the page passes, whose getters may throw, by its event_id or else its movie_id; false or undefined without one.
 * @param {any} shown @returns {any}
 */
const aboutOf = (shown) =>
  attempt(() => {
    const { event_id, movie_id } = shown;
    return isId(event_id) ? { event_id } : isId(movie_id, LARGEST_ID) && { movie_id };
  });

/** Why this is not a rating; empty if it is, or needs none. @param {string} action @param {unknown} rating */
function faultOf(action, rating) {
  if (action === "rating" && !(typeof rating === "number" && isId(rating * 2, 10)))
    return `a rating is a number from 0.5 to 5 in halves, not ${typeof rating === "number" ? rating : typeof rating}.`;
  return "";
}

/** @param {any} value */
const isId = (value, largest = Infinity) => Number.isSafeInteger(value) && value > 0 && value <= largest;

/** The visitor's time zone, if the browser knows it; else the service's. @returns {Record<string, string>} */
function timeZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return timeZone && timeZone !== "Etc/Unknown" ? { time_zone: timeZone } : {};
}

let drawn = Math.random() < 0.5 ? "bandit" : "control"; // the session's group where sessionStorage is denied or full

/** @param {import("./client.d.ts").Assignment | undefined} assignment @param {number} userId */
function useBandit(assignment, userId) {
  if (assignment === "user") return userId % 2 === 0;
  if (typeof assignment === "boolean") return assignment;
  if (assignment !== "session") return "auto";
  drawn = attempt(() => sessionStorage.getItem("ab_group")) ?? drawn;
  attempt(() => sessionStorage.setItem("ab_group", drawn));
  return drawn === "bandit";
}
