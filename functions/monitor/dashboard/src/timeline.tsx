/** Series over time on a canvas, drawn by uPlot, each with its table. Must not make requests. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { barChart, save, savePicture } from "./download";
import { colour, moment, style } from "./format";
import type { Mark } from "./marks";
import { Figure, Table } from "./parts";
import { day, isDaily, lengths, range } from "./scale";
import { type Drawing, vector } from "./vector";

export interface Series {
  name: string;
  values: (number | null)[];
  /** Index of its colour; a name has the same colour in every chart. */
  colour: number;
  /** Bounds around the values, drawn as a band. */
  low?: (number | null)[];
  high?: (number | null)[];
}

interface TimelineProps extends Drawing {
  note?: string;
}

export function Timeline({ marks: all, ...given }: TimelineProps) {
  const { title, note, times, series, zone, write } = given;
  const marks = within(all, times);
  const props = { ...given, marks };
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (holder.current && times.length > 1) return drawn(holder.current, props);
  }, [times, series]);
  const table = (
    <Table
      caption={title}
      columns={["Time", ...series.map(({ name }) => name)]}
      rows={times
        .map((at, row) => ({
          key: at.toISOString(),
          cells: [
            moment(at, zone),
            ...series.map(({ values, low, high }) => withBounds(write, values[row], low?.[row], high?.[row])),
          ],
        }))
        .reverse()}
    />
  );
  const last = series.map(({ name, values }) => `${name} ${write(values.at(-1) ?? null)}`).join(", ");
  const picture = () => {
    if (times.length === 1) return savePicture(title, barChart(barsOf(series, write)), []);
    const canvas = holder.current?.querySelector("canvas");
    const named = series.map(({ name, colour: index }) => ({ name, colour: colour(index) }));
    if (canvas) savePicture(title, canvas, named);
  };
  const drawing = () => save(title, "svg", new Blob([vector(props)], { type: "image/svg+xml" }));
  const files = (
    <>
      <button class="save" aria-label={`Save as PNG: ${title}`} onClick={picture}>
        PNG
      </button>
      <button class="save" aria-label={`Save as SVG: ${title}`} onClick={drawing}>
        SVG
      </button>
    </>
  );
  if (times.length === 1)
    return (
      <Figure title={title} {...(note ? { note } : {})} table={table} actions={files}>
        <Bars at={times[0]!} series={series} zone={zone} write={write} />
      </Figure>
    );
  const actions = (
    <>
      {files}
      <Marks marks={marks} zone={zone} />
    </>
  );
  return (
    <Figure title={title} {...(note ? { note } : {})} table={table} actions={actions}>
      <div ref={holder} class="plot" role="img" aria-label={`${title}. Newest: ${last}.`} />
    </Figure>
  );
}

