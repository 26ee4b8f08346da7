/** Tells which movies a visitor had in view, each once. Knows the browser; must not know HTTP. */

const SEEN_AFTER = 1_000; // ms in view
const SEEN_AT_ONCE = 50; // event ids in one request
const SEEN_PAUSE = 3_000; // ms in which ids are collected for one request

/**
 * Collects what was seen, each event id once, and reports some at a time.
 * @param {(eventIds: number[]) => void} report
 */
export function collectViews(report) {
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
export function watchElements(onSeen) {
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
