/** What goes on, above the list: the rate of all that goes live now, or how the chosen records lie over their range. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { allowedStorage } from "../../browser/preferences";
import { whenVisible } from "../../browser/when-visible";
import { ServerError } from "../../history/ask";
import { type Histogram, readHistogram, zoomedOut } from "../../metrics/histogram";
import { KEPT_SECONDS, type LiveMetrics } from "../../metrics/live-metrics";
import { dateTime } from "../../records/clock-time";
import { ALL_TIME, type Filter, isLive, parametersOf, type Range } from "../../records/filter";
import { namedText } from "../../records/visible-text";
import { metricsWords } from "../../texts/metrics";
import { ErrorText } from "../messages/error-text";
import { useChoices, useWords } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import { StackedChart } from "./stacked-chart";
import "./metrics.css";

interface Properties {
  metrics: LiveMetrics;
  /** Whether the counts go on: what is not live says nothing of now. */
  live: boolean;
  filter: Filter;
  range: Range;
  onRange: (range: Range) => void;
}

type Tab = "now" | "range";
const OPEN_KEY = "logstream.metrics";
const UNKNOWN = "–";
const BUCKETS = 90;
const AGAIN_MS = 10_000;
const SELDOM_MS = 30_000;

export function MetricsPanel({ metrics, live, filter, range, onRange }: Properties) {
  const words = useWords(metricsWords);
  const ranged = range.start !== "" || range.end !== "";
  const [tab, setTab] = useState<Tab>(ranged ? "range" : "now");
  const [open, setOpen] = useState(openAtFirst);
  // A range that is chosen is one to look at.
  // biome-ignore lint/correctness/useExhaustiveDependencies: also another range after the first is one to look at
  useEffect(() => setTab(ranged ? "range" : "now"), [range.start, range.end]);
  const toggle = () => {
    keepOpen(!open);
    setOpen(!open);
  };
  return (
    <section className="metrics" aria-label={words.panel}>
      <div className="metrics-bar">
        <button type="button" className="small" aria-expanded={open} onClick={toggle}>
          {open ? words.hide : words.show}
        </button>
        {open &&
          (["now", "range"] as const).map((name) => (
            <button key={name} type="button" className="small" aria-pressed={tab === name} onClick={() => setTab(name)}>
              {words[name]}
            </button>
          ))}
      </div>
      {open && tab === "now" && <Now metrics={metrics} live={live} onRange={onRange} />}
      {open && tab === "range" && <OverRange filter={filter} range={range} onRange={onRange} />}
    </section>
  );
}

/** As the reader left it; until then open where there is room for it beside a list. */
function openAtFirst(): boolean {
  const kept = allowedStorage()?.getItem(OPEN_KEY);
  return (
    kept === "open" || (kept !== "closed" && window.matchMedia("(min-width: 700px) and (min-height: 600px)").matches)
  );
}

function keepOpen(open: boolean): void {
  try {
    allowedStorage()?.setItem(OPEN_KEY, open ? "open" : "closed");
  } catch {
    // A full storage must not keep the panel from opening.
  }
}

