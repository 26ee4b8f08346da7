/** The A/B test: its verdict, each metric of both groups, and the lift over time. Must not make requests. */

import type { Comparison, Experiment, GroupName, Lift, Metric, Timeline as Answer } from "./answers";
import type { Decision } from "./decision";
import { byDay, change, contextName, count, counted, decimal, percent } from "./format";
import type { Mark } from "./marks";
import { Figure, Fold, Interval, Nothing, Table } from "./parts";
import { Timeline } from "./timeline";

const METRICS: [Metric, string, (value: number | null) => string][] = [
  ["ctr", "Click-through rate", percent],
  ["rating_conversion", "Rating conversion", percent],
  ["avg_rating", "Average rating", (value) => decimal(value)],
  ["thumbs_up_rate", "Thumbs up", percent],
  ["thumbs_down_rate", "Thumbs down (higher is worse)", percent],
];

interface ExperimentProps {
  test: Experiment;
  decision: Decision;
  timeline: Answer;
  marks: Mark[];
  view: { group: string; context: string; section: string };
  zone: string;
}

/** Percent at which a drawn interval is cut off; a context with few clicks must not make the others unreadable. */
const WIDEST = 100;

export function ExperimentSection({ test, decision, timeline, marks, view, zone }: ExperimentProps) {
  const { group, context } = view;
  const groups = (["treatment", "control"] as const).filter((name) => !group || name === group);
  const explored = test.contexts[context];
  return (
    <Fold id="experiment" title="Does the bandit pay?" sought={view.section === "experiment"}>
      <Verdict decision={decision} sentence={test.sentence} />
      {context && <Chosen context={context} sentence={explored?.sentence} />}
      {(!context || explored) && <Comparisons metrics={(explored ?? test).metrics} groups={groups} />}
      <p class="hint">
        {context && "All contexts: "}
        {[
          `Since ${test.since.slice(0, 10)}, whatever window is chosen`,
          ...groups.map((key) => sizes(title(key), test.groups[key])),
          ...fallbacks(test),
          ...planned(test),
          ...test.notes,
        ].join(" · ")}
      </p>
      <div class="columns">
        <Sequence lifts={timeline.lift} of={context ? "All contexts. " : ""} marks={marks} zone={zone} />
        {!context && <ByContext contexts={test.contexts} groups={groups} />}
      </div>
    </Fold>
  );
}

/** The decision, and one level down how the statistics say it. */
function Verdict({
  decision: { tone, headline, next, worth, plan },
  sentence,
}: {
  decision: Decision;
  sentence: string;
}) {
  return (
    <div class={`verdict ${tone}`}>
      <p>
        <strong>{headline}</strong> {next}
      </p>
      {worth && <p>{worth}</p>}
      {plan && (
        <label class="plan">
          <progress max={100} value={plan.percent} /> {plan.sentence}
        </label>
      )}
      <details>
        <summary>In the words of statistics</summary>
        <p>{sentence}</p>
      </details>
    </div>
  );
}

/** The note above the figures of one context: they are exploratory. */
function Chosen({ context, sentence }: { context: string; sentence: string | undefined }) {
  return (
    <div class="notice">
      <strong>Only {contextName(context)}.</strong>{" "}
      {sentence ?? "The groups cannot be compared in this context: see the verdict above."}
    </div>
  );
}

function Comparisons({ metrics, groups }: { metrics: Experiment["metrics"]; groups: GroupName[] }) {
  const reach = Math.max(5, ...METRICS.flatMap(([metric]) => ends(metrics[metric])));
  return (
    <Table
      caption="Treatment against control"
      columns={["Metric", ...groups.map(title), "Lift over control", "95 %, at every look", "p, at every look"]}
      rows={METRICS.map(([metric, name, write]) => {
        const { lift, ...values } = metrics[metric];
        const read = lift
          ? [<Range {...lift} reach={reach} />, bounds(lift), lift.p < 0.001 ? "< 0.001" : decimal(lift.p, 3)]
          : ["–", "too few yet", "–"];
        return { key: metric, cells: [name, ...groups.map((key) => write(values[key])), ...read] };
      })}
    />
  );
}