/** One moment has no line to draw: a bar for each series. */
function Bars({ at, series, zone, write }: Pick<TimelineProps, "series" | "zone" | "write"> & { at: Date }) {
  return (
    <>
      <p class="hint">One moment so far, from {moment(at, zone)}.</p>
      <dl class="bars">
        {barsOf(series, write).map(({ name, written, length, fill }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <svg class="bar" aria-hidden="true">
                <rect width={`${100 * length}%`} height="100%" style={{ fill }} />
              </svg>
              {written}
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function barsOf(series: Series[], write: TimelineProps["write"]) {
  const long = lengths(series.map(({ values }) => values[0] ?? null));
  return series.map(({ name, values, colour: index }, row) => ({
    name,
    written: write(values[0] ?? null),
    length: long[row]!,
    fill: `var(--series-${index % 8})`,
    colour: colour(index),
  }));
}

function Marks({ marks, zone }: { marks: Mark[]; zone: string }) {
  if (!marks.length) return null;
  return (
    <details class="marks">
      <summary>What happened when ({marks.length})</summary>
      <ol>
        {marks.map(({ at, text }) => (
          <li key={at.toISOString() + text}>
            {moment(at, zone)}: {text}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** The marks between a chart's first and last moment; one that came after the last point stands at its end. */
function within(marks: Mark[], times: Date[]): Mark[] {
  const [first, last] = [times[0], times.at(-1)];
  return first && last ? marks.filter(({ at }) => at >= first && at.getTime() <= last.getTime() + A_DAY) : [];
}

const A_DAY = 86_400_000; // ms: a point stands for up to a day

type Maybe = number | null | undefined;

function withBounds(write: (value: number | null) => string, value: Maybe, low: Maybe, high: Maybe): string {
  const bounds = low == null || high == null ? "" : ` (${write(low)} to ${write(high)})`;
  return write(value ?? null) + bounds;
}

/** Draws into `holder`, follows its width and the colour scheme; returns the function that removes the chart. */
function drawn(holder: HTMLElement, props: TimelineProps): () => void {
  let plot: uPlot | undefined;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(options(props, holder.clientWidth), columns(props), holder);
  };
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const size = new ResizeObserver(() => {
    if (!holder.clientWidth) return;
    if (!plot) draw();
    else if (plot.width !== holder.clientWidth) plot.setSize({ width: holder.clientWidth, height: HEIGHT });
  });
  size.observe(holder);
  scheme.addEventListener("change", draw);
  return () => {
    size.disconnect();
    scheme.removeEventListener("change", draw);
    plot?.destroy();
  };
}

const HEIGHT = 260;
const HOURS = [1, 2, 3, 6, 12, 24].map((hours) => hours * 3600);
const DAYS = [1, 2, 7, 14, 28, 56, 112].map((days) => days * 86_400);

/** uPlot's columns: times in seconds, then per series its values, and its bounds if it has any. */
function columns({ times, series, stacked }: TimelineProps): uPlot.AlignedData {
  const below = times.map(() => 0);
  const pile = (values: (number | null)[]) => values.map((value, row) => (below[row]! += value ?? 0));
  return [
    times.map((at) => at.getTime() / 1000),
    ...series.flatMap(({ values, low, high }) => [
      stacked ? pile(values) : values,
      ...(low && high ? [low, high] : []),
    ]),
  ];
}

function options({ times, series, marks, zone, write, stacked, zero }: TimelineProps, width: number): uPlot.Options {
  const daily = isDaily(times);
  const drawn: uPlot.Series[] = [];
  const bands: uPlot.Band[] = [];
  series.forEach(({ name, values, colour: index, low, high }, order) => {
    const stroke = colour(index);
    const here = drawn.length + 1;
    // The legend shows the series' own value and bounds, not the height of the stack.
    const value = (_: uPlot, __: unknown, ___: number, row: number | null) =>
      row == null ? "" : withBounds(write, values[row], low?.[row], high?.[row]);
    const points = { show: !stacked && values.length < 40 };
    drawn.push({
      label: name,
      stroke,
      width: stacked ? 1 : 2,
      value,
      points,
      ...(stacked && order === 0 ? { fill: pale(stroke) } : {}),
    });
    if (stacked && order > 0) bands.push({ series: [here, here - 1], fill: pale(stroke) });
    if (low && high) {
      const bound = { stroke: "transparent", points: { show: false }, class: "bound" };
      drawn.push(bound, bound);
      bands.push({ series: [here + 2, here + 1], fill: pale(stroke) });
    }
  });
  const axis = {
    stroke: style("--quiet"),
    grid: { stroke: style("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui",
  };
  return {
    width,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    series: [{ value: (_, seconds) => (seconds == null ? "" : moment(new Date(seconds * 1000), zone)) }, ...drawn],
    bands,
    axes: [
      {
        ...axis,
        incrs: daily ? DAYS : HOURS,
        space: 64,
        values: (_, ticks) => ticks.map((tick) => day(tick, daily, zone)),
      },
      { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => write(tick)) },
    ],
    scales: { y: { range: (_, low, high) => range(low, high, { stacked, zero }) } },
    cursor: { drag: { x: false, y: false } },
    hooks: {
      ready: [(plot) => plot.setLegend({ idx: times.length - 1 })],
      draw: [...(zero ? [zeroLine] : []), (plot) => markLines(plot, marks)],
    },
  };
}

function zeroLine({ ctx, bbox, valToPos }: uPlot): void {
  const y = Math.round(valToPos(0, "y", true));
  ctx.save();
  ctx.strokeStyle = style("--text");
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** A thin line with its number at each mark. */
function markLines({ ctx, bbox, valToPos }: uPlot, marks: Mark[]): void {
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = style("--text");
  ctx.font = `${11 * devicePixelRatio}px system-ui`;
  marks.forEach(({ at }, index) => {
    const x = Math.min(Math.round(valToPos(at.getTime() / 1000, "x", true)), bbox.left + bbox.width);
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.textAlign = x > bbox.left + bbox.width - 20 * devicePixelRatio ? "right" : "left";
    ctx.fillText(` ${index + 1} `, x, bbox.top + (1 + (index % 4)) * 12 * devicePixelRatio); // neighbours stay apart
  });
  ctx.restore();
}

const pale = (stroke: string) => `color-mix(in srgb, ${stroke} 35%, transparent)`;
