import { assert, assertEquals, assertRejects } from "@std/assert";
import { PreciseClock } from "../../scenario/run/clock.ts";

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
