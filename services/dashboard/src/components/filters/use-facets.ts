/** The levels and nodes to choose from: read again when the view changes and, while it is live, from time to time. */
import { useEffect, useState } from "react";
import { whenVisible } from "../../browser/when-visible";
import { ServerError } from "../../history/request";
import { type Facets, readFacets } from "../../metrics/facets";
import { type Filter, isLive, parametersOf, type Range } from "../../records/filter";

const SETTLED_MS = 250;
const REFRESH_MS = 15_000;

/** The latest facets; null before the first. An error is not shown here: reading the records fails as well. */
export function useFacets(filter: Filter, range: Range): Facets | null {
  const [facets, setFacets] = useState<Facets | null>(null);
  const key = JSON.stringify([parametersOf(filter), range]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key has what matters of filter and range
  useEffect(() => {
    const abort = new AbortController();
    const read = () => {
      readFacets(filter, range, abort.signal).then(setFacets, (error) => {
        if (!abort.signal.aborted && !(error instanceof ServerError)) throw error;
      });
    };
    let stopWaiting = () => {};
    const readWhenVisible = () => {
      stopWaiting();
      stopWaiting = whenVisible(read);
    };
    const settled = setTimeout(readWhenVisible, SETTLED_MS);
    const refresh = isLive(range) ? setInterval(readWhenVisible, REFRESH_MS) : undefined;
    return () => {
      stopWaiting();
      clearTimeout(settled);
      clearInterval(refresh);
      abort.abort();
    };
  }, [key]);
  return facets;
}
