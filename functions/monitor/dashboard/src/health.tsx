/** The newest daily report: its checks, its alerts, and when it was made. Knows no request. */

import type { Health, Report } from "./answers";
import { age, decimal, moment } from "./format";
import { Nothing, Table } from "./parts";

const MARKS: Record<string, string> = { ok: "✓", healthy: "✓", warning: "!", critical: "✕", no_data: "–" };
const A_DAY = 86_400_000;

export function HealthSection({ health: { report, fault }, now, zone }: { health: Health; now: number; zone: string }) {
  return (
    <section aria-labelledby="health">
      <h2 id="health">Is it healthy?</h2>
      {report ? <Newest report={report} now={now} zone={zone} /> : <NoReport fault={fault} />}
    </section>
  );
}

const NoReport = ({ fault }: { fault: string }) => (
  <Nothing>
    {fault} <code>./dev monitor --days 7</code> prints one.
  </Nothing>
);

function Newest({ report, now, zone }: { report: Report; now: number; zone: string }) {
  const made = new Date(report.timestamp);
  const late = now - made.getTime() > 1.5 * A_DAY;
  return (
    <>
      <p>
        <Status status={report.overall_status} /> Report of {moment(made, zone)} over {report.period_days} days.
      </p>
      {late && <p class="notice">This report is {age(now - made.getTime())} old: the 9 AM run was missed. Look at the monitor function’s log, or run <code>./dev monitor --days 7</code>.</p>}
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
        rows={Object.entries(report.checks).sort(guideFirst).map(([name, { status, metrics }]) => ({
          key: name,
          cells: [name.replaceAll("_", " "), <Status status={status} />, figures(metrics)],
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

/** Never by colour alone: a mark, a word, a colour. */
function Status({ status }: { status: string }) {
  return (
    <span class={`status ${status}`}>
      <span aria-hidden="true">{MARKS[status] ?? "?"}</span> {status.replaceAll("_", " ")}
    </span>
  );
}

function figures(metrics: Report["checks"][string]["metrics"]): string {
  const written = Object.entries(metrics).map(([name, value]) => `${name.replaceAll("_", " ")} ${write(value)}`);
  return written.join(" · ") || "–";
}

function write(value: number | string | null): string {
  if (typeof value !== "number") return value ?? "–";
  return Number.isInteger(value) ? value.toLocaleString("en") : decimal(value, 3);
}
