import { assert, assertEquals, assertRejects } from "@std/assert";
import { bounded, type Clock, PreciseClock, StoppableClock, TooLate } from "../../scenario/run/clock.ts";

Deno.test("PreciseClock.until() resolves at the time or later, never before, and at once for a time that is over", async () => {
  const clock = new PreciseClock();
  for (const milliseconds of [0, 0.2, 1, 4.5]) {
    const time = clock.now() + milliseconds;
    await clock.until(time);
    assert(clock.now() >= time, `${clock.now() - time} ms before ${milliseconds} ms`);
  }
  await clock.until(clock.now() - 1000);
});

Deno.test("PreciseClock.until() wakes those who wait for an earlier time first", async () => {
  const clock = new PreciseClock();
  const now = clock.now() + 500; // so that all wait before any is woken
  const order: number[] = [];
  await Promise.all([9, 7.5, 1, 8, 0].map(async (milliseconds) => {
    await clock.until(now + milliseconds);
    order.push(milliseconds);
  }));
  assertEquals(order, [0, 1, 7.5, 8, 9]);
});

Deno.test("PreciseClock.until() rejects with the signal's reason, before and while it waits", async () => {
  const clock = new PreciseClock();
  const reason = new Error("enough");
  assertEquals(await assertRejects(() => clock.until(clock.now(), AbortSignal.abort(reason))), reason);
  const controller = new AbortController();
  const waiting = clock.until(clock.now() + 3_600_000, controller.signal);
  controller.abort(reason);
  assertEquals(await assertRejects(() => waiting), reason);
});

/** A clock that is moved by hand. */
class HandClock implements Clock {
  time = 0;
  readonly waiting: { time: number; resolve: () => void }[] = [];

  now(): number {
    return this.time;
  }

  until(time: number): Promise<void> {
    return new Promise((resolve) => this.time >= time ? resolve() : void this.waiting.push({ time, resolve }));
  }

  async to(time: number): Promise<void> {
    this.time = time;
    for (const one of this.waiting.splice(0)) {
      if (one.time <= time) one.resolve();
      else this.waiting.push(one);
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("StoppableClock stands still while it is stopped: what was due is due as much later", async () => {
  const hand = new HandClock();
  const clock = new StoppableClock(hand);
  let isOver = false;
  clock.until(100).then(() => isOver = true);
  await hand.to(40);
  const still = clock.stop();
  await hand.to(140);
  assertEquals([clock.now(), isOver], [40, false]);
  still[Symbol.dispose]();
  assertEquals([clock.now(), clock.real(100)], [40, 200]);
  await hand.to(199);
  assertEquals([clock.now(), isOver], [99, false]);
  await hand.to(200);
  assertEquals([clock.now(), isOver], [100, true]);
});

Deno.test("StoppableClock.after() does nothing while it stands still, nor as long afterwards as it did, nor when it is disposed of", async () => {
  const clock = new StoppableClock(new PreciseClock());
  const from = performance.now();
  let doneMs: number | undefined;
  const { promise, resolve } = Promise.withResolvers<void>();
  using _timer = clock.after(30, () => {
    doneMs = performance.now() - from;
    resolve();
  });
  const never = clock.after(40, () => doneMs = NaN);
  {
    using _still = clock.stop();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(doneMs, undefined);
  }
  never[Symbol.dispose]();
  await promise;
  // Timers of the runtime may be early by a millisecond.
  assert((doneMs ?? 0) >= 128, `${doneMs} ms`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert(!Number.isNaN(doneMs));
});

Deno.test("bounded() by a clock that stands still is late once that goes on", async () => {
  const clock = new StoppableClock(new PreciseClock());
  const still = clock.stop();
  const never = Promise.withResolvers<void>();
  const waiting = bounded(never.promise, { timeoutMs: 10, clock });
  const first = await Promise.race([
    waiting.catch((error) => error),
    new Promise((resolve) => setTimeout(resolve, 50, "still")),
  ]);
  assertEquals(first, "still");
  still[Symbol.dispose]();
  await assertRejects(() => waiting, TooLate);
});
