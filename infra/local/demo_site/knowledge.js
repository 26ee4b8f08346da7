/** What the bandit knows, and the newest that it learned, read again every few seconds. Must not know lists. */

import { counted, get, make, percent, readable } from "./elements.js";

const EVERY = 4_000; // ms

/** Keeps showing what is known in `context()` and what changed anywhere; returns the function that looks now. */
export function follow(token, context) {
  let before = null;
  const look = async () => {
    if (document.hidden || !context()) return;
    const cells = await read(token()).catch((error) => error);
    if (cells instanceof Error) return get("knows").replaceChildren(make("p", {}, cells.message));
    if (before) tell(changes(before, cells));
    const here = cells.filter((cell) => cell.context_key === context());
    get("knows").replaceChildren(...table(here, before, context()));
    before = new Map(cells.map((cell) => [id(cell), cell]));
  };
  setInterval(look, EVERY);
  return look;
}

const id = ({ context_key, algorithm }) => `${context_key} ${algorithm}`;

async function read(token) {
  const answer = await fetch("analytics/bandit/stats", { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`The service answered ${answer.status}; what the bandit knows cannot be shown now.`);
  return Object.values((await answer.json()).detailed_stats);
}

/** The cells with new outcomes, most first: { cell, won, lost, was }. */
function changes(before, cells) {
  return cells
    .map((cell) => {
      const old = before.get(id(cell)) ?? { total_successes: 0, total_failures: 0, probability: null };
      const [won, lost] = ["total_successes", "total_failures"].map((name) => cell[name] - old[name]);
      return { cell, won, lost, was: old.probability };
    })
    .filter(({ won, lost }) => won || lost)
    .sort((one, other) => size(other) - size(one));
}

const size = ({ won, lost }) => 10 * Math.abs(won) + Math.abs(lost); // clicks are rarer than silence

function tell([most, ...others]) {
  if (!most) return;
  const more = others.length ? ` And something about ${counted(others.length, "other cell")}.` : "";
  get("ticker").textContent = sentence(most) + more;
}

/** "svd in evening, weekday, regular: 2 successes, 9 failures more; now drawn 34 % (before 31 %)." */
function sentence({ cell, won, lost, was }) {
  const news = [
    won && `${counted(Math.abs(won), "success", "successes")} ${won > 0 ? "more" : "less"}`,
    lost && `${counted(Math.abs(lost), "failure")} ${lost > 0 ? "more" : "less"}`,
  ];
  const [drawn, before] = [cell.probability, was].map((share) => (share == null ? "" : percent(share)));
  const there = drawn && `; drawn ${drawn} there${before && before !== drawn ? `, before ${before}` : ""}`;
  return `${readable(cell.algorithm)} in ${readable(cell.context_key)}: ${news.filter(Boolean).join(", ")}${there}.`;
}

function table(cells, before, context) {
  if (!cells.length) return [make("p", {}, "Nothing yet: this list is the first of its context.")];
  const rows = cells.sort((one, other) => chance(other) - chance(one)).map((cell) => row(cell, before?.get(id(cell))));
  const heads = ["Algorithm", "Drawn", "✓", "✗"].map((name) => make("th", { scope: "col" }, name));
  return [
    make(
      "p",
      {},
      `In “${readable(context)}”: how often each algorithm is drawn, and the successes and failures behind it.`,
    ),
    make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)),
  ];
}

const chance = ({ probability, alpha, beta }) => probability ?? alpha / (alpha + beta);

function row(cell, old) {
  const isNew = old && (old.total_successes !== cell.total_successes || old.total_failures !== cell.total_failures);
  const meter = make("meter", { min: 0, max: 1, value: cell.probability ?? 0, "aria-hidden": "true" });
  return make(
    "tr",
    isNew ? { class: "changed" } : {},
    make("th", { scope: "row" }, readable(cell.algorithm)),
    make("td", {}, meter, make("span", {}, cell.probability == null ? "not yet" : percent(cell.probability))),
    make("td", {}, `${cell.total_successes}`),
    make("td", {}, `${cell.total_failures}`),
  );
}
