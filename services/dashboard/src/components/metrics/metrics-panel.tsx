/** The panel above the list: the rate of all records now, or the chosen records over their range. */
import { useEffect, useState } from "react";
import { allowedStorage } from "../../browser/preferences";
import type { LiveMetrics } from "../../metrics/live-metrics";
import type { Filter, Range } from "../../records/filter";
import { metricsTexts } from "../../texts/metrics";
import { useTexts } from "../preferences/preferences-context";
import { CurrentRates } from "./current-rates";
import { RangeHistogram } from "./range-histogram";
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
      {open && tab === "now" && <CurrentRates metrics={metrics} live={live} onRange={onRange} />}
      {open && tab === "range" && <RangeHistogram filter={filter} range={range} onRange={onRange} />}
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
