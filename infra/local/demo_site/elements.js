/** Makes elements and readable words. Must not know the service. */

export const get = (id) => document.getElementById(id);

/** make("p", { class: "x" }, "text", child): an element; an attribute that begins with "on" is a listener. */
export function make(kind, attributes = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export const readable = (text) => `${text}`.replaceAll("|", ", ").replaceAll("_", " ");

export const percent = (share) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** counted(1, "success", "successes") → "1 success". */
export const counted = (number, one, more = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : more}`;

/** `bandit_item_cf` → `item_cf`. */
export const armOf = ({ algorithm }) => algorithm.replace(/^bandit_/, "");
