/** The page: signs in, refreshes every half minute, shows the age of its figures, and lays out the sections. */

import { render } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Backlog, type Figures, NotAllowed, readBacklog, readFigures } from "./answers";
import { decide } from "./decision";
import { ExperimentSection } from "./experiment";
import { age, contextName, counted, moment } from "./format";
import { HealthSection } from "./health";
import { LearningSection } from "./learning";
import { marksOf } from "./marks";
import { Nothing, Select, show } from "./parts";
import {
  type Configuration,
  completeSignIn,
  currentToken,
  liveToken,
  readConfiguration,
  signIn,
  signOut,
} from "./session";
import { ShippingSection } from "./shipping";
import { States, Summary } from "./summary";

const REFRESH = 30_000; // ms
const STALE = 3 * REFRESH;
const SILENT = 2 * 86_400_000; // ms; a point stands for up to a day

const WINDOWS = [
  ["1", "1 day"],
  ["7", "7 days"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "1 year"],
] as const;
const GROUPS = [
  ["", "both groups"],
  ["treatment", "treatment"],
  ["control", "control"],
] as const;

/** The reader's choices; kept in the address, so that a view can be sent to a colleague. */
const DEFAULTS = { days: "7", group: "", context: "", section: "", measure: "", cell: "", report: "" };
type View = typeof DEFAULTS;

function readView(): View {
  const query = new URLSearchParams(location.hash.slice(1));
  const read = Object.entries(DEFAULTS).map(([name, otherwise]) => [name, query.get(name) ?? otherwise]);
  return Object.fromEntries(read) as View;
}

/** The address of a view: only what the reader chose. */
function address(view: View): string {
  const chosen = Object.entries(view).filter(([name, value]) => value !== DEFAULTS[name as keyof View]);
  return `#${new URLSearchParams(chosen)}`;
}

/** The newest figures for a view, refreshed every half minute; `ended` says why the sign-in ended. */
function useFigures({ days, context, report }: View, configuration: Configuration, refused: string) {
  const [figures, setFigures] = useState<Figures | null>(null);
  const [backlog, setBacklog] = useState<Backlog | null>(null);
  const [fault, setFault] = useState("");
  const [ended, setEnded] = useState(refused);
  const turn = useRef(0);

  const leave = (reason = "") => {
    signOut(configuration);
    setFigures(null);
    setEnded(reason);
  };
  const refresh = useCallback(async () => {
    const mine = ++turn.current; // an answer to an older request is dropped
    try {
      const token = await liveToken(configuration);
      if (!token) return;
      void readBacklog(token).then(setBacklog);
      const found = await readFigures(token, days, context, report);
      if (mine !== turn.current) return;
      setFigures(found);
      setFault("");
    } catch (error) {
      if (error instanceof NotAllowed) leave(error.message);
      else setFault(error instanceof TypeError ? "The service cannot be reached." : (error as Error).message);
    }
  }, [days, context, report, configuration]);

  useEffect(() => {
    const renew = () => document.hidden || void refresh();
    void refresh();
    const clock = setInterval(renew, REFRESH);
    document.addEventListener("visibilitychange", renew);
    return () => {
      clearInterval(clock);
      document.removeEventListener("visibilitychange", renew);
    };
  }, [refresh]);

  return { figures, backlog, fault, ended, refresh, leave };
}

/** The current time, updated every five seconds. */
function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const clock = setInterval(() => setNow(Date.now()), 5_000);
    return () => clearInterval(clock);
  }, []);
  return now;
}

