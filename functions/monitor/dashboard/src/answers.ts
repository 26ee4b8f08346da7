/** The service's answers as types, and the only functions that request them. */

/** One cell of `bandit_states`, with its published posterior. Rates and means are shares, 0 to 1. */
export interface Cell {
  algorithm: string;
  context_key: string;
  alpha: number;
  beta: number;
  total_pulls: number;
  total_successes: number;
  total_failures: number;
  posterior_alpha: number | null;
  posterior_beta: number | null;
  probability: number | null;
}

/** Which movies without feedback count as failures in lists that are shown now. */
export interface Silence {
  rule: "shown" | "seen" | "off";
  sentence: string;
}

/** A line of a checklist; `figure` is why. */
export interface Goal {
  stage: string;
  goal: string;
  state: "met" | "not yet" | "cannot be known";
  figure: string;
}

/** The bandit's lists that nobody is shown; shares in percent. */
export interface Shadow {
  since: string;
  until: string;
  lists: number;
  undrawn: number;
  same_percent: number;
  common_percent: number;
  median_ms: number | null;
  slow_ms: number | null;
  algorithms: {
    algorithm: string;
    drawn_percent: number;
    stocked_percent: number;
    agreed_percent: number;
    outcomes: number;
    success_percent: number | null;
  }[];
  ready: boolean;
  checks: Goal[];
}

/** What `./dev evaluate` said last; null figures where the log cannot tell. */
export interface Evaluation {
  made_at: string;
  impressions: number;
  served_per_100: number;
  policies: {
    policy: string;
    per_100: number | null;
    low: number | null;
    high: number | null;
    lift_percent: number | null;
    lift_low: number | null;
    lift_high: number | null;
    refusal: string;
  }[];
}

/** Where the team stands: treatment's share in force, the shadow, and the newest evaluation. */
export interface Shipping {
  share: { percent: number; braked: boolean; why: string; since: string } | null;
  shadow: Shadow | null;
  evaluation: Evaluation | null;
}

export interface TeamStats {
  silence: Silence;
  shipping: Shipping;
  summary: { total_contexts: number; total_pulls: number };
  detailed_stats: Record<string, Cell>;
}

export type GroupName = "treatment" | "control";

export interface Lift {
  percent: number;
  percent_low: number;
  percent_high: number;
}

/** A lift with its difference, in points of percent or in stars. */
export interface Tested extends Lift {
  p: number;
  difference: number;
  difference_low: number;
  difference_high: number;
}

export interface Comparison extends Record<GroupName, number | null> {
  lift: Tested | null;
}

export type Metric = "ctr" | "rating_conversion" | "avg_rating" | "thumbs_up_rate" | "thumbs_down_rate";

/** The test within one context: exploratory, not a basis for decisions. */
export interface Exploration {
  metrics: Record<Metric, Comparison>;
  sentence: string;
}

/** The test of the bandit against the control list; rates and lifts are in percent, ratings in stars. */
export interface Experiment {
  verdict: "no_control" | "too_early" | "sample_ratio_mismatch" | "tracking_broken" | "higher" | "lower" | "undecided";
  sentence: string;
  groups: Record<GroupName, { users: number; total_recommendations: number; total_clicks: number }>;
  metrics: Record<Metric, Comparison>;
  sample_ratio: { planned_percent: number; observed_percent: number | null; p: number };
  sample_size: {
    planned_lift_percent: number;
    planned_users: number | null;
    reached_users: number;
    information_percent: number | null;
  };
  since: string;
  until: string;
  fallback_shown: number;
  /** Each with its planned share of treatment; oldest first. */
  phases: { treatment_percent: number; began_at: string | null }[];
  notes: string[];
  contexts: Record<string, Exploration>;
}

/** One hour or day; shares and rates in percent. */
export interface Point {
  at: string;
  algorithms: Record<string, { shown: number; share: number; success_rate: number | null }>;
  groups: Record<string, { shown: number; ctr: number }>;
}

/** Older evidence about an arm, forgotten because newer outcomes refuted it; rates in percent. */
export interface Forgetting {
  at: string;
  arm: string;
  z: number;
  percent_before: number;
  percent_after: number;
}

