/** The top of the page: does it pay, is it healthy, what to do next, as of when. Must not make requests. */

import type { Alert, Backlog, Experiment, Figures, Report, Shipping } from "./answers";
import type { Decision } from "./decision";
import { age, counted, moment } from "./format";
import type { Configuration } from "./session";

const LATE = 1.5 * 86_400_000; // ms; a report is made every day

/** What is wrong in words, worst first; `advice` says what to do. */
interface Trouble {
  severity: "critical" | "warning" | "unknown";
  headline: string;
  advice: string;
}

interface SummaryProps {
  figures: Figures;
  decision: Decision;
  backlog: Backlog | null;
  now: number;
  zone: string;
  go: (section: string) => void;
}

export function Summary({ figures, decision, backlog, now, zone, go }: SummaryProps) {
  const found = troubles(figures.health.report, figures.health.fault, backlog, now);
  const [worst, ...more] = found;
  const made = figures.health.report && new Date(figures.health.report.timestamp);
  return (
    <section class="summary" aria-label="In short">
      <dl>
        <div class={decision.tone}>
          <dt>Does it pay?</dt>
          <dd>
            <button class="link" onClick={() => go("experiment")}>
              {decision.headline}
            </button>
          </dd>
        </div>
        <div class={worst ? worst.severity : "good"}>
          <dt>Is it healthy?</dt>
          <dd>
            <button class="link" onClick={() => go("health")}>
              {worst ? `${WORDS[worst.severity]}: ${worst.headline}` : "Yes. The newest report has no alert"}
              {more.length ? `, and ${more.length} more.` : "."}
            </button>
          </dd>
        </div>
        <div>
          <dt>What to do next</dt>
          <dd>{next(decision, worst)}</dd>
        </div>
      </dl>
      <p class="hint">
        Figures as of {moment(new Date(figures.at + figures.ahead), zone)} ({zone}).{" "}
        {made && `Checks as of ${moment(made, zone)}.`}
      </p>
    </section>
  );
}

/** What is urgent: a bandit that harms, then what is broken; else what the test says. */
function next(decision: Decision, worst?: Trouble): string {
  const broken = worst?.severity === "critical" ? worst.advice : "";
  return decision.tone === "bad" ? `${decision.next} ${broken}`.trim() : broken || decision.next;
}

const WORDS = { critical: "No", warning: "Look at this", unknown: "Not known" };

function troubles(report: Report | null, fault: string, backlog: Backlog | null, now: number): Trouble[] {
  const late = report ? now - Date.parse(report.timestamp) : 0;
  return [
    ...dead(backlog),
    ...(report?.alerts ?? []).map(asTrouble),
    ...(late > LATE
      ? [{ severity: "warning" as const, headline: `the newest report is ${age(late)} old`, advice: LOG }]
      : []),
    ...(report ? [] : [{ severity: "unknown" as const, headline: fault.replace(/\.$/, ""), advice: LOG }]),
    ...(report?.overall_status === "unknown"
      ? [{ severity: "unknown" as const, headline: "too little data for the checks", advice: "" }]
      : []),
  ].sort((one, other) => RANK.indexOf(one.severity) - RANK.indexOf(other.severity));
}

const RANK = ["critical", "warning", "unknown"];
const LOG = "Look at the monitor function’s log.";

const asTrouble = ({ severity, headline, message, advice }: Alert): Trouble => ({
  severity,
  headline: headline || message,
  advice,
});

function dead(backlog: Backlog | null): Trouble[] {
  if (!backlog?.dead_letters) return [];
  const messages = counted(backlog.dead_letters, "feedback message");
  return [{ severity: "critical", headline: `${messages} could not be counted`, advice: backlog.sentence }];
}

interface StatesProps {
  configuration: Configuration;
  test: Experiment | undefined;
  share: Shipping["share"];
}

/** What kind of figures these are, where they are not those of a running test on real visitors. */
export function States({ configuration, test, share }: StatesProps) {
  const { notice, bandit } = configuration;
  return (
    <>
      {notice && (
        <p class="state simulated">
          <strong>Simulated</strong> {notice}
        </p>
      )}
      {bandit === "shadow" && (
        <p class="state shadow">
          <strong>Shadow</strong> Every visitor gets the control list. What the bandit would draw is shown to nobody.
        </p>
      )}
      {bandit === "off" && (
        <p class="state off">
          <strong>Off</strong> Every visitor gets the control list, because BANDIT is “off”.
        </p>
      )}
      {bandit === "on" && share?.braked && (
        <p class="state stale">
          <strong>Braked</strong> Treatment’s share is {Number(share.percent.toFixed(1))} % of the visitors. {share.why}
        </p>
      )}
      {test && <Ramping {...test} />}
    </>
  );
}

function Ramping({ phases }: Experiment) {
  const [first, now] = [phases[0], phases.at(-1)];
  if (!first || !now || phases.length < 2) return null;
  return (
    <p class="state ramping">
      <strong>Ramping</strong> Phase {phases.length}: the bandit serves {Math.round(now.treatment_percent)} % of
      visitors; it began with {Math.round(first.treatment_percent)} %.
    </p>
  );
}
