/** Collects what the stream sends until the list takes it: ten times a second, not with every event. */
import { type EventName, readEvent, type ServerStatus } from "../live/framing";
import type { Notice } from "../records/notice";
import type { LogRecord } from "../records/record";

interface IncomingEvent {
  readonly name: EventName;
  readonly data: string;
  readonly id: string;
  /** Records older than this are left out. */
  readonly start: string;
}

export class Intake {
  #records: LogRecord[] = [];
  /** Drops announced since the last id: a stream that breaks now sends their records again. */
  #unconfirmed: Notice[] = [];
  #lastId = "";
  #lastEventAt_ms = 0;
  #server: ServerStatus = { broker: null, recent: null };
  #unreadable = 0;

  get server(): ServerStatus {
    return this.#server;
  }

  get unreadable(): number {
    return this.#unreadable;
  }

  get lastEventAt_ms(): number {
    return this.#lastEventAt_ms;
  }

  /** Forgets everything of the previous view. The state of the servers and the count of unreadable messages stay. */
  reset(): void {
    this.#records = [];
    this.#unconfirmed = [];
    this.#lastId = "";
    this.#lastEventAt_ms = Date.now();
  }

  /**
   * Takes an event. Returns the notices that are certain now, or null when the list does not have to change before its next turn.
   */
  add({ name, data, id, start }: IncomingEvent): readonly Notice[] | null {
    this.#lastEventAt_ms = Date.now();
    const gaps = this.#read(name, data, start);
    if (id === "" || id === this.#lastId) return gaps.length > 0 ? gaps : null;
    this.#lastId = id;
    const notices = [...gaps, ...this.#unconfirmed];
    this.#unconfirmed = [];
    return notices;
  }

  /** The stream resumes after its last id: drops announced since then are announced again. */
  forgetUnconfirmed(): void {
    this.#unconfirmed = [];
  }

  /** Hands over the records collected so far. */
  take(): LogRecord[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }

  #read(name: EventName, data: string, start: string): Notice[] {
    const event = readEvent(name, data);
    if (event?.kind === "status") this.#server = event.status;
    else if (event?.kind === "unreadable") this.#unreadable += 1;
    else if (event?.kind === "records") {
      for (const record of event.records) if (record.time >= start) this.#records.push(record);
      this.#unreadable += event.unreadable;
    } else if (event?.notice.kind === "dropped") this.#unconfirmed.push(event.notice);
    else if (event?.kind === "notice") return [event.notice];
    return [];
  }
}
