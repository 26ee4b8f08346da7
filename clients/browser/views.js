/** Tells which movies a visitor had in view, each once. Knows the browser; must not know HTTP. */

import { attempt } from "./queue.js";

const SEEN_AFTER = 1_000; // ms in view
const SEEN_AT_ONCE = 50; // event ids in one request

/**
 * Collects what was seen, each event id once, and reports some at a time: when there are enough for a request, or when it is told to.
 * @param {(eventIds: number[]) => void} report
 * @param {() => void} soon asks to be told
 */
export function collectViews(report, soon) {
  /** @type {Set<number>} */
  const known = new Set();
  /** @type {number[]} */
  let waiting = [];
  const flush = () => {
    if (waiting.length) report(waiting.splice(0));
  };
  return {
    add(/** @type {number} */ eventId) {
      if (known.has(eventId)) return;
      known.add(eventId);
      waiting.push(eventId);
      if (waiting.length >= SEEN_AT_ONCE) flush();
      else soon();
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
  /** Weak, because a page drops elements without telling. @type {WeakMap<Element, () => void>} */
  const stops = new WeakMap();
  let closed = false;
  return {
    /** Ends what was watched of this element before. @param {Element} element @param {number} eventId */
    watch(element, eventId) {
      stops.get(element)?.();
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const look = ({ isIntersecting = true }) => {
        clearTimeout(timer);
        if (isIntersecting) timer = setTimeout(decide, SEEN_AFTER);
      };
      const decide = () => {
        if (document.hidden) return look({});
        stop();
        if (!closed) onSeen(eventId);
      };
      // Where there is no observer, nothing is seen, as without this client.
      const observer = attempt(() => new IntersectionObserver((entries) => entries.forEach(look), { threshold: 0.5 }));
      const stop = () => {
        clearTimeout(timer);
        observer?.disconnect();
      };
      stops.set(element, stop);
      observer?.observe(element);
      return stop;
    },
    close() {
      closed = true;
    },
  };
}
