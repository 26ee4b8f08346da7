/** Why a title is there: beside the list, or on a phone below the title. Must not make requests. */

import { armOf, get, make, percent, readable } from "./elements.js";

const ALGORITHMS = {
  svd: "Matrix factorisation: people who rate like you",
  embeddings: "Content and co-rating vectors: close to what you liked",
  graph: "Random walk over who watched what",
  item_cf: "Similar to single titles you rated well",
  long_tail: "Good titles that few have found",
  serendipity: "Good for you, and far from what you usually see",
};
const NARROW = matchMedia("(max-width: 52rem)");

/** Explains a movie; `item` is its card, where the answer stands on a phone. A second time there, it closes. */
export function explain(movie, list, item) {
  const place = NARROW.matches ? item : get("why-here");
  const panel = get("why");
  if (place === item && panel.parentElement === item) {
    get("why-here").append(panel);
    return opened(null);
  }
  place.append(panel);
  opened(place === item ? item : null);
  panel.replaceChildren(...said(movie, list));
  panel.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

/** Marks which card's explanation is open, if it stands there. */
function opened(item) {
  for (const button of document.querySelectorAll("button.why"))
    button.setAttribute("aria-expanded", `${button.parentElement === item}`);
}

/** Takes the explanation out of a list that is replaced by another; beside that one, its first title is explained. */
export function begin(list) {
  const [first] = list.movies;
  get("why-here").append(get("why"));
  get("why").replaceChildren(...(first ? said(first, list) : [make("p", {}, "Choose “Why?” on a title.")]));
}

const said = (movie, list) => [...reasons(movie).map((text) => make("p", {}, text)), facts(movie, list)];

const isDrawn = ({ propensity, algorithm }) => propensity != null && algorithm.startsWith("bandit_");

function reasons(movie) {
  const arm = armOf(movie);
  if (!isDrawn(movie))
    return [
      `You are in the control group: place ${movie.position} comes from the fixed blend of svd, item cf and embeddings, the same for every visitor.`,
    ];
  return [
    `The bandit drew ${readable(arm)} for place ${movie.position}; its probability was ${percent(movie.propensity)} in this context.`,
    `${ALGORITHMS[arm] ?? readable(arm)}.`,
  ];
}

function facts(movie, list) {
  const told = [
    ["Title", movie.title],
    ["Genres", (movie.genres ?? []).join(", ") || "–"],
    ["Place", movie.position],
    ["Algorithm", movie.algorithm],
    ["Probability", isDrawn(movie) ? percent(movie.propensity) : "–"],
    ["Context", readable(list.context)],
    ["Group", list.group],
  ];
  return make("dl", {}, ...told.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, `${value}`)]));
}
