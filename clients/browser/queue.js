/** Keeps the events that wait, shared by a visitor's tabs. Knows the browser's storage; must not know HTTP. */

const UNDERWAY_FOR = 2_000; // ms: then another tab, or the next page, sends an event that a tab began to send
const KEPT_FOR = 7 * 86_400_000; // ms: the service attributes no older event
const KEPT_AT_MOST = 500; // events, the newest
const UNREADABLE = "it cannot be read.";

/**
 * Events in the order of their occurrence, shared by a visitor's tabs; in memory where storage is denied or full.
 * Each has a key of its own, as tabs that write one key at once would lose each other's events.
 * @typedef {{ key: string, action: string, underway?: number, body: { occurred_at: string } & Record<string, unknown> }} Feedback
 * @param {string} name
 * @param {(event: unknown, reason: import("./client.d.ts").Reason, why: string) => void} dropped
 */
export function openQueue(name, dropped) {
  const memory = /** @type {Map<string, Feedback>} */ (new Map());
  /** @type {Set<string>} what this page has tracked does not grow old: a clock that is set right must not drop it */
  const own = new Set();
  const gone = /** @type {Set<string>} */ (new Set());

  /** @param {string} path */
  const get = (path) => attempt(() => localStorage.getItem(path));

  function put(/** @type {Feedback} */ event) {
    const path = `${name}/${event.key}`;
    const text = JSON.stringify(event);
    memory.set(event.key, event);
    attempt(() => localStorage.setItem(path, text));
    if (get(path) === text) memory.delete(event.key);
  }
  function remove(/** @type {string} */ key) {
    gone.add(key);
    memory.delete(key);
    attempt(() => localStorage.removeItem(`${name}/${key}`));
  }
  /** @param {string} path @returns {Feedback | []} */
  function read(path) {
    const key = path.slice(name.length + 1);
    const text = gone.has(key) || memory.has(key) ? null : get(path);
    if (typeof text !== "string") return [];
    const event = attempt(() => JSON.parse(text));
    if (isFeedback(event)) return { ...event, key };
    remove(key);
    dropped(text, "invalid", UNREADABLE);
    return [];
  }
  const stored = () =>
    (attempt(() => Object.keys(localStorage)) ?? []).flatMap((path) => (path.startsWith(`${name}/`) ? read(path) : []));
  function all() {
    const events = [...stored(), ...memory.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
    return events.filter((event, place) => {
      const age = own.has(event.key) ? 0 : Date.now() - Date.parse(event.body.occurred_at);
      const reason = age >= KEPT_FOR ? "expired" : events.length - place > KEPT_AT_MOST ? "full" : "";
      if (!reason) return true;
      remove(event.key);
      dropped(event.body, reason, reason === "full" ? "500 newer ones wait." : "it is a week old.");
    });
  }
  const former = get(name); // what the previous version kept, in one list under one key
  attempt(() => localStorage.removeItem(name));
  if (typeof former === "string")
    for (const event of [attempt(() => JSON.parse(former))].flat())
      if (isFeedback(event)) put(event);
      else dropped(event, "invalid", UNREADABLE);

  return {
    all,
    remove,
    add(/** @type {Feedback} */ event) {
      own.add(event.key);
      put(event);
      all();
    },
    /** @param {Feedback[]} events @param {number} underway */
    mark(events, underway) {
      for (const event of events) if (!gone.has(event.key)) put({ ...event, underway });
      return events;
    },
  };
}

/** What work returns, undefined if it fails. @template T @param {() => T} work @returns {T | undefined} */
export function attempt(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Whether a stored value is an event of this client in any of its versions. @param {any} value */
const isFeedback = (value) =>
  typeof value?.key === "string" &&
  typeof value.action === "string" &&
  typeof value.body?.occurred_at === "string" &&
  Date.parse(value.body.occurred_at) > 0 &&
  typeof (value.underway ?? 0) === "number";

/** Whether a tab sends it now; a mark of another time is left from a tab that died. @param {Feedback} event */
export const isUnderway = ({ underway }) => Math.abs(Date.now() - (underway ?? 0)) < UNDERWAY_FOR;

/** Does work while no other tab does work of this name. */
export async function alone(/** @type {string} */ name, /** @type {() => Promise<void>} */ work) {
  let begun = false;
  try {
    await navigator.locks.request(name, () => {
      begun = true;
      return work();
    });
  } catch (error) {
    if (begun) throw error;
    await work(); // the browser has no locks, or denies them
  }
}
