/** Reads history so that a failure is shown and, where that can help, repeated. */
import { ServerError } from "../history/request";

/** How long after a failure the read is repeated. */
const RETRY_MS = 5000;

interface Options {
  /** Changes when the list is replaced: a failure of the previous list no longer matters. */
  readonly generation: () => number;
  readonly onChange: () => void;
}

export class GuardedReads {
  #generation: () => number;
  #onChange: () => void;
  #error: ServerError | null = null;
  /** Repeats what failed last. */
  #repeat: () => Promise<void> = async () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ generation, onChange }: Options) {
    this.#generation = generation;
    this.#onChange = onChange;
  }

  get error(): ServerError | null {
    return this.#error;
  }

  /** Runs `read`. If it fails, `repeat` is what retry() calls. */
  async run(read: () => Promise<void>, repeat: () => Promise<void>): Promise<void> {
    const generation = this.#generation();
    this.#error = null;
    const reading = read();
    this.#onChange();
    try {
      await reading;
    } catch (cause) {
      if (!(cause instanceof ServerError)) throw cause;
      if (generation === this.#generation()) this.#fail(cause, repeat);
    }
    this.#onChange();
  }

  async retry(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#repeat();
  }

  /** Forgets the error, and does not repeat the read. */
  dismiss(): void {
    clearTimeout(this.#timer);
    this.#error = null;
  }

  /** A failure that may pass is retried by itself; a request that the server rejects is not. */
  #fail(error: ServerError, repeat: () => Promise<void>): void {
    this.#error = error;
    this.#repeat = repeat;
    if (error.kind !== "unreachable" && error.status < 500 && error.status !== 429) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.retry(), RETRY_MS);
  }
}
