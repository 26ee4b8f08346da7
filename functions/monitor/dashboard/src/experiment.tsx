/** The A/B test: its sentence, each metric of both groups, and the sequence of lifts over time. Knows no request. */

import type { Comparison, Experiment, GroupName, Lift, Metric, Timeline as Answer } from "./answers";
import { change, count, decimal, percent } from "./format";
import { Interval, Nothing, Table } from "./parts";
import { Timeline } from "./timeline";

const METRICS: [Metric, string, (value: number | null) => string][] = [
  ["ctr", "Click-through rate", percent],
  ["rating_conversion", "Rating conversion", percent],
  ["avg_rating", "Average rating", (value) => decimal(value)],
  ["thumbs_up_rate", "Thumbs up", percent],
  ["thumbs_down_rate", "Thumbs down", percent],
];

const VERDICTS: Record<Experiment["verdict"], string> = {
  higher: "Treatment is ahead",
  lower: "Treatment is behind",
  undecided: "Undecided",
  too_early: "Too early to tell",
  no_control: "Nothing to compare",
  sample_ratio_mismatch: "Do not read this test",
};

export function ExperimentSection({ test, timeline, group, zone }: { test: Experiment; timeline: Answer; group: string; zone: string }) {
  const groups = (["treatment", "control"] as const).filter((name) => !group || name === group);
  const reach = Math.max(5, ...METRICS.flatMap(([metric]) => ends(test.metrics[metric])));
  return (
    <section aria-labelledby="experiment">
      <h2 id="experiment">Does the bandit pay?</h2>
      <p class={`verdict ${test.verdict}`}>
        <strong>{VERDICTS[test.verdict]}</strong> {test.sentence}
      </p>
      <Table
        caption="Treatment against control"
        columns={["Metric", ...groups.map(title), "Lift over control", "95 %, at every look", "p, at every look"]}
        rows={METRICS.map(([metric, name, write]) => {
          const { lift, ...values } = test.metrics[metric];
          const read = lift
            ? [<Range {...lift} reach={reach} />, `${change(lift.percent_low)} to ${change(lift.percent_high)}`, lift.p < 0.001 ? "< 0.001" : decimal(lift.p, 3)]
            : ["–", "too few yet", "–"];
          return { key: metric, cells: [name, ...groups.map((key) => write(values[key])), ...read] };
        })}
      />
      <p class="hint">{[...groups.map((key) => sizes(title(key), test.groups[key])), ...planned(test)].join(" · ")}</p>
      <Sequence lifts={timeline.lift} zone={zone} />
    </section>
  );
}

function Range({ percent, percent_low, percent_high, reach }: Lift & { reach: number }) {
  return (
    <span class="range-cell">
      <Interval low={percent_low} high={percent_high} at={percent} from={-reach} to={reach} mark={0} />
      {change(percent)}
    </span>
  );
}

function Sequence({ lifts, zone }: { lifts: Answer["lift"]; zone: string }) {
  if (lifts.length < 2) return <Nothing>The lift over time appears after two days with at least 100 clicks in each group.</Nothing>;
  return (
    <Timeline
      title="Lift in click-through rate, looked at every day"
      note="The band is a confidence sequence: it holds on all days at once, so looking often costs nothing."
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
      zone={zone}
      write={change}
      zero
    />
  );
}

const title = (group: GroupName) => (group === "treatment" ? "Treatment (bandit)" : "Control (hybrid)");

const sizes = (name: string, { users, total_recommendations, total_clicks }: Experiment["groups"][GroupName]) =>
  `${name}: ${count(users)} visitors, ${count(total_recommendations)} movies shown, ${count(total_clicks)} clicked`;

const planned = ({ sample_size: { planned_users, planned_lift_percent } }: Experiment) =>
  planned_users ? [`a lift of ${planned_lift_percent} % was planned to take ${count(planned_users)} visitors per group`] : [];

const ends = ({ lift }: Comparison) => (lift ? [Math.abs(lift.percent_low), Math.abs(lift.percent_high)] : []);
