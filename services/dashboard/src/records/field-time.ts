/** Times as `<input type="datetime-local">` has them, on the reader's clock. */
import type { Zone } from "./clock-time";
import { canonicalTime } from "./time";

/** A field's value for an ISO 8601 time, "" for one that is open or relative. */
export function fieldOf(time: string, zone: Zone): string {
  const moment = new Date(time);
  if (time.startsWith("-") || Number.isNaN(moment.getTime())) return "";
  const shown = zone === "utc" ? moment : new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return shown.toISOString().slice(0, 23);
}

/** The time in the services' form, "" for an empty field, null for what is no time. */
export function timeOfField(value: string, zone: Zone): string | null {
  if (value === "") return "";
  const moment = new Date(zone === "utc" ? `${value}Z` : value);
  if (Number.isNaN(moment.getTime())) return null;
  return `${moment.toISOString().slice(0, 23)}000Z`;
}

/** As timeOfField, but a field that still shows `time` keeps its microseconds, which the field itself cuts. */
export function timeOfEdited(value: string, time: string, zone: Zone): string | null {
  const exact = value !== "" && value === fieldOf(time, zone) ? canonicalTime(time) : null;
  return exact ?? timeOfField(value, zone);
}
