/** A chart as SVG, for slides and documents; the same series and scale as on the page. Must not make requests. */

import { colour, style } from "./format";
import type { Mark } from "./marks";
import { day, isDaily, lengths, range, ticks } from "./scale";
import type { Series } from "./timeline";

/** What a chart shows, on the page and in the file. */
export interface Drawing {
  title: string;
  times: Date[];
  series: Series[];
  /** What happened when: a line at each, numbered as in the list below the chart. */
  marks: Mark[];
  zone: string;
  write: (value: number | null) => string;
  /** Stack the series instead of drawing lines. */
  stacked?: boolean;
  /** A horizontal line that means "no difference". */
  zero?: boolean;
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM, LINE] = [800, 400, 64, 40, 60, 22];
const [RIGHT, FLOOR] = [WIDTH - 36, HEIGHT - BOTTOM];
const [BARS, BAR] = [220, 28]; // where the bars begin, and the height of a row
const TEXT_WIDTH = 8; // a letter of the legend

type Place = [x: number, y: number];

/** A document that stands alone, on the page's own background. */
export function vector(drawing: Drawing): string {
  const { title, times, series, marks } = drawing;
  if (times.length === 1) return bars(drawing);
  const [first, last] = [times[0]!.getTime(), times.at(-1)!.getTime()];
  const x = (at: Date) => LEFT + ((at.getTime() - first) / (last - first)) * (RIGHT - LEFT);
  const [low, high] = span(drawing);
  const y = (value: number) => FLOOR - ((value - low) / (high - low)) * (FLOOR - TOP);
  const key = legend(series);
  return [
    ...head(title, HEIGHT + key.height),
    ...grid(drawing, [low, high], x, y),
    ...shapes(drawing, x, y),
    ...marks.map(({ at, text: words }, index) => mark(Math.min(x(at), RIGHT), index, words)),
    ...key.drawn,
    "</svg>",
  ].join("\n");
}

function head(title: string, height: number): string[] {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<title>${escape(title)}</title><rect width="100%" height="100%" fill="${getComputedStyle(document.body).backgroundColor}"/>`,
    text(LEFT, 24, title, 'font-size="16"'),
  ];
}

/** One moment: a bar for each series, and its value. */
function bars({ title, series, write }: Drawing): string {
  const values = series.map(({ values }) => values[0] ?? null);
  const long = lengths(values);
  const drawn = series.flatMap(({ name, colour: index }, row) => {
    const y = TOP + row * BAR;
    return [
      text(LEFT, y + 18, name),
      `<rect x="${BARS}" y="${y + 6}" width="${round(long[row]! * (RIGHT - BARS - LEFT))}" height="16" fill="${colour(index)}"/>`,
      text(RIGHT, y + 18, write(values[row]!), 'text-anchor="end"'),
    ];
  });
  return [...head(title, TOP + series.length * BAR + 16), ...drawn, "</svg>"].join("\n");
}

/** The scale that the page has for the same values. */
function span({ series, stacked, zero }: Drawing): [number, number] {
  const values = series.flatMap(({ values, low, high }) => [...values, ...(low ?? []), ...(high ?? [])]);
  const known = values.filter((value) => value != null);
  return range(Math.min(...known), Math.max(...known), { stacked, zero });
}

type Scale = (value: number) => number;

function grid({ times, zone, write }: Drawing, [low, high]: [number, number], x: (at: Date) => number, y: Scale) {
  const label = (at: Date) => day(at.getTime() / 1000, isDaily(times), zone);
  const heights = ticks(low, high);
  const step = Math.ceil(times.length / 7);
  return [
    ...heights.map((value) => line([LEFT, y(value)], [RIGHT, y(value)], style("--line"))),
    ...heights.map((value) => text(LEFT - 8, y(value) + 4, write(value), 'text-anchor="end"')),
    ...times.filter((_, row) => row % step === 0).map((at) => text(x(at), FLOOR + 20, label(at), MIDDLE)),
    ...(low < 0 && high > 0 ? [line([LEFT, y(0)], [RIGHT, y(0)], style("--text"), 'stroke-dasharray="4 4"')] : []),
  ];
}

const MIDDLE = 'text-anchor="middle"';

function shapes(drawing: Drawing, x: (at: Date) => number, y: Scale): string[] {
  const { times, series, stacked } = drawing;
  const place = (values: (number | null)[]): Place[] =>
    times.flatMap((at, row) => (values[row] == null ? [] : [[x(at), y(values[row]!)] as Place]));
  let below = times.map(() => 0);
  return series.flatMap(({ values, low, high, colour: index }) => {
    const ink = colour(index);
    if (!stacked) return [...(low && high ? [area(place(low), place(high), ink)] : []), curve(place(values), ink)];
    const above = values.map((value, row) => below[row]! + (value ?? 0));
    const drawn = area(place(below), place(above), ink);
    below = above;
    return [drawn];
  });
}

/** The names below the chart, in as many lines as they need. */
function legend(series: Series[]): { drawn: string[]; height: number } {
  let [left, row] = [LEFT, 0];
  const drawn = series.map(({ name, colour: index }) => {
    const wide = (name.length + 4) * TEXT_WIDTH;
    if (left + wide > WIDTH) [left, row] = [LEFT, row + 1];
    const at = HEIGHT - 14 + row * LINE;
    const entry = `<rect x="${left}" y="${at - 10}" width="11" height="11" fill="${colour(index)}"/>${text(left + 17, at, name)}`;
    left += wide;
    return entry;
  });
  return { drawn, height: row * LINE };
}

function mark(at: number, index: number, words: string): string {
  const label = text(at + 3, TOP + 11 + (index % 4) * 12, `${index + 1}`, 'font-size="11"');
  return `<g><title>${escape(words)}</title>${line([at, TOP], [at, FLOOR], style("--text"), 'stroke-dasharray="2 3"')}${label}</g>`;
}

const round = (value: number) => value.toFixed(1);
const points = (places: Place[]) => places.map(([x, y]) => `${round(x)},${round(y)}`).join(" ");
const curve = (places: Place[], ink: string) =>
  `<polyline points="${points(places)}" fill="none" stroke="${ink}" stroke-width="2"/>`;
const area = (low: Place[], high: Place[], ink: string) =>
  `<polygon points="${points([...low, ...[...high].reverse()])}" fill="${ink}" fill-opacity="0.35"/>`;
const line = ([x, y]: Place, [end, other]: Place, ink: string, more = "") =>
  `<line x1="${round(x)}" y1="${round(y)}" x2="${round(end)}" y2="${round(other)}" stroke="${ink}" ${more}/>`;
const text = (x: number, y: number, words: string, more = "") =>
  `<text x="${round(x)}" y="${round(y)}" fill="${style("--text")}" ${more}>${escape(words)}</text>`;
const escape = (words: string) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
