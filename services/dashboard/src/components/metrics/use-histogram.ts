/** The histogram of the chosen records: read again when the view changes and, while it is live, from time to time. */
import { useEffect, useState } from "react";
import { whenVisible } from "../../browser/when-visible";
import { ServerError } from "../../history/request";
import { type Histogram, readHistogram } from "../../metrics/histogram";
import { type Filter, isLive, parametersOf, type Range } from "../../records/filter";

const BUCKETS = 90;
const REFRESH_MS = 10_000;
const SLOW_REFRESH_MS = 30_000;

export function useHistogram(filter: Filter, range: Range) {
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
