/** Times on the reader's clock. */

/** To the millisecond; with the date unless it is today's. `time` is ISO 8601 with a zone. */
export function clockTime(time: string): string {
  const date = new Date(time);
  const digits = (part: number, width = 2) => String(part).padStart(width, "0");
  const seconds = `${digits(date.getSeconds())}.${digits(date.getMilliseconds(), 3)}`;
  const clock = `${digits(date.getHours())}:${digits(date.getMinutes())}:${seconds}`;
  if (date.toDateString() === new Date().toDateString()) return clock;
  return `${date.getFullYear()}-${digits(date.getMonth() + 1)}-${digits(date.getDate())} ${clock}`;
}
