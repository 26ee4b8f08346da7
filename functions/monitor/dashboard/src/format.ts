/** Formats numbers and times for people; names and colours of arms and contexts. Must not make requests. */

const numbers = new Intl.NumberFormat("en");

export const count = (value: number | null | undefined): string => (value == null ? "–" : numbers.format(value));

/** 1, "visitor" → "1 visitor"; 2, "visitor" → "2 visitors". */
export const counted = (value: number, noun: string, plural = `${noun}s`): string =>
  `${count(value)} ${value === 1 ? noun : plural}`;

/** 12.34 → "12.3 %". */
export const percent = (value: number | null | undefined, digits = 1): string =>
  value == null ? "–" : `${decimal(value, digits)} %`;

/** 0.1234 → "12.3 %". */
export const share = (value: number | null | undefined, digits = 1): string =>
  percent(value == null ? null : value * 100, digits);

/** 12 → "+12.0 %", with a real minus sign. */
export const change = (value: number | null | undefined, digits = 1): string =>
  value == null ? "–" : `${value > 0 ? "+" : ""}${percent(value, digits)}`;

export const decimal = (value: number | null | undefined, digits = 2): string =>
  value == null ? "–" : value.toFixed(digits).replace("-", "−");

export function moment(at: Date, zone: string): string {
  return at.toLocaleString("en-GB", {
    timeZone: zone,
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** "12 March", with the year where it is another one. */
export function date(at: Date, zone: string, now: Date = new Date()): string {
  const year = (time: Date) => time.toLocaleString("en-GB", { timeZone: zone, year: "numeric" });
  const other: Intl.DateTimeFormatOptions = year(at) === year(now) ? {} : { year: "numeric" };
  return at.toLocaleString("en-GB", { timeZone: zone, day: "numeric", month: "long", ...other });
}

/** How long ago, in one unit. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** `bandit_item_cf` → "item cf". */
export const algorithmName = (algorithm: string): string => algorithm.replace(/^bandit_/, "").replaceAll("_", " ");

/** `evening|weekend|power_user` → "evening, weekend, power user". */
export const contextName = (key: string): string => key.replaceAll("|", ", ").replaceAll("_", " ");

const DAY = ["morning", "afternoon", "evening", "night", "weekday", "weekend", "cold_start", "regular", "power_user"];

/** Orders contexts by time of day, not by the alphabet; unknown keys last. */
export function byDay(one: string, other: string): number {
  const rank = (key: string) =>
    key
      .split("|")
      .map((level) => `${DAY.indexOf(level) + 1 || 99}`.padStart(2, "0"))
      .join();
  return rank(one).localeCompare(rank(other));
}

/** Wilson's score interval of a rate at 95 %; null without trials. */
export function wilson(successes: number, trials: number): [number, number] | null {
  if (!trials) return null;
  const [rate, z2] = [successes / trials, 1.96 ** 2];
  const centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials);
  const width = (1.96 / (1 + z2 / trials)) * Math.sqrt((rate * (1 - rate)) / trials + z2 / (4 * trials ** 2));
  return [Math.max(0, centre - width), Math.min(1, centre + width)];
}

/** The colour of a chart's n-th series, from the style sheet, so that it follows the colour scheme. */
export const colour = (index: number): string => style(`--series-${index % 8}`);

export const style = (property: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(property).trim();
