/** The movie page: shows a visitor's list, sends feedback by the browser client, and explains each title. */

import { connect } from "./client.js";
import { hand, poster } from "./poster.js";

const ALGORITHMS = {
  svd: "Matrix factorisation: people who rate like you",
  embeddings: "Content and co-rating vectors: close to what you liked",
  graph: "Random walk over who watched what",
  item_cf: "Similar to single titles you rated well",
  long_tail: "Good titles that few have found",
  serendipity: "Good for you, and far from what you usually see",
};
const ASSIGNMENTS = { server: "server", bandit: true, control: false };
const LEARNED_WITHIN = [1500, 3000, 5000, 9000]; // ms after feedback: when to look for its effect

const get = (id) => document.getElementById(id);
const state = { bandit: null, tokens: null, context: null, known: {} };

/** make("p", { class: "x" }, "text", child): an element. */
function make(kind, attributes = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

async function become(userId) {
  const answer = await fetch(`local/token?user_id=${userId}`, { method: "POST" });
  if (!answer.ok) throw new Error(await answer.text());
  state.tokens = await answer.json();
  state.bandit?.close();
  state.bandit = connect({
    userId,
    token: () => state.tokens.visitor,
    gatherFor: 500, // what a click does is seen at once
    assignment: ASSIGNMENTS[get("assignment").value],
  });
  await showList();
}

async function showList() {
  const list = await state.bandit.recommendations({ limit: 20 });
  state.context = list.context;
  get("heading").textContent = `Recommended for you ${sentence(list)}`;
  get("notice").textContent = list.movies.length ? "" : "No list can be made for this visitor: run ./dev candidates.";
  get("movies").replaceChildren(...list.movies.map((movie) => card(movie, list)));
  if (list.movies[0]) explain(list.movies[0], list);
  await showKnowledge();
}

const sentence = ({ context, group }) => `(${readable(context)}; ${group})`;
const readable = (text) => `${text}`.replaceAll("|", ", ").replaceAll("_", " ");
const armOf = ({ algorithm }) => algorithm.replace(/^bandit_/, "");

function card(movie, list) {
  const { track } = state.bandit;
  const genres = (movie.genres ?? []).join(", ");
  const tell = (what, report) => () => {
    report();
    told(what, movie);
  };
  const thumb = (label, report) =>
    make(
      "button",
      {
        "aria-label": `${label}: ${movie.title}`,
        class: label.endsWith("down") ? "down" : "up",
        onclick: tell(label, report),
      },
      hand(),
    );
  const item = make(
    "li",
    {},
    make(
      "button",
      { class: "poster", "aria-label": `Open ${movie.title}`, onclick: tell("Opened", () => track.click(movie)) },
      poster(movie),
      make("span", { class: "name" }, movie.title),
    ),
    make("p", { class: "genres", title: genres }, genres),
    make(
      "div",
      { class: "acts" },
      stars(movie, tell),
      thumb("Thumbs up", () => track.thumbsUp(movie)),
      thumb("Thumbs down", () => track.thumbsDown(movie)),
    ),
    make(
      "button",
      { class: "why", onclick: () => show(movie, list) },
      `Why? ${readable(armOf(movie))}`,
      make("span", { class: "unseen" }, ` ${movie.title}`),
    ),
  );
  state.bandit.watch(item, movie);
  return item;
}

function stars(movie, tell) {
  const choices = [5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5, 1, 0.5].map((value) => make("option", { value }, `${value} ★`));
  const select = make(
    "select",
    { "aria-label": `Rate ${movie.title}` },
    make("option", { value: "" }, "Rate"),
    ...choices,
  );
  select.addEventListener(
    "change",
    () =>
      select.value && tell(`Rated ${select.value} ★`, () => state.bandit.track.rating(movie, Number(select.value)))(),
  );
  return select;
}

function told(what, movie) {
  get("told").prepend(
    make("li", {}, make("strong", {}, what), ` “${movie.title}” — evidence about ${readable(armOf(movie))}`),
  );
  for (const pause of LEARNED_WITHIN) setTimeout(showKnowledge, pause);
}

function show(movie, list) {
  explain(movie, list);
  get("why").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function explain(movie, list) {
  const arm = armOf(movie);
  const drawn = movie.propensity != null && movie.algorithm.startsWith("bandit_");
  const reason = drawn
    ? [
        `The bandit drew ${readable(arm)} for place ${movie.position}; its probability was ${percent(movie.propensity)} in this context.`,
        `${ALGORITHMS[arm] ?? readable(arm)}.`,
      ]
    : [
        `You are in the control group: place ${movie.position} comes from the fixed blend of svd, item cf and embeddings, the same for every visitor.`,
      ];
  const facts = [
    ["Title", movie.title],
    ["Place", movie.position],
    ["Algorithm", movie.algorithm],
    ["Probability", drawn ? percent(movie.propensity) : "–"],
    ["Context", readable(list.context)],
    ["Group", list.group],
  ];
  get("why").replaceChildren(
    ...reason.map((text) => make("p", {}, text)),
    make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, `${value}`)])),
  );
}

