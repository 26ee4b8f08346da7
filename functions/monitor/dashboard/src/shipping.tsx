/** Before and after shipping: the share in force, the shadow, other policies, the guide's goals. Makes no requests. */

import type { Evaluation, Goal, Shadow, Shipping } from "./answers";
import { count, moment } from "./format";
import { Fold, Table } from "./parts";

const MARKS = { met: "✓", "not yet": "○", "cannot be known": "–" };
const percent = (value: number | null, digits = 1) => (value == null ? "–" : `${value.toFixed(digits)} %`);
const signed = (value: number) => `${value > 0 ? "+" : ""}${value.toFixed(1)} %`.replace("-", "−");

interface ShippingProps {
  shipping: Shipping;
  goals: Goal[];
  view: { section: string };
  zone: string;
}

export function ShippingSection({ shipping, goals, view, zone }: ShippingProps) {
  const { share, shadow, evaluation } = shipping;
  return (
    <Fold id="shipping" title="How far are we?" sought={view.section === "shipping"}>
      {share && <Share {...share} zone={zone} />}
      {shadow && <ShadowFigures shadow={shadow} />}
      {goals.length > 0 && <Checklist title="The deployment guide’s goals, by the newest report" goals={goals} />}
      <Evaluated evaluation={evaluation} zone={zone} />
    </Fold>
  );
}

type ShareProps = NonNullable<Shipping["share"]> & { zone: string };

/** Treatment's share of visitors, and whether the brake took it there. */
function Share({ percent: share, braked, why, since, zone }: ShareProps) {
  return (
    <p class={braked ? "notice critical" : ""}>
      {braked && <strong>Braked. </strong>}
      Treatment has {Number(share.toFixed(1))} % of the visitors since {moment(new Date(since), zone)}.
      {braked && ` ${why}`}
    </p>
  );
}

function ShadowFigures({ shadow }: { shadow: Shadow }) {
  return (
    <>
      <h3>Shadow: what the bandit would draw</h3>
      <p>
        From {shadow.since} to {shadow.until}, {count(shadow.lists)} lists. Both lists have the same movie at{" "}
        {percent(shadow.same_percent)} of the places; {percent(shadow.common_percent, 0)} of the shown movies are on
        both.
        {shadow.median_ms != null &&
          shadow.slow_ms != null &&
          ` Drawing takes ${shadow.median_ms.toFixed(1)} ms, 95 % below ${shadow.slow_ms.toFixed(1)} ms.`}
      </p>
      <Table
        caption="What the bandit would draw"
        columns={["Algorithm", "Would be drawn", "Has a movie", "Agrees with control", "Outcomes", "Success rate"]}
        rows={shadow.algorithms.map((one) => ({
          key: one.algorithm,
          cells: [
            one.algorithm,
            percent(one.drawn_percent),
            percent(one.stocked_percent, 0),
            percent(one.agreed_percent),
            count(one.outcomes),
            percent(one.success_percent),
          ],
        }))}
      />
      <Checklist title={shadow.ready ? "The data supports going live" : "Before going live"} goals={shadow.checks} />
    </>
  );
}

function Checklist({ title, goals }: { title: string; goals: Goal[] }) {
  return (
    <>
      <h3>{title}</h3>
      <ul class="checklist">
        {goals.map(({ stage, goal, state, figure }) => (
          <li key={`${stage} ${goal}`} class={state.replaceAll(" ", "-")}>
            <span aria-hidden="true">{MARKS[state]}</span> {stage}: {goal}, <b>{state}</b>. {figure}
          </li>
        ))}
      </ul>
    </>
  );
}

/** What other policies would have earned, or the command that tells. */
function Evaluated({ evaluation, zone }: { evaluation: Evaluation | null; zone: string }) {
  if (!evaluation)
    return (
      <p class="hint">
        What would another policy have earned? <code>./dev evaluate</code> tells, and keeps its answer for this page.
      </p>
    );
  const known = evaluation.policies.filter(({ per_100 }) => per_100 != null);
  return (
    <>
      <h3>What other policies would have earned</h3>
      <p>
        Estimated from {count(evaluation.impressions)} places, which earned {evaluation.served_per_100.toFixed(2)}{" "}
        successes per 100 as served; <code>./dev evaluate</code> of {moment(new Date(evaluation.made_at), zone)}.
      </p>
      <Table
        caption="What other policies would have earned"
        columns={["Policy", "Per 100 places", "95 %", "Against served"]}
        rows={known.map(({ policy, per_100, low, high, lift_percent }) => ({
          key: policy,
          cells: [
            policy,
            per_100?.toFixed(2),
            `${low?.toFixed(2)}–${high?.toFixed(2)}`,
            lift_percent == null ? "–" : signed(lift_percent),
          ],
        }))}
      />
    </>
  );
}
