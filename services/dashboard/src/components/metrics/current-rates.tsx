/** The rates of all records now: by level over the last minutes, in numbers, and of the busiest nodes. */
import { useSyncExternalStore } from "react";
import { KEPT_SECONDS, type LiveMetrics } from "../../metrics/live-metrics";
import type { Range } from "../../records/filter";
import { namedText } from "../../records/visible-text";
import { metricsTexts } from "../../texts/metrics";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import { StackedChart } from "./stacked-chart";

interface Properties {
  metrics: LiveMetrics;
  /** Whether counts still arrive: without a live stream they say nothing about now. */
  live: boolean;
  onRange: (range: Range) => void;
}

const UNKNOWN = "–";

export function CurrentRates({ metrics, live, onRange }: Properties) {
  const texts = useTexts(metricsTexts);
  const { language } = useChoices();
  const now = useSyncExternalStore(metrics.subscribe, metrics.snapshot, metrics.snapshot);
  const last_ms = now.stack.times_ms.at(-1) ?? Date.now();
  const highest = now.nodes[0]?.rate ?? 0;
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
              <meter min={0} max={highest || 1} value={rate} aria-label={namedText(name)} />
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
