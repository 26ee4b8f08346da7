/** The movie page: shows a visitor's list, and sends feedback by the browser client. */

import { connect } from "./client.js";
import { armOf, counted, get, make, readable } from "./elements.js";
import { follow } from "./knowledge.js";
import { hand, poster } from "./poster.js";
import { begin, explain } from "./why.js";

const ASSIGNMENTS = { server: "server", bandit: true, control: false };
const LENGTH = matchMedia("(max-width: 52rem)").matches ? 10 : 20;
const WHOSE = { treatment: "the bandit’s list (treatment)", control: "the fixed hybrid’s list (control)" };

const state = { bandit: null, tokens: null, context: null };
const look = follow(
  () => state.tokens.analytics,
  () => state.context,
);

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
  loading(true);
  const list = await state.bandit.recommendations({ limit: LENGTH });
  state.context = list.context;
  get("whose").textContent = `${readable(list.context)}; ${WHOSE[list.group] ?? list.group}`;
  get("notice").textContent = list.movies.length ? "" : "No list can be made for this visitor: run ./dev candidates.";
  begin(list);
  get("movies").replaceChildren(...list.movies.map((movie) => card(movie, list)));
  loading(false);
  await look();
}

function loading(isLoading) {
  if (isLoading) get("notice").textContent = "Asking for a list …";
  get("movies").setAttribute("aria-busy", `${isLoading}`);
}

function card(movie, list) {
  const { track } = state.bandit;
  const tell = (what, report) => () => {
    report();
    told(what, movie);
  };
  const open = {
    class: "poster",
    "aria-label": `Open ${movie.title}`,
    onclick: tell("Opened", () => track.click(movie)),
  };
  const item = make(
    "li",
    {},
    make("button", open, poster(movie), make("span", { class: "name" }, movie.title)),
    make("p", { class: "genres" }, (movie.genres ?? []).join(", ")),
    make(
      "div",
      { class: "acts" },
      stars(movie, tell),
      thumb(
        "Thumbs up",
        movie,
        tell("Thumbs up", () => track.thumbsUp(movie)),
      ),
      thumb(
        "Thumbs down",
        movie,
        tell("Thumbs down", () => track.thumbsDown(movie)),
      ),
    ),
    make(
      "button",
      { class: "why", "aria-expanded": "false", onclick: () => explain(movie, list, item) },
      "Why? ",
      make("span", {}, readable(armOf(movie))),
      make("span", { class: "unseen" }, ` ${movie.title}`),
    ),
  );
  state.bandit.watch(item, movie);
  return item;
}

function thumb(label, movie, onclick) {
  const kind = label.endsWith("down") ? "down" : "up";
  return make("button", { "aria-label": `${label}: ${movie.title}`, class: kind, onclick }, hand());
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
  const evidence = ` “${movie.title}”: evidence about ${readable(armOf(movie))}`;
  get("told").prepend(make("li", {}, make("strong", {}, what), evidence));
}

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
      make("option", { value: id }, `visitor ${id}: ${kind(ratings)}, ${counted(ratings, "rating")}`),
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