export interface Timeline {
  since: string;
  points: Point[];
  forgettings: Forgetting[];
  lift: (Lift & { day: string })[];
  contexts: Record<string, { shown: number; share: number; ctr: number }>;
}

export interface Alert {
  severity: "critical" | "warning";
  metric: string;
  message: string;
  headline: string;
  detail: string;
  advice: string;
  /** What it means for visitors or for the test; empty in reports of older versions. */
  meaning: string;
  /** The setting that holds the limit, for those who set it. */
  setting: string;
}

/** One daily report in the list of all. */
export interface Listed {
  day: string;
  period_days: number;
  made_at: string;
  overall_status: "healthy" | "warning" | "critical" | "unknown";
  /** The function's version that made it; empty where it has none. */
  version: string;
  alerts: { metric: string; severity: "critical" | "warning"; headline: string }[];
}

/** The newest report of each day that has one, newest day first. */
export interface Reports {
  reports: Listed[];
}

export interface Report {
  timestamp: string;
  period_days: number;
  overall_status: "healthy" | "warning" | "critical" | "unknown";
  checks: Record<
    string,
    { status: "ok" | "warning" | "critical" | "no_data"; metrics: Record<string, number | string | null> }
  >;
  alerts: Alert[];
  /** The deployment guide's goals; empty in reports of older versions. */
  goals: Goal[];
}

/** The newest report, or the reason for its absence, as it can fail while the figures are there; `opened` is the one
 * that the reader chose. */
export type Health = { report: Report | null; fault: string; opened: Report | null; all: Listed[] };

/** Messages in the feedback queue now; null for an unknown count, and `sentence` says why. */
export interface Backlog {
  waiting: number | null;
  underway: number | null;
  dead_letters: number | null;
  sentence: string;
}

/** All recorded figures that the page shows, as of one moment. */
export interface Figures {
  stats: TeamStats;
  test: Experiment;
  timeline: Timeline;
  health: Health;
  at: number;
  /** By how many milliseconds the service's clock is ahead of this browser's; a demo's clock is its visitors'. */
  ahead: number;
}

let ahead = 0;

/** The service refused the token: it has expired, or it lacks the scope. */
export class NotAllowed extends Error {}

export async function readFigures(token: string, days: string, context: string, day: string): Promise<Figures> {
  const of = context ? `&context_key=${encodeURIComponent(context)}` : "";
  const [stats, { ab_test: test }, timeline, health] = await Promise.all([
    ask<TeamStats>("bandit/stats", token),
    ask<{ ab_test: Experiment }>(`performance?days=${days}`, token),
    ask<Timeline>(`timeline?days=${days}${of}`, token),
    readHealth(token, day),
  ]);
  return { stats, test, timeline, health, at: Date.now(), ahead };
}

/** The queue has its own request: SQS may be out of reach, and no figure waits for it. */
export function readBacklog(token: string): Promise<Backlog> {
  const unknown = { waiting: null, underway: null, dead_letters: null };
  return ask<Backlog>("queue", token).catch((error: Error) => ({ ...unknown, sentence: error.message }));
}

/** The list comes first, so that nothing is asked for that is not there. */
async function readHealth(token: string, day: string): Promise<Health> {
  const health: Health = { report: null, fault: "", opened: null, all: [] };
  try {
    health.all = (await ask<Reports>("reports", token)).reports;
    const known = health.all.some((listed) => listed.day === day);
    if (!health.all.length) health.fault = "There is no report yet.";
    else health.report = await ask<Report>("health", token);
    if (known) health.opened = await ask<Report>(`reports/${day}`, token);
  } catch (error) {
    if (error instanceof NotAllowed) throw error;
    health.fault = (error as Error).message;
  }
  return health;
}

async function ask<T>(path: string, token: string): Promise<T> {
  const answer = await fetch(`analytics/${path}`, { headers: { Authorization: `Bearer ${token}` } });
  const date = Date.parse(answer.headers.get("Date") ?? "");
  if (date) ahead = date - Date.now();
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({ detail: "" }));
  if (answer.status === 401) throw new NotAllowed("Your sign-in has ended; sign in again.");
  if (answer.status === 403)
    throw new NotAllowed(detail || "Your account may not see these figures: it lacks the scope “analytics”.");
  throw new Error(detail || `The service answered ${answer.status} to /analytics/${path}.`);
}