function Now({ metrics, live, onRange }: Omit<Properties, "filter" | "range">) {
  const words = useWords(metricsWords);
  const { language } = useChoices();
  const now = useSyncExternalStore(metrics.subscribe, metrics.snapshot, metrics.snapshot);
  const last_ms = now.stack.times_ms.at(-1) ?? Date.now();
  const most = now.nodes[0]?.rate ?? 0;
  const share = now.errorShare;
  const known = live && now.stack.times_ms.length > 0;
  const percent = (value: number) => value.toLocaleString(language, { style: "percent", maximumFractionDigits: 1 });
  return (
    <div className="now">
      <StackedChart
        stack={now.stack}
        span={{ from_ms: last_ms - KEPT_SECONDS * 1000, to_ms: last_ms + 1000 }}
        onRange={onRange}
      />
      <dl className="numbers" title={words.allRecords}>
        <Figure name={words.rate} value={known ? words.perSecond(now.rate) : UNKNOWN} />
        <Figure name={words.mean} value={known ? words.perSecond(now.meanRate) : UNKNOWN} />
        <Figure
          name={words.errors}
          value={share === null ? UNKNOWN : percent(share)}
          alarming={share !== null && share > 0}
        />
        <Figure name={words.lag} value={known ? words.lags(now.lag_p50_ms, now.lag_p99_ms) : UNKNOWN} />
        <Figure name={words.dropped} value={now.dropped.toLocaleString(language)} alarming={now.dropped > 0} />
      </dl>
      <div className="nodes">
        <h2>{words.topNodes}</h2>
        <ul>
          {now.nodes.map(({ name, rate }) => (
            <li key={name}>
              <meter min={0} max={most || 1} value={rate} aria-label={namedText(name)} />
              <span className="choice">
                <VisibleText text={name} />
              </span>
              <span className="count">{words.perSecond(rate)}</span>
            </li>
          ))}
        </ul>
      </div>
      <p className="note">{words.allRecords}</p>
    </div>
  );
}

function Figure({ name, value, alarming = false }: { name: string; value: string; alarming?: boolean }) {
  return (
    <div data-alarming={alarming}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function OverRange({ filter, range, onRange }: Omit<Properties, "metrics" | "live">) {
  const words = useWords(metricsWords);
  const { zone } = useChoices();
  const { histogram, error, ask } = useHistogram(filter, range);
  const zoomOut = () => {
    if (histogram !== null) onRange(zoomedOut(range, histogram));
  };
  return (
    <div className="over-range">
      {histogram && (
        <StackedChart
          stack={histogram.stack}
          span={{ from_ms: Date.parse(histogram.start), to_ms: Date.parse(histogram.end) }}
          onRange={onRange}
        />
      )}
      {error && (
        <div className="banner" data-kind="error" role="alert">
          <ErrorText error={error} />
        </div>
      )}
      <p className="range-state">
        <span role="status">
          {histogram === null
            ? error === null
              ? words.counting
              : ""
            : histogram.countedFrom === null
              ? words.total(histogram.total)
              : `${words.total(histogram.total)}, ${words.countedFrom(dateTime(histogram.countedFrom, zone))}`}
        </span>
        <button type="button" className="small" onClick={ask}>
          {words.refresh}
        </button>
        <button type="button" className="small" disabled={histogram === null} onClick={zoomOut}>
          {words.zoomOut}
        </button>
        <button
          type="button"
          className="small"
          disabled={range.start === "" && range.end === ""}
          onClick={() => onRange(ALL_TIME)}
        >
          {words.clearRange}
        </button>
      </p>
    </div>
  );
}

function useHistogram(filter: Filter, range: Range) {
  const [histogram, setHistogram] = useState<Histogram | null>(null);
  const [error, setError] = useState<ServerError | null>(null);
  const [attempt, setAttempt] = useState(0);
  const question = JSON.stringify([parametersOf(filter), range]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the question says what of filter and range matters
  useEffect(() => {
    const abort = new AbortController();
    const read = () => {
      readHistogram(filter, range, BUCKETS, abort.signal).then(
        (counted) => {
          setHistogram(counted);
          setError(null);
        },
        (cause) => {
          if (abort.signal.aborted) return;
          if (!(cause instanceof ServerError)) throw cause;
          setError(cause);
        },
      );
    };
    let stopWaiting = () => {};
    const ask = () => {
      stopWaiting();
      stopWaiting = whenVisible(read);
    };
    ask();
    // Counting by words and attributes costs the database; counts by time, level and node are stored.
    const again_ms = filter.text.trim() === "" && filter.attributes.length === 0 ? AGAIN_MS : SELDOM_MS;
    const again = isLive(range) ? setInterval(ask, again_ms) : undefined;
    return () => {
      stopWaiting();
      clearInterval(again);
      abort.abort();
    };
  }, [question, attempt]);
  return { histogram, error, ask: () => setAttempt((count) => count + 1) };
}
