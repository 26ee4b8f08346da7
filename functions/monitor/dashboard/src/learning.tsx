/** What the bandit learned: shares and rates over time, rates with intervals, contexts. Must not make requests. */

import type { TeamStats, Cell, Forgetting, Point, Timeline as Answer } from "./answers";
import { algorithmName, contextName, count, moment, percent, share, wilson } from "./format";
import { HeatMap, type Placed } from "./heat_map";
import type { Mark } from "./marks";
import { Figure, Fold, Interval, Nothing, Table } from "./parts";
import { Timeline } from "./timeline";

/** The reader's choices that this section follows. */
interface LearningView {
  group: string;
  context: string;
  section: string;
  measure: string;
  cell: string;
}

interface LearningProps {
  stats: TeamStats;
  timeline: Answer;
  marks: Mark[];
  view: LearningView;
  choose: (part: Partial<LearningView>) => void;
  zone: string;
}

export function LearningSection({ stats, timeline, marks, view, choose, zone }: LearningProps) {
  const { group, context } = view;
  const cells = Object.values(stats.detailed_stats);
  const arms = [...new Set(cells.map(({ algorithm }) => algorithm))].sort();
  return (
    <Fold id="learning" title="What did it learn?" sought={view.section === "learning"}>
      <p class="hint">{stats.silence.sentence}</p>
      <div class="columns">
        <Shares points={timeline.points} arms={arms} marks={marks} zone={zone} />
        <Clicks points={timeline.points} group={group} marks={marks} zone={zone} />
      </div>
      <Forgettings told={timeline.forgettings} zone={zone} />
      <div class="columns">
        <Rates
          cells={cells.filter(({ context_key }) => !context || context_key === context)}
          arms={arms}
          context={context}
        />
        <Contexts contexts={timeline.contexts} />
      </div>
      <HeatMap
        cells={cells}
        arms={arms}
        chosen={context}
        absent={absent(cells, arms, timeline)}
        view={view}
        choose={choose}
      />
    </Fold>
  );
}

/** The arms that no list showed in the window, though the bandit showed lists and draws them. */
function absent(cells: Cell[], arms: string[], { points, contexts }: Answer): Record<string, Placed> {
  const all = points.reduce((sum, { groups }) => sum + (groups["treatment"]?.shown ?? 0), 0);
  const shown = (arm: string) =>
    points.reduce((sum, point) => sum + (point.algorithms[`bandit_${arm}`]?.shown ?? 0), 0);
  if (!all) return {};
  const never = arms.filter((arm) => !shown(arm)).map((arm) => [arm, { drawn: drawn(cells, arm, contexts), shown: 0 }]);
  return Object.fromEntries(never as [string, Placed][]);
}

/** The arm's share of the places by what is published, each context with its traffic in the window. */
function drawn(cells: Cell[], arm: string, contexts: Answer["contexts"]): number {
  const mine = cells.filter(({ algorithm, probability }) => algorithm === arm && probability != null);
  const weight = ({ context_key }: Cell) => contexts[context_key]?.shown ?? 0;
  const sum = mine.reduce((total, cell) => total + weight(cell), 0);
  return sum ? mine.reduce((total, cell) => total + weight(cell) * cell.probability!, 0) / sum : 0;
}

type SharesProps = { points: Point[]; arms: string[]; marks: Mark[]; zone: string };

function Shares({ points, arms, marks, zone }: SharesProps) {
  const drawn = points.filter(({ groups }) => groups["treatment"]?.shown);
  if (!drawn.length) return <Nothing>The bandit drew no list in this window.</Nothing>;
  return (
    <Timeline
      title="Who fills the places"
      note={`Share of each algorithm among the places that the bandit drew. ${leader(drawn, arms)}`}
      times={drawn.map(({ at }) => new Date(at))}
      series={arms.map((arm, index) => ({
        name: algorithmName(arm),
        colour: index,
        values: drawn.map(({ algorithms }) => algorithms[`bandit_${arm}`]?.share ?? 0),
      }))}
      marks={marks}
      zone={zone}
      write={(value) => percent(value, 0)}
      stacked
    />
  );
}

