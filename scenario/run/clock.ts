/** A monotonic clock, and waiting by it. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Waits until a time of it, or rejects with the signal's reason. A time that is over is waited for not at all. */
  until(time: number, signal?: AbortSignal): Promise<void>;
}

/** How late a timer of the runtime may be, in milliseconds: it counts whole ones, and its thread has other work. */
const TIMER_MS = 3;
/** How late the kernel may wake a thread that waits, in milliseconds. */
const WAKING_MS = 0.15;

/** Where nothing ever happens that would end a wait early. */
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/**
 * The machine's clock. It wakes on time to within some microseconds where the machine is idle: a timer waits for most
 * of the time, then the thread sleeps until shortly before, then it looks at the clock until it is time. The last
 * 3 ms keep everything else in the process waiting. Of several waits the one for the earliest time ends first.
 */
export class PreciseClock implements Clock {
  /** The times that are waited for. */
  readonly #times = new Set<{ time: number }>();

  now(): number {
    return performance.now();
  }

  async until(time: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const mark = { time };
    this.#times.add(mark);
    try {
      for (;;) {
        const left = time - performance.now();
        if (left > TIMER_MS) await pause(left - TIMER_MS, signal);
        // Whoever must be woken first has its turn, also where all of them are late: timers do not keep the order.
        else if (this.#first() < time) await pause(0, signal);
        else return wait(time);
      }
    } finally {
      this.#times.delete(mark);
    }
  }

  #first(): number {
    return this.#times.values().reduce((first, { time }) => Math.min(first, time), Infinity);
  }
}

/**
 * A clock that stands still while somebody looks at what there is: what is due by it, or late, is so by as much later.
 */
export class StoppableClock implements Clock {
  readonly #clock: Clock;
  /** How long it has stood still, but for the time since it stopped, in milliseconds. */
  #stoodMs = 0;
  #stopped?: { at: number; over: PromiseWithResolvers<void> };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return (this.#stopped?.at ?? this.#clock.now()) - this.#stoodMs;
  }

  async until(time: number, signal?: AbortSignal): Promise<void> {
    do {
      if (this.#stopped) await bounded(this.#stopped.over.promise, { signal });
      await this.#clock.until(this.real(time), signal);
    } while (this.now() < time);
  }

  /** What the clock that never stands still says at a time of this one, as far as that is known by now. */
  real(time: number): number {
    return time + this.#stoodMs;
  }

  /** Stands still until the result is disposed of. */
  stop(): Disposable {
    const stopped = this.#stopped = { at: this.#clock.now(), over: Promise.withResolvers<void>() };
    return {
      [Symbol.dispose]: () => {
        this.#stoodMs += this.#clock.now() - stopped.at;
        this.#stopped = undefined;
        stopped.over.resolve();
      },
    };
  }

  /** Does something in so many milliseconds by it, by the runtime's timer, unless the result is disposed of before. */
  after(milliseconds: number, late: () => void): Disposable {
    let timer: ReturnType<typeof setTimeout>;
    let isOff = false;
    const arm = (leftMs: number) => {
      const stood = this.#stoodMs;
      const look = () => {
        if (isOff) return;
        if (this.#stopped) return void this.#stopped.over.promise.then(look);
        if (this.#stoodMs > stood) arm(this.#stoodMs - stood);
        else late();
      };
      timer = setTimeout(look, leftMs);
    };
    arm(milliseconds);
    return {
      [Symbol.dispose]() {
        isOff = true;
        clearTimeout(timer);
      },
    };
  }
}

/** Keeps the thread waiting until a time. */
function wait(time: number): void {
  const asleep = time - performance.now() - WAKING_MS;
  if (asleep > 0) Atomics.wait(NOTHING, 0, 0, asleep);
  while (performance.now() < time);
}

/** Waits by the runtime's timer, which may be late by some milliseconds. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

/** By what it is told that something takes too long. */
type Timing = Pick<StoppableClock, "after">;

/** The runtime's timers. */
const REAL: Timing = {
  after(milliseconds, late) {
    const timer = setTimeout(late, milliseconds);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Ends what is done when its time is over; `signal` then has the reason that `late` gives. */
export class Limited implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer?: Disposable;

  constructor(
    milliseconds: number | undefined,
    { signal, clock, late }: { signal: AbortSignal; clock: Timing; late: () => Error },
  ) {
    this.signal = signal;
    if (milliseconds === undefined) return;
    const over = new AbortController();
    this.signal = AbortSignal.any([signal, over.signal]);
    this.#timer = clock.after(milliseconds, () => over.abort(late()));
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }
}

/** It took too long. */
export class TooLate extends Error {
  /** The class's name. */
  override name = "TooLate";
}

/**
 * What a promise resolves to.
 *
 * @throws {TooLate} where it has not within `timeoutMs`, by the clock where one is given, and the signal's reason where that is first
 */
export function bounded<T>(
  work: Promise<T>,
  { timeoutMs, signal, clock = REAL }: { timeoutMs?: number; signal?: AbortSignal; clock?: Timing },
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal?.reason);
  const timer = timeoutMs === undefined ? undefined : clock.after(timeoutMs, () => reject(new TooLate()));
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  work.then(resolve, reject);
  return promise.finally(() => {
    timer?.[Symbol.dispose]();
    signal?.removeEventListener("abort", abort);
  });
}
