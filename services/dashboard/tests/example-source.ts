/** An EventSource that tests steer: nothing happens until they say so. */
import { LiveStream } from "../src/live/live-stream";

export class ExampleSource extends EventTarget {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
  }

  close(): void {
    this.readyState = this.CLOSED;
  }

  opens(): void {
    this.readyState = this.OPEN;
    this.onopen?.();
  }

  sends(name: string, data: string, lastEventId = ""): void {
    this.dispatchEvent(new MessageEvent(name, { data, lastEventId }));
  }

  /** The connection breaks; the browser tries again by itself. */
  breaks(): void {
    this.readyState = this.CONNECTING;
    this.onerror?.();
  }

  /** The answer is no event stream; the browser gives up. */
  fails(): void {
    this.readyState = this.CLOSED;
    this.onerror?.();
  }
}

/** A stream whose sources land in `sources`, in the order they were opened. */
export function exampleStream(): { stream: LiveStream; sources: ExampleSource[] } {
  const sources: ExampleSource[] = [];
  const stream = new LiveStream("/stream", "", (url) => {
    const source = new ExampleSource(url);
    sources.push(source);
    return source as unknown as EventSource;
  });
  return { stream, sources };
}
