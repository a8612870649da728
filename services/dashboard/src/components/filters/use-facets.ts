/** The levels and nodes to choose from, asked anew as the view changes and, while it is live, from time to time. */
import { useEffect, useState } from "react";
import { whenVisible } from "../../browser/when-visible";
import { ServerError } from "../../history/ask";
import { type Facets, readFacets } from "../../metrics/facets";
import { type Filter, isLive, parametersOf, type Range } from "../../records/filter";

const SETTLED_MS = 250;
const AGAIN_MS = 15_000;

/** The latest that were read; null before the first. What can't be read is told where the records are read. */
export function useFacets(filter: Filter, range: Range): Facets | null {
  const [facets, setFacets] = useState<Facets | null>(null);
  const question = JSON.stringify([parametersOf(filter), range]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the question says what of filter and range matters
  useEffect(() => {
    const abort = new AbortController();
    const read = () => {
      readFacets(filter, range, abort.signal).then(setFacets, (error) => {
        if (!abort.signal.aborted && !(error instanceof ServerError)) throw error;
      });
    };
    let stopWaiting = () => {};
    const ask = () => {
      stopWaiting();
      stopWaiting = whenVisible(read);
    };
    const settled = setTimeout(ask, SETTLED_MS);
    const again = isLive(range) ? setInterval(ask, AGAIN_MS) : undefined;
    return () => {
      stopWaiting();
      clearTimeout(settled);
      clearInterval(again);
      abort.abort();
    };
  }, [question]);
  return facets;
}
