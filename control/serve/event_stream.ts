/** How many events may wait for a reader. One that is slower is let go, so that it costs others nothing. */
const WAITING_MAX = 1000;
/** How often something is written where nothing happens, so that a reader that has gone is noticed. */
export const QUIET_MS = 5000;

/** Of an answer that tells of events. */
export const EVENT_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Events of a server, as a reader gets them: `event: holding`, `data: {…}`, and an empty line. */
export class EventStream {
  /** The answer to whoever asked for it. */
  readonly response: Response;
  readonly #onEnd: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #controller?: ReadableStreamDefaultController<Uint8Array>;

  /** `onEnd` is called when the reader has gone, is too slow, or `end` was called. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.#close(),
    }, { highWaterMark: WAITING_MAX });
    this.response = new Response(body, { headers: EVENT_HEADERS });
    this.#timer = setInterval(() => this.#write(":\n\n"), QUIET_MS);
    this.#write(":\n\n");
  }

  /** Tells the reader of an event. */
  tell(event: string, data: unknown): void {
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** There is no more to tell. */
  end(): void {
    const controller = this.#controller;
    if (!controller) return;
    this.#close();
    controller.close();
  }

  #write(text: string): void {
    const controller = this.#controller;
    if (!controller) return;
    if ((controller.desiredSize ?? 0) > 0) return controller.enqueue(new TextEncoder().encode(text));
    this.#close();
    controller.error(new Error(`the reader is more than ${WAITING_MAX} events behind`));
  }

  #close(): void {
    if (!this.#controller) return;
    this.#controller = undefined;
    clearInterval(this.#timer);
    this.#onEnd();
  }
}
