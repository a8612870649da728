/** The panel above the list: the rate of all records now, or the chosen records over their range. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { allowedStorage } from "../../browser/preferences";
import { whenVisible } from "../../browser/when-visible";
import { ServerError } from "../../history/request";
import { type Histogram, readHistogram, zoomedOut } from "../../metrics/histogram";
import { KEPT_SECONDS, type LiveMetrics } from "../../metrics/live-metrics";
import { dateTime } from "../../records/clock-time";
import { ALL_TIME, type Filter, isLive, parametersOf, type Range } from "../../records/filter";
import { namedText } from "../../records/visible-text";
import { metricsTexts } from "../../texts/metrics";
import { ErrorText } from "../messages/error-text";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import { StackedChart } from "./stacked-chart";
import "./metrics.css";

interface Properties {
  metrics: LiveMetrics;
  /** Whether counts still arrive: without a live stream they say nothing about now. */
  live: boolean;
  filter: Filter;
  range: Range;
  onRange: (range: Range) => void;
}

type Tab = "now" | "range";
const OPEN_KEY = "logstream.metrics";
const UNKNOWN = "–";
const BUCKETS = 90;
const REFRESH_MS = 10_000;
const SLOW_REFRESH_MS = 30_000;

export function MetricsPanel({ metrics, live, filter, range, onRange }: Properties) {
  const texts = useTexts(metricsTexts);
  const ranged = range.start !== "" || range.end !== "";
  const [tab, setTab] = useState<Tab>(ranged ? "range" : "now");
  const [open, setOpen] = useState(openAtFirst);
  // Choosing a range shows it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of the range shows it
  useEffect(() => setTab(ranged ? "range" : "now"), [range.start, range.end]);
  const toggle = () => {
    storeOpen(!open);
    setOpen(!open);
  };
  return (
    <section className="metrics" aria-label={texts.panel}>
      <div className="metrics-bar">
        <button type="button" className="small" aria-expanded={open} onClick={toggle}>
          {open ? texts.hide : texts.show}
        </button>
        {open &&
          (["now", "range"] as const).map((name) => (
            <button key={name} type="button" className="small" aria-pressed={tab === name} onClick={() => setTab(name)}>
              {texts[name]}
            </button>
          ))}
      </div>
      {open && tab === "now" && <Now metrics={metrics} live={live} onRange={onRange} />}
      {open && tab === "range" && <OverRange filter={filter} range={range} onRange={onRange} />}
    </section>
  );
}

/** As the reader left it; at first open where there is room for it above the list. */
function openAtFirst(): boolean {
  const stored = allowedStorage()?.getItem(OPEN_KEY);
  return (
    stored === "open" ||
    (stored !== "closed" && window.matchMedia("(min-width: 700px) and (min-height: 600px)").matches)
  );
}

function storeOpen(open: boolean): void {
  try {
    allowedStorage()?.setItem(OPEN_KEY, open ? "open" : "closed");
  } catch {
    // The panel opens even when the storage is full.
  }
}

function Now({ metrics, live, onRange }: Omit<Properties, "filter" | "range">) {
  const texts = useTexts(metricsTexts);
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
      <dl className="numbers" title={texts.allRecords}>
        <Figure name={texts.rate} value={known ? texts.perSecond(now.rate) : UNKNOWN} />
        <Figure name={texts.mean} value={known ? texts.perSecond(now.meanRate) : UNKNOWN} />
        <Figure
          name={texts.errors}
          value={share === null ? UNKNOWN : percent(share)}
          alarming={share !== null && share > 0}
        />
        <Figure name={texts.lag} value={known ? texts.lags(now.lag_p50_ms, now.lag_p99_ms) : UNKNOWN} />
        <Figure name={texts.dropped} value={now.dropped.toLocaleString(language)} alarming={now.dropped > 0} />
      </dl>
      <div className="nodes">
        <h2>{texts.topNodes}</h2>
        <ul>
          {now.nodes.map(({ name, rate }) => (
            <li key={name}>
              <meter min={0} max={most || 1} value={rate} aria-label={namedText(name)} />
              <span className="choice">
                <VisibleText text={name} />
              </span>
              <span className="count">{texts.perSecond(rate)}</span>
            </li>
          ))}
        </ul>
      </div>
      <p className="note">{texts.allRecords}</p>
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
  const texts = useTexts(metricsTexts);
  const { zone } = useChoices();
  const { histogram, error, refresh } = useHistogram(filter, range);
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
              ? texts.counting
              : ""
            : histogram.countedFrom === null
              ? texts.total(histogram.total)
              : `${texts.total(histogram.total)}, ${texts.countedFrom(dateTime(histogram.countedFrom, zone))}`}
        </span>
        <button type="button" className="small" onClick={refresh}>
          {texts.refresh}
        </button>
        <button type="button" className="small" disabled={histogram === null} onClick={zoomOut}>
          {texts.zoomOut}
        </button>
        <button
          type="button"
          className="small"
          disabled={range.start === "" && range.end === ""}
          onClick={() => onRange(ALL_TIME)}
        >
          {texts.clearRange}
        </button>
      </p>
    </div>
  );
}

function useHistogram(filter: Filter, range: Range) {
  const [histogram, setHistogram] = useState<Histogram | null>(null);
  const [error, setError] = useState<ServerError | null>(null);
  const [attempt, setAttempt] = useState(0);
  const key = JSON.stringify([parametersOf(filter), range]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key has what matters of filter and range
  useEffect(() => {
    const abort = new AbortController();
    const read = () => {
      readHistogram({ filter, range, buckets: BUCKETS }, abort.signal).then(
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
    const readWhenVisible = () => {
      stopWaiting();
      stopWaiting = whenVisible(read);
    };
    readWhenVisible();
    // Counting by words and attributes is expensive for the database; counts by time, level and node are stored.
    const refresh_ms = filter.text.trim() === "" && filter.attributes.length === 0 ? REFRESH_MS : SLOW_REFRESH_MS;
    const timer = isLive(range) ? setInterval(readWhenVisible, refresh_ms) : undefined;
    return () => {
      stopWaiting();
      clearInterval(timer);
      abort.abort();
    };
  }, [key, attempt]);
  return { histogram, error, refresh: () => setAttempt((count) => count + 1) };
}
