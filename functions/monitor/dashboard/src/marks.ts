/** What happened when, for the charts: alerts, phases of a ramp, new algorithms, deployments. Must not draw. */

import type { Figures, Listed, Point } from "./answers";
import { algorithmName } from "./format";

export interface Mark {
  at: Date;
  text: string;
}

/** Oldest first. */
export function marksOf({ health, test, timeline }: Figures): Mark[] {
  const marks = [
    ...health.all.flatMap((listed, index) => begun(listed, health.all[index + 1])),
    ...test.phases.flatMap(({ began_at, treatment_percent }) =>
      began_at
        ? [{ at: new Date(began_at), text: `the bandit’s share became ${Math.round(treatment_percent)} %` }]
        : [],
    ),
    ...health.all.flatMap((listed, index) => deployed(listed, health.all[index + 1])),
    ...added(timeline.points),
  ];
  return marks.sort((one, other) => one.at.getTime() - other.at.getTime());
}

/** The alerts of a report that the report before it did not have. */
function begun({ made_at, alerts }: Listed, before: Listed | undefined): Mark[] {
  const known = new Set(before?.alerts.map(({ metric }) => metric));
  const fresh = alerts.filter(({ metric }) => !known.has(metric));
  return fresh.map(({ headline }) => ({ at: new Date(made_at), text: `alert: ${headline}` }));
}

/** A report that another version of the service made than the one before. */
function deployed({ made_at, version }: Listed, before: Listed | undefined): Mark[] {
  if (!version || !before?.version || version === before.version) return [];
  return [{ at: new Date(made_at), text: `version ${version} since the report before` }];
}

/** Algorithms that were first shown after the window's first point. */
function added(points: Point[]): Mark[] {
  const known = new Set(Object.keys(points[0]?.algorithms ?? {}));
  return points.flatMap(({ at, algorithms }) =>
    Object.keys(algorithms)
      .filter((name) => name.startsWith("bandit_") && !known.has(name) && known.add(name))
      .map((name) => ({ at: new Date(at), text: `${algorithmName(name)} first shown` })),
  );
}