async function showKnowledge() {
  const answer = await fetch(`analytics/bandit/stats?context_key=${encodeURIComponent(state.context)}`, {
    headers: { Authorization: `Bearer ${state.tokens.analytics}` },
  });
  if (!answer.ok)
    return get("knows").replaceChildren(
      make("p", {}, `The service answered ${answer.status}; the bandit's knowledge cannot be shown now.`),
    );
  const cells = Object.values((await answer.json()).detailed_stats).filter(
    (cell) => cell.context_key === state.context,
  );
  if (!cells.length)
    return get("knows").replaceChildren(make("p", {}, "Nothing yet: this list is the first of its context."));
  const rows = cells.sort((one, other) => chance(other) - chance(one)).map(row);
  get("knows").replaceChildren(
    make(
      "p",
      {},
      `In “${readable(state.context)}”: how often each algorithm is drawn, and the successes and failures behind it.`,
    ),
    make(
      "table",
      {},
      make(
        "thead",
        {},
        make("tr", {}, ...["Algorithm", "Drawn", "✓", "✗"].map((name) => make("th", { scope: "col" }, name))),
      ),
      make("tbody", {}, ...rows),
    ),
  );
}

const chance = ({ probability, alpha, beta }) => probability ?? alpha / (alpha + beta);

function row(cell) {
  const counts = `${cell.total_successes} ${cell.total_failures}`;
  const before = state.known[`${cell.context_key} ${cell.algorithm}`];
  state.known[`${cell.context_key} ${cell.algorithm}`] = counts;
  const meter = make("meter", { min: 0, max: 1, value: cell.probability ?? 0, "aria-hidden": "true" });
  return make(
    "tr",
    before && before !== counts ? { class: "changed" } : {},
    make("th", { scope: "row" }, readable(cell.algorithm)),
    make("td", {}, meter, make("span", {}, cell.probability == null ? "not yet" : percent(cell.probability))),
    make("td", {}, `${cell.total_successes}`),
    make("td", {}, `${cell.total_failures}`),
  );
}

const percent = (share) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

function kind(ratings) {
  if (ratings < 3) return "new";
  return ratings < 20 ? "regular" : "power user";
}

const failing =
  (act) =>
  (...values) =>
    act(...values).catch((error) => (get("notice").textContent = `${error.message} Is the service still running?`));

const visitors = await (await fetch("local/visitors")).json();
if (visitors.length) {
  get("visitor").append(
    ...visitors.map(({ id, ratings }) =>
      make("option", { value: id }, `visitor ${id}: ${kind(ratings)}, ${ratings} ratings`),
    ),
  );
  const chosen = failing(() => become(Number(get("visitor").value)));
  get("visitor").addEventListener("change", chosen);
  get("assignment").addEventListener("change", chosen);
  get("again").addEventListener("click", failing(showList));
  get("visitor").selectedIndex = visitors.length - 1;
  await chosen();
} else {
  get("notice").textContent =
    "The site has no users yet: run ./dev demo, which brings a sample catalogue, or ./dev import-movielens DIR.";
}
