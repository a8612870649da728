/** Times on the reader's clock. */

/** The clock that times are shown on. */
export const ZONES = ["local", "utc"] as const;
export type Zone = (typeof ZONES)[number];

/** To the millisecond, with the date unless it is today. `time` is ISO 8601 with a zone. */
export function clockTime(time: string, zone: Zone, now = new Date()): string {
  const [date, clock] = parts(time, zone);
  const [today] = parts(now.toISOString(), zone);
  return date === today ? clock : `${date} ${clock}`;
}

/** Date and clock to the second, for ranges and axes. */
export function dateTime(time: string, zone: Zone): string {
  const [date, clock] = parts(time, zone);
  return `${date} ${clock.slice(0, 8)}`;
}

function parts(time: string, zone: Zone): [date: string, clock: string] {
  const moment = new Date(time);
  // The local time as if it were UTC, so that one set of getters serves both zones.
  const shown = zone === "utc" ? moment : new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  const text = shown.toISOString();
  return [text.slice(0, 10), text.slice(11, 23)];
}
