/** What the axes of a chart say, on the canvas and in the file. Must not draw. */

/** Whether the times are days apart, also at a change of summer time. */
export const isDaily = ([first, second]: Date[]): boolean =>
  first !== undefined && second !== undefined && second.getTime() - first.getTime() > 80_000_000;

/** The label of a moment on the time axis. */
export function day(seconds: number, daily: boolean, zone: string): string {
  const parts: Intl.DateTimeFormatOptions = daily
    ? { day: "numeric", month: "short" }
    : { weekday: "short", hour: "2-digit", minute: "2-digit" };
  return new Date(seconds * 1000).toLocaleString("en-GB", { timeZone: zone, ...parts });
}

/** The lowest and highest value of the vertical axis. */
export function range(
  low: number,
  high: number,
  { stacked, zero }: { stacked?: boolean | undefined; zero?: boolean | undefined },
): [number, number] {
  if (stacked) return [0, 100];
  const [bottom, top] = zero ? [Math.min(low ?? 0, 0), Math.max(high ?? 0, 0)] : [0, high ?? 0];
  const room = (top - bottom || 1) * 0.08;
  return [zero ? bottom - room : 0, top + room];
}

/** Four to eight round values between the ends of an axis. */
export function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((times) => times * power >= rough)! * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, row) => (first + row) * step);
}

/** The length of each value's bar, as a share of the longest. */
export function lengths(values: (number | null)[]): number[] {
  const sizes = values.map((value) => Math.abs(value ?? 0));
  const longest = Math.max(...sizes) || 1;
  return sizes.map((size) => size / longest);
}
