/** The newest daily report: its checks, its alerts, and its date. Must not make requests. */

import type { Alert, Backlog, Health, Listed, Report } from "./answers";
import { age, count, counted, decimal, moment, share } from "./format";
import { Fold, Nothing, Table } from "./parts";

const MARKS: Record<string, string> = {
  ok: "✓",
  healthy: "✓",
  warning: "!",
  critical: "✕",
  no_data: "–",
  unknown: "–",
};
const A_DAY = 86_400_000;

/** The reader's choices that this section follows; `report` is a day, or empty for the newest. */
type HealthView = { section: string; report: string };

interface HealthProps {
  health: Health;
  backlog: Backlog | null;
  view: HealthView;
  choose: (part: Partial<HealthView>) => void;
  now: number;
  zone: string;
}

export function HealthSection({ health, backlog, view, choose, now, zone }: HealthProps) {
  const { report: newest, fault, opened, all } = health;
  const report = opened ?? newest;
  return (
    <Fold id="health" title="Is it healthy?" sought={view.section === "health" || Boolean(view.report)}>
      {backlog && <Queue {...backlog} />}
      {report ? (
        <Newest report={report} chosen={opened ? view.report : ""} now={now} zone={zone} />
      ) : (
        <NoReport fault={fault} />
      )}
      {all.length > 0 && <History all={all} chosen={view.report} choose={choose} />}
    </Fold>
  );
}

/** Every report that is kept; one opens in place of the newest. */
function History({ all, chosen, choose }: { all: Listed[]; chosen: string; choose: HealthProps["choose"] }) {
  return (
    <details class="history" open={Boolean(chosen)}>
      <summary>All daily reports ({all.length})</summary>
      <Table
        caption="Daily reports"
        columns={["Day", "Status", "Alerts"]}
        rows={all.map(({ day, overall_status, alerts }) => ({
          key: day,
          cells: [
            <button
              class="link"
              aria-pressed={day === chosen}
              onClick={() => choose({ report: day === chosen ? "" : day })}
            >
              {day}
            </button>,
            <Status status={overall_status} />,
            alerts.map(({ headline }) => headline).join("; ") || "none",
          ],
        }))}
      />
    </details>
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

type NewestProps = { report: Report; chosen: string; now: number; zone: string };

function Newest({ report, chosen, now, zone }: NewestProps) {
  const made = new Date(report.timestamp);
  const late = !chosen && now - made.getTime() > 1.5 * A_DAY;
  return (
    <>
      <h3>{chosen ? `Report of ${chosen}` : "Newest report"}</h3>
      <p>
        <Status status={report.overall_status} /> Report of {moment(made, zone)} over{" "}
        {counted(report.period_days, "day")}.
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
            <Told key={alert.metric + alert.message} alert={alert} />
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

/** One alert: what is wrong, what it means, what to do, and for those who set it, where. */
function Told({ alert: { severity, message, headline, detail, meaning, advice, setting } }: { alert: Alert }) {
  return (
    <li class={severity}>
      <h4>
        <Status status={severity} /> {sentence(headline || message)}
      </h4>
      {meaning && <p>{meaning}</p>}
      <p>
        <strong>What to do:</strong> {advice}
      </p>
      <details>
        <summary>Figures and setting</summary>
        <p>
          {message}. {detail}
        </p>
        {setting && (
          <p>
            Setting: <code>{setting}</code>
          </p>
        )}
      </details>
    </li>
  );
}

const sentence = (words: string) => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

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

/** As in the daily report: what a figure is called where its own name does not say it. */
const FIGURES: Record<string, string> = {
  age_hours: "age in hours",
  arms_without_outcome: "algorithms never shown",
  avg_rating: "average rating",
  ctr: "click-through rate",
  days_ahead: "days that tables last",
  drop_outs: "places of algorithms without lists",
  forgettings: "algorithms forgotten",
  invariant: "counts agree with events",
  join_rate: "feedback that matches a movie shown",
  largest_without_drop_outs: "largest without those",
  lift_moved: "lift moved by visitors over the bound",
  long_tail_percentage: "long-tail movies",
  over: "visitors over the bound",
  p: "p of the lift",
  places_beyond: "places beyond the bound",
  sample_ratio_p: "p of the split",
  site_set_aside: "site's reactions set aside",
  unattributed: "feedback without a movie shown",
};

function figures(check: string, metrics: Report["checks"][string]["metrics"]): string {
  const written = Object.entries(metrics).map(
    ([name, value]) => `${FIGURES[name] ?? name.replaceAll("_", " ")} ${write(check, name, value)}`,
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