function ByContext({ contexts, groups }: { contexts: Experiment["contexts"]; groups: GroupName[] }) {
  const rows = Object.entries(contexts).sort(([one], [other]) => byDay(one, other));
  const reach = Math.min(WIDEST, Math.max(5, ...rows.flatMap(([, { metrics }]) => ends(metrics.ctr))));
  if (!rows.length) return <Nothing>Contexts are compared when both groups have enough data.</Nothing>;
  return (
    <Figure
      title="Where it pays: click-through rate within each context"
      note="Exploratory, not a basis for decisions: these bounds hold in all contexts and at every look together. Choose a context above for its other metrics."
    >
      <div class="tall">
        <Table
          caption="Lift by context"
          columns={["Context", ...groups.map(short), "Lift", "95 %"]}
          rows={rows.map(
            ([
              key,
              {
                metrics: {
                  ctr: { lift, ...values },
                },
              },
            ]) => ({
              key,
              cells: [
                contextName(key),
                ...groups.map((name) => percent(values[name])),
                ...(lift ? [<Range {...lift} reach={reach} digits={0} />, bounds(lift, 0)] : ["–", "too few yet"]),
              ],
            }),
          )}
        />
      </div>
    </Figure>
  );
}

function Range({ percent, percent_low, percent_high, reach, digits = 1 }: Lift & { reach: number; digits?: number }) {
  return (
    <span class="range-cell">
      <Interval low={percent_low} high={percent_high} at={percent} from={-reach} to={reach} mark={0} />
      {change(percent, digits)}
    </span>
  );
}

type SequenceProps = { lifts: Answer["lift"]; of: string; marks: Mark[]; zone: string };

function Sequence({ lifts, of, marks, zone }: SequenceProps) {
  if (lifts.length < 2)
    return <Nothing>The lift over time appears after two days with at least 100 clicks in each group.</Nothing>;
  return (
    <Timeline
      title="Lift in click-through rate, looked at every day"
      note={`${of}Of all days of the test up to each day, every place counted alike. The band is a confidence sequence: it holds on all days at once, so looking often costs nothing.`}
      times={lifts.map(({ day }) => new Date(`${day}T00:00Z`))}
      series={[
        {
          name: "Lift",
          colour: 0,
          values: lifts.map(({ percent }) => percent),
          low: lifts.map(({ percent_low }) => percent_low),
          high: lifts.map(({ percent_high }) => percent_high),
        },
      ]}
      marks={marks}
      zone={zone}
      write={change}
      zero
    />
  );
}

const bounds = ({ percent_low, percent_high }: Lift, digits = 1) =>
  `${change(percent_low, digits).replace(" %", "")} to ${change(percent_high, digits)}`;

const short = (group: GroupName) => (group === "treatment" ? "Treatment" : "Control");

const title = (group: GroupName) => (group === "treatment" ? "Treatment (bandit)" : "Control (hybrid)");

const sizes = (name: string, { users, total_recommendations, total_clicks }: Experiment["groups"][GroupName]) =>
  `${name}: ${counted(users, "visitor")}, ${counted(total_recommendations, "movie")} shown, ${count(total_clicks)} clicked`;

const fallbacks = ({ fallback_shown }: Experiment) =>
  fallback_shown
    ? [`${count(fallback_shown)} movies of treatment came from control lists, because the bandit failed`]
    : [];

const planned = ({
  sample_size: { planned_users, planned_lift_percent, reached_users, information_percent },
}: Experiment) => [
  planned_users
    ? `a lift of ${planned_lift_percent} % was planned to take ${count(planned_users)} visitors per group, ` +
      `${count(reached_users)} came: ${percent(information_percent)} of the planned evidence`
    : "the number of visitors to plan for is fixed once the control's rate is known",
];

const ends = ({ lift }: Comparison) => (lift ? [Math.abs(lift.percent_low), Math.abs(lift.percent_high)] : []);