/** The largest share over the whole window: what MAX_ALGORITHM_DOMINANCE is about. */
function leader(points: Point[], arms: string[]): string {
  const placed = arms.map((arm) =>
    points.reduce((sum, { algorithms }) => sum + (algorithms[`bandit_${arm}`]?.shown ?? 0), 0),
  );
  const all = points.reduce((sum, { groups }) => sum + (groups["treatment"]?.shown ?? 0), 0);
  const most = Math.max(...placed);
  return `Largest over the whole window: ${algorithmName(arms[placed.indexOf(most)] ?? "")}, ${percent((100 * most) / all, 1)}.`;
}

function Forgettings({ told, zone }: { told: Forgetting[]; zone: string }) {
  if (!told.length) return null;
  return (
    <p>
      Forgotten, because newer outcomes refuted it:{" "}
      {told
        .map(({ at, arm, z, percent_before, percent_after }) => {
          const rates = `${percent(percent_before, 1)} → ${percent(percent_after, 1)}`;
          return `${algorithmName(arm)} (${moment(new Date(at), zone)}, ${rates}, z ${z.toFixed(1)})`;
        })
        .join("; ")}
    </p>
  );
}

const GROUPS: [string, string, number][] = [
  ["treatment", "Treatment (bandit)", 0],
  ["control", "Control (hybrid)", 5],
];

type ClicksProps = { points: Point[]; group: string; marks: Mark[]; zone: string };

function Clicks({ points, group, marks, zone }: ClicksProps) {
  if (!points.length) return <Nothing>Nothing was shown in this window.</Nothing>;
  return (
    <Timeline
      title="Click-through rate"
      note="Clicked places among those shown, per group and moment; the verdict above counts visitors, not moments."
      times={points.map(({ at }) => new Date(at))}
      series={GROUPS.filter(([key]) => !group || key === group).map(([key, name, index]) => ({
        name,
        colour: index,
        values: points.map(({ groups }) => groups[key]?.ctr ?? null),
      }))}
      marks={marks}
      zone={zone}
      write={percent}
    />
  );
}

function Rates({ cells, arms, context }: { cells: Cell[]; arms: string[]; context: string }) {
  const rows = arms.map((arm) => {
    const mine = cells.filter(({ algorithm }) => algorithm === arm);
    const won = mine.reduce((sum, { total_successes }) => sum + total_successes, 0);
    const tried = won + mine.reduce((sum, { total_failures }) => sum + total_failures, 0);
    return { arm, won, tried, bounds: wilson(won, tried) };
  });
  const to = Math.max(0.01, ...rows.map(({ bounds }) => bounds?.[1] ?? 0)) * 1.05;
  return (
    <Figure
      title="Success rate by algorithm"
      note={`${context ? contextName(context) : "All contexts"}, since the beginning, with 95 % intervals. Across contexts this mixes easy and hard hours: compare within one.`}
    >
      <Table
        caption="Success rate by algorithm"
        columns={["Algorithm", "Success rate", "95 %", "Outcomes"]}
        rows={rows.map(({ arm, won, tried, bounds }) => ({
          key: arm,
          cells: bounds
            ? [
                algorithmName(arm),
                <span class="range-cell">
                  <Interval low={bounds[0]} high={bounds[1]} at={won / tried} from={0} to={to} />
                  {share(won / tried)}
                </span>,
                `${share(bounds[0])} to ${share(bounds[1])}`,
                count(tried),
              ]
            : [algorithmName(arm), "–", "no outcome yet", "0"],
        }))}
      />
    </Figure>
  );
}

function Contexts({ contexts }: { contexts: Answer["contexts"] }) {
  const rows = Object.entries(contexts).sort(([, one], [, other]) => other.shown - one.shown);
  const most = rows[0]?.[1].share;
  if (!most) return <Nothing>No context occurred in this window.</Nothing>;
  return (
    <Figure title="When and for whom lists were shown" note="Share of the places shown, by context.">
      <div class="tall">
        <Table
          caption="Context distribution"
          columns={["Context", "Share", "Shown", "Clicked"]}
          rows={rows.map(([key, { shown, share, ctr }]) => ({
            key,
            cells: [contextName(key), <Bar length={share / most}>{percent(share)}</Bar>, count(shown), percent(ctr)],
          }))}
        />
      </div>
    </Figure>
  );
}

function Bar({ length, children }: { length: number; children: string }) {
  return (
    <span class="range-cell">
      <svg class="bar" aria-hidden="true">
        <rect width={`${100 * length}%`} height="100%" />
      </svg>
      {children}
    </span>
  );
}