function Dashboard({ configuration, refused }: { configuration: Configuration; refused: string }) {
  const [view, setView] = useState(readView);
  const { figures, backlog, fault, ended, refresh, leave } = useFigures(view, configuration, refused);
  const now = useNow();
  const isStale = figures !== null && now - figures.at > STALE;

  const choose = (part: Partial<View>) => {
    const chosen = { ...view, ...part };
    history.replaceState(null, "", address(chosen));
    setView(chosen);
  };
  useEffect(() => {
    const follow = () => setView(readView());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  if (!currentToken()) return <SignIn configuration={configuration} reason={ended} />;
  return (
    <>
      <header>
        <h1>Bandit Selector</h1>
        <Filters view={view} choose={choose} figures={figures} />
        <p class="freshness">
          {figures ? `Updated ${age(now - figures.at)} ago` : fault ? "" : "Asking …"}
          <button onClick={() => void refresh()}>Refresh</button>
          <button onClick={() => void navigator.clipboard.writeText(location.href)}>Copy link</button>
          <button onClick={() => leave()}>Sign out</button>
        </p>
      </header>
      <main class={isStale ? "old" : ""}>
        {(fault || isStale) && <Fault reason={fault} figures={figures} now={now} />}
        <States configuration={configuration} test={figures?.test} share={figures?.stats.shipping?.share ?? null} />
        {figures && (
          <Sections
            figures={figures}
            backlog={backlog}
            view={view}
            choose={choose}
            now={now + figures.ahead}
            zone={configuration.time_zone}
          />
        )}
      </main>
    </>
  );
}

function Fault({ reason, figures, now }: { reason: string; figures: Figures | null; now: number }) {
  const stale = figures && now - figures.at > STALE ? " Do not decide by them." : "";
  const kept = figures ? `The figures below are ${age(now - figures.at)} old.${stale}` : "";
  return (
    <p class={`state ${stale ? "stale" : "off"}`} role="alert">
      {stale && <strong>Stale</strong>} {reason} {kept} The page asks again every 30 seconds; if this stays, look at the
      analytics function’s log.
    </p>
  );
}

interface SectionsProps {
  figures: Figures;
  backlog: Backlog | null;
  view: View;
  choose: (part: Partial<View>) => void;
  now: number;
  zone: string;
}

function Sections({ figures, backlog, view, choose, now, zone }: SectionsProps) {
  const { stats, test, timeline, health } = figures;
  const decision = decide(test, timeline, now, zone);
  const marks = marksOf(figures);
  const shipping = stats.shipping && (
    <ShippingSection shipping={stats.shipping} goals={health.report?.goals ?? []} view={view} zone={zone} />
  );
  const healthy = <HealthSection health={health} backlog={backlog} view={view} choose={choose} now={now} zone={zone} />;
  const summary = (
    <Summary
      figures={figures}
      decision={decision}
      backlog={backlog}
      now={now}
      zone={zone}
      go={(section) => (section === view.section ? show(section) : choose({ section }))}
    />
  );
  if (!timeline.points.length && !stats.summary.total_pulls)
    return (
      <>
        {summary}
        <Nothing>
          Nothing was shown in the last {counted(Number(view.days), "day")}. Choose a longer window, check that the site
          calls <code>GET /movies/recommendations</code> on this service, or start simulated visitors:{" "}
          <code>./dev demo</code>.
        </Nothing>
        {shipping}
        {healthy}
      </>
    );
  const newest = timeline.points.at(-1);
  const silent = newest && !view.context && now - Date.parse(newest.at) > SILENT;
  return (
    <>
      {silent && (
        <p class="notice">
          Nothing was shown since {moment(new Date(newest.at), zone)}: does the site still ask this service for
          recommendations? Look for errors in the select function’s log.
        </p>
      )}
      {summary}
      <ExperimentSection test={test} decision={decision} timeline={timeline} marks={marks} view={view} zone={zone} />
      <LearningSection stats={stats} timeline={timeline} marks={marks} view={view} choose={choose} zone={zone} />
      {shipping}
      {healthy}
    </>
  );
}

function Filters({
  view,
  choose,
  figures,
}: {
  view: View;
  choose: (part: Partial<View>) => void;
  figures: Figures | null;
}) {
  const keys = new Set(Object.values(figures?.stats.detailed_stats ?? {}).map(({ context_key }) => context_key));
  const contexts = [...keys, ...(view.context && !keys.has(view.context) ? [view.context] : [])].sort();
  return (
    <form aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <Select label="Window " value={view.days} options={WINDOWS} choose={(days) => choose({ days })} />
      <Select label="Group " value={view.group} options={GROUPS} choose={(group) => choose({ group })} />
      <Select
        label="Context "
        value={view.context}
        options={[["", "all contexts"], ...contexts.map((key) => [key, contextName(key)] as const)]}
        choose={(context) => choose({ context })}
      />
    </form>
  );
}

function SignIn({ configuration, reason }: { configuration: Configuration; reason: string }) {
  return (
    <main class="sign-in">
      <h1>Bandit Selector</h1>
      {reason && (
        <p class="notice" role="alert">
          {reason}
        </p>
      )}
      {configuration.authorize_url ? (
        <>
          <p>Which algorithm fills each place, what visitors did with it, and whether that pays.</p>
          <button class="primary" onClick={() => void signIn(configuration)}>
            Sign in
          </button>
        </>
      ) : (
        <p class="notice">
          No issuer is configured: set SIGN_IN_AUTHORIZE_URL, SIGN_IN_TOKEN_URL and SIGN_IN_CLIENT_ID of the analytics
          function.
        </p>
      )}
    </main>
  );
}

try {
  const configuration = await readConfiguration();
  const refused = await completeSignIn(configuration).then(
    () => "",
    (error: Error) => error.message,
  );
  render(<Dashboard configuration={configuration} refused={refused} />, document.body);
} catch (error) {
  render(
    <main>
      <Nothing>{(error as Error).message}</Nothing>
    </main>,
    document.body,
  );
}
