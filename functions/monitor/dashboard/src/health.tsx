/** The newest daily report: its checks, its alerts, and its date. Must not make requests. */

import type { Backlog, Health, Report } from "./answers";
import { age, count, decimal, moment, share } from "./format";
import { Nothing, Table } from "./parts";

const MARKS: Record<string, string> = {
  ok: "✓",
  healthy: "✓",
  warning: "!",
  critical: "✕",
  no_data: "–",
  unknown: "–",
};
const A_DAY = 86_400_000;

type HealthProps = { health: Health; backlog: Backlog | null; now: number; zone: string };

export function HealthSection({ health: { report, fault }, backlog, now, zone }: HealthProps) {
  return (
    <section aria-labelledby="health">
      <h2 id="health">Is it healthy?</h2>
      {backlog && <Queue {...backlog} />}
      {report ? <Newest report={report} now={now} zone={zone} /> : <NoReport fault={fault} />}
    </section>
  );
}

const COUNTS: [keyof Omit<Backlog, "sentence">, string][] = [
  ["waiting", "Waiting"],
  ["underway", "Being counted"],
  ["dead_letters", "Dead letters"],
];

/** The feedback queue's current state; the newest report may be older. */
function Queue({ sentence, ...counts }: Backlog) {
  const known = COUNTS.every(([name]) => counts[name] != null);
  return (
    <>
      <h3>Feedback queue, now</h3>
      <dl class="tiles" aria-label="Feedback queue">
        {COUNTS.map(([name, words]) => (
          <div key={name} class={name === "dead_letters" && counts[name] ? "critical" : ""}>
            <dt>{words}</dt>
            <dd>{counts[name] == null ? "unknown" : count(counts[name])}</dd>
          </div>
        ))}
      </dl>
      {sentence && (
        <p class={known ? "notice critical" : "notice"}>
          <Status status={known ? "critical" : "no_data"} /> {sentence}
        </p>
      )}
    </>
  );
}

const NoReport = ({ fault }: { fault: string }) => (
  <Nothing>
    {fault} <code>./dev monitor --days 7</code> makes one and keeps it for this page.
  </Nothing>
);

function Newest({ report, now, zone }: { report: Report; now: number; zone: string }) {
  const made = new Date(report.timestamp);
  const late = now - made.getTime() > 1.5 * A_DAY;
  return (
    <>
      <h3>Newest report</h3>
      <p>
        <Status status={report.overall_status} /> Report of {moment(made, zone)} over {report.period_days} days.
      </p>
      {late && (
        <p class="notice">
          This report is {age(now - made.getTime())} old: the 9 AM run was missed. Look at the monitor function’s log,
          or run <code>./dev monitor --days 7</code>.
        </p>
      )}
      {report.alerts.length > 0 && (
        <ul class="alerts">
          {report.alerts.map((alert) => (
            <li key={alert.metric + alert.message} class={alert.severity}>
              <Status status={alert.severity} /> {alert.message}. {alert.detail}
              <br />
              {alert.advice}
            </li>
          ))}
        </ul>
      )}
      <Table
        caption="Checks of the newest report"
        columns={["Check", "Status", "Figures"]}
        rows={Object.entries(report.checks)
          .sort(guideFirst)
          .map(([name, { status, metrics }]) => ({
            key: name,
            cells: [name.replaceAll("_", " "), <Status status={status} />, figures(name, metrics)],
          }))}
      />
    </>
  );
}

const GUIDE = ["diversity", "quality", "algorithm_balance", "engagement"];

/** The deployment guide's four checks in its order, then ours. */
function guideFirst([one]: [string, unknown], [other]: [string, unknown]): number {
  const place = (name: string) => (GUIDE.indexOf(name) + GUIDE.length + 1) % (GUIDE.length + 1);
  return place(one) - place(other);
}

/** A mark, a word and a colour: never colour alone. */
function Status({ status }: { status: string }) {
  return (
    <span class={`status ${status}`}>
      <span aria-hidden="true">{MARKS[status] ?? "?"}</span> {status.replaceAll("_", " ")}
    </span>
  );
}

function figures(check: string, metrics: Report["checks"][string]["metrics"]): string {
  const written = Object.entries(metrics).map(
    ([name, value]) => `${name.replaceAll("_", " ")} ${write(check, name, value)}`,
  );
  return written.join(" · ") || "–";
}

const SHARES = ["long_tail_percentage", "ctr", "join_rate", "lift", "lift_moved", "places_beyond"];

function write(check: string, name: string, value: number | string | null): string {
  if (typeof value !== "number") return value?.replaceAll("_", " ") ?? "–";
  if (SHARES.includes(name) || (check === "algorithm_balance" && name !== "balance")) return share(value);
  if (name.endsWith("p") && value < 0.001) return "< 0.001";
  return Number.isInteger(value) ? value.toLocaleString("en") : decimal(value, 3);
}
