/** Draws a poster from a movie's id and genres, so that no picture has to be loaded. Must not know the service. */

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [200, 300];

/** One motif per genre adds shapes to a poster: `draw(kind, attributes)` adds one; `random()` is the movie's own. */
const MOTIFS = {
  Action: (draw, random) => rays(draw, random, 9),
  Adventure: (draw, random) => hills(draw, random, 3),
  Animation: (draw, random) => repeat(14, () => dot(draw, random, 8 + 16 * random())),
  Children: (draw, random) => repeat(20, () => dot(draw, random, 4 + 9 * random())),
  Comedy: (draw, random) => repeat(9, () => dot(draw, random, 6 + 26 * random())),
  Crime: (draw) => repeat(9, (n) => draw("rect", { x: 0, y: n * 34, width: WIDTH, height: 14 })),
  Documentary: (draw) => repeat(5, (n) => draw("rect", { x: 25 + n * 32, y: 250 - n * 36, width: 20, height: HEIGHT })),
  Drama: (draw, random) => draw("circle", { cx: WIDTH * random(), cy: 110, r: 85 }),
  Fantasy: (draw, random) => repeat(22, () => star(draw, random)),
  "Film-Noir": (draw) => repeat(6, (n) => draw("rect", { x: n * 36, y: 0, width: 12, height: HEIGHT })),
  Horror: (draw, random) => spikes(draw, random),
  Musical: (draw, random) =>
    repeat(6, (n) => draw("rect", { x: n * 36 + 6, y: 60 + 120 * random(), width: 20, height: HEIGHT })),
  Mystery: (draw) =>
    repeat(5, (n) => draw("circle", { cx: 100, cy: 120, r: 20 + n * 24, fill: "none", "stroke-width": 7 })),
  Romance: (draw) => [70, 130].forEach((cx) => draw("circle", { cx, cy: 120, r: 58 })),
  "Sci-Fi": (draw, random) => orbit(draw, random),
  Thriller: (draw) => repeat(8, (n) => draw("path", { d: `M${n * 30 - 20} 0 l40 ${HEIGHT} h10 l-40 -${HEIGHT}z` })),
  War: (draw, random) => hills(draw, random, 2),
  Western: (draw, random) => (draw("circle", { cx: 100, cy: 150, r: 55 }), hills(draw, random, 1)),
};

/** @param {{ id: number, genres: string[] }} movie @returns {SVGSVGElement} */
export function poster({ id, genres }) {
  const random = generator(id);
  const hue = Math.floor(random() * 360);
  const svg = document.createElementNS(SVG, "svg");
  set(svg, { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", preserveAspectRatio: "xMidYMid slice" });
  const draw = (kind, attributes) => svg.append(set(document.createElementNS(SVG, kind), attributes));
  draw("rect", { width: WIDTH, height: HEIGHT, fill: `hsl(${hue} 42% 24%)` });
  genres.slice(0, 2).forEach((genre, n) => {
    const colour = `hsl(${hue + 35 + n * 150} 62% ${58 - n * 12}%)`;
    const paint = { fill: colour, stroke: colour, "stroke-width": 0, opacity: n ? 0.35 : 0.6 };
    (MOTIFS[genre] ?? MOTIFS.Drama)((kind, attributes) => draw(kind, { ...paint, ...attributes }), random);
  });
  return svg;
}

/** A thumb pointing up; the style sheet turns it around. @returns {SVGSVGElement} */
export function hand() {
  const svg = set(document.createElementNS(SVG, "svg"), { viewBox: "0 0 20 20", "aria-hidden": "true" });
  svg.append(
    set(document.createElementNS(SVG, "path"), {
      d: "M2 9h3v8H2zM6 9l4-7c2 0 2 2 1 5h6c1 0 1 1 1 2l-2 7c0 1-1 1-2 1H6z",
    }),
  );
  return svg;
}

/** The same movie has the same poster: a small generator seeded by its id (mulberry32). */
function generator(seed) {
  let state = seed * 0x9e3779b1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const repeat = (times, act) => Array.from({ length: times }, (_, n) => act(n));
const dot = (draw, random, r) => draw("circle", { cx: WIDTH * random(), cy: HEIGHT * random(), r });
const star = (draw, random) =>
  draw("path", { d: `M${WIDTH * random()} ${230 * random()} l3 9 9 3 -9 3 -3 9 -3 -9 -9 -3 9 -3z` });
const rays = (draw, random, count) =>
  repeat(count, (n) => draw("path", { d: `M100 320 L${(n * WIDTH) / count - 10} ${40 * random()} h14z` }));
const spikes = (draw, random) =>
  repeat(8, (n) => draw("path", { d: `M${n * 25} 0 h25 L${n * 25 + 12} ${70 + 120 * random()}z` }));

function hills(draw, random, count) {
  repeat(count, (n) => {
    const y = 130 + n * 45;
    draw("path", {
      d: `M0 ${HEIGHT} V${y + 60 * random()} L${60 + 60 * random()} ${y - 40} L${WIDTH} ${y + 60 * random()} V${HEIGHT}z`,
    });
  });
}

function orbit(draw, random) {
  draw("circle", { cx: 100, cy: 120, r: 34 + 14 * random() });
  draw("ellipse", {
    cx: 100,
    cy: 120,
    rx: 88,
    ry: 24,
    fill: "none",
    "stroke-width": 6,
    transform: `rotate(${-40 * random()} 100 120)`,
  });
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  return element;
}
