/** Series over time on a canvas, drawn by uPlot, each with its table. Must not make requests. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour, moment, style } from "./format";
import { Figure, Table } from "./parts";

export interface Series {
  name: string;
  values: (number | null)[];
  /** Index of its colour; a name has the same colour in every chart. */
  colour: number;
  /** Bounds around the values, drawn as a band. */
  low?: (number | null)[];
  high?: (number | null)[];
}

interface TimelineProps {
  title: string;
  note?: string;
  times: Date[];
  series: Series[];
  zone: string;
  write: (value: number | null) => string;
  /** Stack the series instead of drawing lines. */
  stacked?: boolean;
  /** A horizontal line that means "no difference". */
  zero?: boolean;
}

export function Timeline(props: TimelineProps) {
  const { title, note, times, series, zone, write } = props;
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (holder.current) return drawn(holder.current, props);
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
  return (
    <Figure title={title} {...(note ? { note } : {})} table={table}>
      <div ref={holder} class="plot" role="img" aria-label={`${title}. Newest: ${last}.`} />
    </Figure>
  );
}

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

function day(seconds: number, daily: boolean, zone: string): string {
  const parts: Intl.DateTimeFormatOptions = daily
    ? { day: "numeric", month: "short" }
    : { weekday: "short", hour: "2-digit", minute: "2-digit" };
  return new Date(seconds * 1000).toLocaleString("en-GB", { timeZone: zone, ...parts });
}

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

function options({ times, series, zone, write, stacked, zero }: TimelineProps, width: number): uPlot.Options {
  const daily = times.length > 1 && times[1]!.getTime() - times[0]!.getTime() > 80_000_000; // ms: a day, also at a change of summer time
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
    hooks: { ready: [(plot) => plot.setLegend({ idx: times.length - 1 })], draw: zero ? [zeroLine] : [] },
  };
}

function range(
  low: number,
  high: number,
  { stacked, zero }: { stacked?: boolean | undefined; zero?: boolean | undefined },
): [number, number] {
  if (stacked) return [0, 100];
  const [bottom, top] = zero ? [Math.min(low ?? 0, 0), Math.max(high ?? 0, 0)] : [0, high ?? 0];
  const room = (top - bottom || 1) * 0.08;
  return [zero ? bottom - room : 0, top + room];
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

const pale = (stroke: string) => `color-mix(in srgb, ${stroke} 35%, transparent)`;
