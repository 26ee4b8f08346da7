/** Keeps the events that wait, shared by a visitor's tabs. Knows the browser's storage; must not know HTTP. */

const UNDERWAY_FOR = 2_000; // ms: then another tab, or the next page, sends an event that a tab began to send
const KEPT_FOR = 7 * 86_400_000; // ms: the service attributes no older event
const KEPT_AT_MOST = 500; // events, the newest

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
export function attempt(work) {
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

/** Whether a tab sends it now; a mark of another time is left from a tab that died. @param {Feedback} event */
export const isUnderway = ({ underway }) => Math.abs(Date.now() - (underway ?? 0)) < UNDERWAY_FOR;

/** Does work unless another tab does work of this name: then it fails, and the caller tries again. */
export async function alone(/** @type {string} */ name, /** @type {() => Promise<void>} */ work) {
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
