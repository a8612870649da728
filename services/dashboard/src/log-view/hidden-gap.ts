/** The gap of a window that was hidden so long that the stream could not resume. */
import { ownGap } from "../live/framing";
import type { Notice } from "../records/notice";
import { isoOfMicros } from "../records/time";

/** The reason of such a gap, as the texts of the page know it. */
const HIDDEN_GAP = "hidden";
/** Widens the range on both sides: the time in a record may differ that much from the time it was received. */
const MARGIN_US = 600_000_000n;

export function hiddenGap(since_ms: number, until_ms: number): Notice {
  const [since, until] = [BigInt(since_ms) * 1000n, BigInt(until_ms) * 1000n];
  const range = {
    from: isoOfMicros(since - MARGIN_US),
    to: isoOfMicros(until + MARGIN_US),
    since: isoOfMicros(since),
    until: isoOfMicros(until),
  };
  return ownGap(range, HIDDEN_GAP);
}
