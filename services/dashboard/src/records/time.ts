/** Points in time to the microsecond, as the services write them. It never uses Date for arithmetic: that has milliseconds only. */

const ISO = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** Microseconds since the Unix epoch of an ISO 8601 time with a zone; null for any other text. Finer digits are cut. */
export function microsOf(iso: string): bigint | null {
  const parts = ISO.exec(iso);
  if (!parts) return null;
  const second_ms = Date.parse(`${parts[1]}${parts[3]}`);
  if (Number.isNaN(second_ms)) return null;
  return BigInt(second_ms) * 1000n + BigInt((parts[2] ?? "").padEnd(6, "0").slice(0, 6));
}

/** The services' form, UTC with six digits, so that comparing texts compares times. */
export function isoOfMicros(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second_ms = Number((micros - fraction) / 1000n);
  return `${new Date(second_ms).toISOString().slice(0, 19)}.${fraction.toString().padStart(6, "0")}Z`;
}

/** The same time in the services' form, or null when the text is no time. */
export function canonicalTime(iso: string): string | null {
  const micros = microsOf(iso);
  return micros === null ? null : isoOfMicros(micros);
}

/** The next microsecond: turns an inclusive end into the exclusive one that /api/logs takes. */
export function justAfter(time: string): string {
  const micros = microsOf(time);
  return micros === null ? time : isoOfMicros(micros + 1n);
}

const RELATIVE = /^-(\d{1,9})([smhdw])$/;
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** The time that a start of a range means at `now_ms`, in the services' form; "" when it is open or the page does not know. */
export function startOf(start: string, now_ms: number): string {
  const relative = RELATIVE.exec(start);
  if (relative) {
    const seconds = Number(relative[1]) * (UNIT_S[relative[2] ?? ""] ?? 0);
    return isoOfMicros(BigInt(Math.round(now_ms - seconds * 1000)) * 1000n);
  }
  return canonicalTime(start) ?? "";
}
