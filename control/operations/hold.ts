import * as v from "valibot";
import { HOLD_MS, LIMIT_BYTES, ON } from "../fields.ts";
import { operation } from "../operation.ts";
import type { Desk, Named } from "../desk.ts";
import { PACKETS_MAX } from "../../plug/quantity.ts";

/** `buffer`: holds from here on; again, it ends the epoch and begins the next. */
export const BUFFER = operation({
  name: "buffer",
  summary: "hold packets from here on; again: end the epoch and begin the next",
  isShared: true,
  schema: v.strictObject({
    ...ON,
    maxMs: v.optional(HOLD_MS),
    orphan: v.optional(v.boolean()),
    force: v.optional(v.boolean()),
  }),
  run({ maxMs, orphan, force: bypass = false, ...named }, { desk }) {
    const things = desk.findToHold(named, maxMs);
    // That it can lock out is no reason to refuse: there is a deadline.
    desk.group(things).buffer({ force: true, bypass, orphan, maxHoldMs: maxMs });
    desk.heed(things);
    return things.map(({ name }) => ({ name, maxMs: maxMs ?? desk.maxHoldMs }));
  },
});

/** `hold`: holds for a time, says when that has begun, and answers when it has ended and all has left. */
export const HOLD = operation({
  name: "hold",
  summary: "hold for forMs, say holding when it has begun, and answer what was held when it has ended",
  isLong: true,
  schema: v.strictObject({ ...ON, forMs: HOLD_MS, force: v.optional(v.boolean()) }),
  async run({ forMs, force: bypass, ...named }, { desk, signal, tell }) {
    const things = desk.findToHold(named, forMs);
    const maxMs = Math.max(desk.maxHoldMs, forMs + GRACE_MS);
    await using hold = desk.group(things).hold({ maxMs, guardian: desk.guardian, exclusive: true, bypass });
    tell({ event: "holding", names: things.map(({ name }) => name) });
    const over = Promise.withResolvers<void>();
    const end = () => over.resolve();
    const timer = setTimeout(end, forMs);
    signal.addEventListener("abort", end, { once: true });
    using _watch = desk.watch(things, end);
    await over.promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    const { heldMs, cutShort, queues } = hold.release();
    return {
      heldMs,
      cutShort,
      queues: queues.map(({ packets, bytes, drops }, index) => ({ name: things[index].name, packets, bytes, drops })),
    };
  },
});

/** How much later than its end the guardian ends it. */
const GRACE_MS = 5000;

const COUNT = v.optional(v.boolean());
/** How many of the oldest packets of each gate. */
const PACKETS = v.pipe(
  v.number("a number of packets"),
  v.integer("a whole number"),
  v.minValue(1, "at least 1"),
  v.maxValue(PACKETS_MAX, `at most ${PACKETS_MAX}`),
);

/** `release`: releases everything, and passes packets from here on; or the oldest packets of gates, and holds the rest. */
export const RELEASE = operation({
  name: "release",
  isFree: true,
  summary: "release everything and pass packets from here on; with packets only so many, and hold the rest",
  isShared: true,
  schema: v.strictObject({ ...ON, count: COUNT, packets: v.optional(PACKETS) }),
  run: (input, { desk }) => release(desk, { ...input, one: false }),
});

/** `release-one`: releases the epoch that the last `buffer` ended. */
export const RELEASE_ONE = operation({
  name: "release-one",
  isFree: true,
  summary: "release the epoch that the last buffer ended, and go on holding",
  isShared: true,
  schema: v.strictObject({ ...ON, count: COUNT }),
  run: (input, { desk }) => release(desk, { ...input, one: true }),
});

/** `release-paced`: releases step by step, and passes packets from the end on. */
export const RELEASE_PACED = operation({
  name: "release-paced",
  isFree: true,
  summary: "release the packets of gates step by step: packetsPerSecond, or all within overMs",
  isLong: true,
  schema: v.strictObject({
    ...ON,
    packetsPerSecond: v.optional(v.pipe(v.number("a number of packets a second"), v.gtValue(0, "more than 0"))),
    overMs: v.optional(HOLD_MS),
  }),
  async run({ packetsPerSecond, overMs, ...named }, { desk, signal }) {
    const things = desk.find(named);
    const reports = await desk.group(things).releasePaced({
      packetsPerSecond,
      overMs,
      signal,
      guardian: desk.guardian,
    });
    return reports.map(({ queue: _, ...counts }, index) => ({ name: things[index].name, ...counts }));
  },
});

/** `discard`: discards all that gates hold, and goes on holding. */
export const DISCARD = operation({
  name: "discard",
  summary: "discard what gates hold, and go on holding: the packets are gone",
  schema: v.strictObject(ON),
  run(named, { desk }) {
    const things = desk.findToHold(named);
    return desk.group(things).discard().map(({ queue: _, ...counts }, index) => ({
      name: things[index].name,
      ...counts,
    }));
  },
});

/** Releases, and unless that is not asked for waits until it shows how much has left. */
async function release(
  desk: Desk,
  { one, count = true, packets, ...named }: Named & { one: boolean; count?: boolean; packets?: number },
): Promise<Record<string, unknown>[]> {
  const things = desk.find(named);
  const group = desk.group(things);
  if (!count && packets === undefined) {
    if (one) group.releaseOne();
    else group.release();
    return things.map(({ name }) => ({ name }));
  }
  const reports = await group.releaseAndCount({ one, packets });
  return reports.map(({ releasedPackets, waitingPackets, lostPackets }, index) => ({
    name: things[index].name,
    releasedPackets,
    waitingPackets,
    lostPackets,
  }));
}

/** `limit`: sets how much is held at the most; what comes beyond it is dropped. */
export const LIMIT = operation({
  name: "limit",
  summary: "set the queue limit: what comes beyond it is dropped",
  isShared: true,
  schema: v.strictObject({ ...ON, limitBytes: LIMIT_BYTES }),
  run({ limitBytes, ...named }, { desk }) {
    const things = desk.findToHold(named);
    desk.group(things).setLimit(limitBytes);
    return things.map(({ name }) => ({ name, limitBytes }));
  },
});
