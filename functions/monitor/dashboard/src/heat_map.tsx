/** Context × algorithm as a table of coloured cells; a cell opens its evidence. Must not make requests. */

import { Fragment } from "preact";
import { useRef } from "preact/hooks";
import type { Cell } from "./answers";
import { algorithmName, byDay, contextName, count, counted, decimal, share, wilson } from "./format";
import { Csv, Figure, Nothing, Select, Table } from "./parts";

const MEASURES = {
  probability: {
    name: "Probability of being drawn",
    of: (cell: Cell) => cell.probability,
    note: "How often the bandit draws each algorithm for a place in this context: its chance of being the best, after the floor and the cap over all traffic.",
  },
  mean: {
    name: "Expected success rate",
    of: (cell: Cell) => mean(cell),
    note: "The posterior mean of each algorithm’s success rate (colours span the values shown).",
  },
} as const;

/** Per cent of the colour in the hottest cell: text stays readable on it in both colour schemes. */
const HOTTEST = 55;

type Measure = keyof typeof MEASURES;

/** An arm's share of the bandit's places: as drawn by what is published, and as shown in the window; 0 to 1. */
export interface Placed {
  drawn: number;
  shown: number;
}

interface HeatMapProps {
  cells: Cell[];
  arms: string[];
  chosen: string;
  /** Arms that the bandit draws and no list shows. */
  absent: Record<string, Placed>;
  /** What the reader chose: a measure, and the cell that is open. */
  view: { measure: string; cell: string };
  choose: (part: Partial<HeatMapProps["view"]>) => void;
}

export function HeatMap({ cells, arms, chosen, absent, view, choose }: HeatMapProps) {
  const table = useRef<HTMLTableElement>(null);
  const measure: Measure = view.measure === "mean" ? "mean" : "probability";
  const contexts = [...new Set(cells.map(({ context_key }) => context_key))]
    .filter((key) => !chosen || key === chosen)
    .sort(byDay);
  const find = (context: string, arm: string) =>
    cells.find((cell) => cell.context_key === context && cell.algorithm === arm);
  const { of, note, name } = MEASURES[measure];
  const values = cells.map(of).filter((value) => value != null);
  const top = Math.max(...values);
  const bottom = measure === "mean" ? Math.min(...values) : 0;
  const selected = cells.find((cell) => id(cell) === view.cell);
  if (!contexts.length) return <Nothing>No data yet; the first list shown in a context adds its row.</Nothing>;
  return (
    <Figure title="What was learned, by context and algorithm" note={note}>
      <div class="controls">
        <Select
          label="Show "
          value={measure}
          choose={(measure) => choose({ measure })}
          options={Object.entries(MEASURES).map(([key, { name }]) => [key as Measure, name])}
        />
      </div>
      <div class="scroll" role="region" aria-label={name} tabIndex={0}>
        <table class="heat" ref={table}>
          <caption class="unseen">{name} by context and algorithm; a cell opens the evidence behind it</caption>
          <thead>
            <tr>
              <th scope="col">Context</th>
              {arms.map((arm) => (
                <th scope="col" key={arm} class={absent[arm] ? "absent" : ""}>
                  {algorithmName(arm)}
                  {absent[arm] && <small>{placed(absent[arm])}</small>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {contexts.map((context) => (
              <Fragment key={context}>
                <tr>
                  <th scope="row">{contextName(context)}</th>
                  {arms.map((arm) => {
                    const cell = find(context, arm);
                    const value = cell && of(cell);
                    if (!cell || value == null) return <td key={arm}>–</td>;
                    const written = share(value, measure === "mean" ? 1 : 0);
                    const heat = (value - bottom) / (top - bottom || 1);
                    const isOpen = cell === selected;
                    return (
                      <td key={arm}>
                        <button
                          class={absent[arm] ? "cell absent" : "cell"}
                          style={{ "--heat": `${Math.round(heat * HOTTEST)}%` }}
                          aria-expanded={isOpen}
                          aria-label={`${algorithmName(arm)}, ${contextName(context)}: ${written}. Evidence`}
                          onClick={() => choose({ cell: isOpen ? "" : id(cell) })}
                        >
                          {written}
                        </button>
                      </td>
                    );
                  })}
                </tr>
                {selected?.context_key === context && (
                  <tr class="inset">
                    <td colSpan={arms.length + 1}>
                      <Evidence cell={selected} absent={absent[selected.algorithm]} />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
      <Csv caption={name} table={table} />
      <p class="hint">Choose a cell to see the evidence behind it.</p>
    </Figure>
  );
}

/** "drawn 41 %, shown 0 %". */
const placed = ({ drawn, shown }: Placed) => `drawn ${share(drawn, 0)}, shown ${share(shown, 0)}`;

function Evidence({ cell, absent }: { cell: Cell; absent: Placed | undefined }) {
  const { total_successes: won, total_failures: lost, total_pulls: pulls } = cell;
  const bounds = wilson(won, won + lost);
  const rows: [string, string][] = [
    [
      "Outcomes",
      `${count(pulls)}: ${counted(won, "success", "successes")}, ${counted(lost, "failure")}, ${count(pulls - won - lost)} neutral`,
    ],
    [
      "Success rate as counted",
      bounds ? `${share(won / (won + lost))} (95 %: ${share(bounds[0])} to ${share(bounds[1])})` : "–",
    ],
    [
      "The guide’s Beta(α, β)",
      `Beta(${decimal(cell.alpha, 1)}, ${decimal(cell.beta, 1)}), mean ${share(cell.alpha / (cell.alpha + cell.beta))}`,
    ],
    ["What serving uses", published(cell)],
    ["Probability of being drawn", share(cell.probability)],
    ...(absent
      ? [["Shown", `Never in this window: ${placed(absent)}. It probably has no candidate lists.`] as [string, string]]
      : []),
  ];
  return (
    <section class="evidence" aria-label="Evidence">
      <h4>
        {algorithmName(cell.algorithm)} in {contextName(cell.context_key)}
      </h4>
      <Table
        caption="Evidence behind the cell"
        columns={["Figure", "Value"]}
        rows={rows.map(([key, value]) => ({ key, cells: [key, value] }))}
      />
    </section>
  );
}

function published({ posterior_alpha: a, posterior_beta: b }: Cell): string {
  return a == null || b == null
    ? "not published yet"
    : `Beta(${decimal(a, 1)}, ${decimal(b, 1)}), mean ${share(a / (a + b))}`;
}

function mean({ alpha, beta, posterior_alpha: a, posterior_beta: b }: Cell): number {
  return a == null || b == null ? alpha / (alpha + beta) : a / (a + b);
}

const id = (cell: Cell) => `${cell.context_key} ${cell.algorithm}`;
