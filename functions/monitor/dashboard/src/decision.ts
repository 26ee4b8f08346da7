/** The test as a decision in plain words, what it is worth, and how far its plan is. Must not draw or make requests. */

import type { Experiment, Timeline } from "./answers";
import { count, date, percent } from "./format";

export interface Decision {
  tone: "good" | "bad" | "open";
  headline: string;
  next: string;
  /** Clicks a week; empty while nothing is shown to differ. */
  worth: string;
  plan: Progress | null;
}

export interface Progress {
  /** Of the planned evidence, 0 to 100. */
  percent: number;
  sentence: string;
}

const A_DAY = 86_400_000; // ms
const WHOLE = 90; // per cent of visitors: from here on there is no share to raise

export function decide(test: Experiment, timeline: Timeline, now: number, zone: string): Decision {
  const plan = progress(test, timeline, now, zone);
  return { ...verdict(test, plan), worth: worth(test, timeline, now), plan };
}

function verdict(test: Experiment, plan: Progress | null): Pick<Decision, "tone" | "headline" | "next"> {
  const lift = test.metrics.ctr.lift;
  switch (test.verdict) {
    case "higher":
      return {
        tone: "good",
        headline: `The bandit wins so far: ${whole(lift?.percent)} more clicks, at least ${whole(lift?.percent_low)}.`,
        next:
          test.sample_ratio.planned_percent < WHOLE ? "Raise the bandit’s share of visitors." : "Keep the bandit on.",
      };
    case "lower":
      return {
        tone: "bad",
        headline: `The bandit harms so far: ${whole(lift?.percent)} fewer clicks, at least ${whole(lift?.percent_high)}.`,
        next: "Lower the bandit’s share of visitors, then compare the algorithms with the control list.",
      };
    case "sample_ratio_mismatch":
      return {
        tone: "bad",
        headline: "This test cannot be read: visitors are not split as planned.",
        next: "Find what else decides who gets which list: a redirect, a cache, an error in one group.",
      };
    case "tracking_broken":
      return {
        tone: "bad",
        headline: "This test cannot be read: the clicks of one group are missing.",
        next: "Check that the pages of both groups send their clicks.",
      };
    case "no_control":
      return {
        tone: "open",
        headline: "No test is running: one group has no data.",
        next: "Give some visitors the other list (use_bandit=auto), so that there is something to compare.",
      };
    case "too_early":
    case "undecided":
      return undecided(plan);
  }
}

function undecided(plan: Progress | null): Pick<Decision, "tone" | "headline" | "next"> {
  if (!plan) return { tone: "open", headline: "Not proven yet: the test has just begun.", next: WAIT };
  if (plan.percent < 100) return { tone: "open", headline: `Not proven yet: ${plan.sentence}.`, next: WAIT };
  return {
    tone: "open",
    headline: "Not proven: the test has all the evidence that was planned, and no difference is shown.",
    next: "Decide by what else matters, or plan a longer test for a smaller lift.",
  };
}

const WAIT = "Let the test run. Looking at it often does no harm.";

/** How much of the plan is reached, and the day on which it will be at the rate so far. */
function progress(test: Experiment, timeline: Timeline, now: number, zone: string): Progress | null {
  const { information_percent: reached } = test.sample_size;
  if (reached == null) return null;
  const shown = Math.min(100, Math.floor(reached));
  const written = shown < 1 ? "less than 1 %" : `${shown} %`;
  const day = forecast(reached, now - begin(test.since, timeline), now);
  return {
    percent: shown,
    sentence: `${written} of the planned evidence seen${day ? `; at this rate all on ${date(day, zone)}` : ""}`,
  };
}

/** When a share that grew to `reached` per cent in `elapsed` ms is at 100; null if it is, or if that is beyond two years. */
function forecast(reached: number, elapsed: number, now: number): Date | null {
  if (reached <= 0 || reached >= 100 || elapsed < A_DAY) return null;
  const left = (elapsed * (100 - reached)) / reached;
  return left > 730 * A_DAY ? null : new Date(now + left);
}

/** When the test's first list was shown, as far as the figures tell. */
function begin(since: string, { since: asked, points }: Timeline): number {
  const first = Date.parse(points[0]?.at ?? since);
  return Date.parse(since) < Date.parse(asked) ? Date.parse(since) : Math.max(Date.parse(since), first);
}

/** Clicks a week that treatment gets more or fewer than control's lists would have got, at this window's traffic. */
function worth({ verdict, metrics }: Experiment, { since, points }: Timeline, now: number): string {
  const lift = metrics.ctr.lift;
  if (!lift || (verdict !== "higher" && verdict !== "lower")) return "";
  const elapsed = now - Math.max(Date.parse(since), Date.parse(points[0]?.at ?? since));
  if (elapsed < A_DAY) return "";
  const shown = points.reduce((sum, { groups }) => sum + (groups["treatment"]?.shown ?? 0), 0);
  const weekly = (difference: number) => Math.round((Math.abs(difference) / 100) * shown * ((7 * A_DAY) / elapsed));
  const least = verdict === "higher" ? lift.difference_low : lift.difference_high;
  const word = verdict === "higher" ? "more" : "fewer";
  return `About ${count(rounded(weekly(lift.difference)))} ${word} clicks a week at today’s traffic and share, at least ${count(rounded(weekly(least)))}.`;
}

/** Two digits, because an estimate is not more precise. */
function rounded(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value || 1)) - 1);
  return Math.round(value / unit) * unit;
}

const whole = (value: number | undefined): string =>
  percent(value == null ? null : Math.abs(value), value != null && Math.abs(value) < 1 ? 1 : 0);
