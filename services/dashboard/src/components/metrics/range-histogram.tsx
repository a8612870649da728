/** The chosen records over their time range, by level. */
import { zoomedOut } from "../../metrics/histogram";
import { dateTime } from "../../records/clock-time";
import { ALL_TIME, type Filter, type Range } from "../../records/filter";
import { metricsTexts } from "../../texts/metrics";
import { ErrorText } from "../messages/error-text";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { StackedChart } from "./stacked-chart";
import { useHistogram } from "./use-histogram";

interface Properties {
  filter: Filter;
  range: Range;
  onRange: (range: Range) => void;
}

export function RangeHistogram({ filter, range, onRange }: Properties) {
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
