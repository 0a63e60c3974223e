import * as v from "valibot";
import { formatHandle, formatParent } from "../../codec/handle.ts";
import { listGates } from "../../gate/gate_state.ts";
import { listPlugs } from "../../plug/qdiscs.ts";
import { MILLISECONDS, NETNS, ON } from "../fields.ts";
import { operation } from "../operation.ts";
import { COUNTERS, type CounterTest, fitsNumber, parseCounterTest } from "../../plug/quantity.ts";
import { countsOf } from "../room.ts";
import { RequestError } from "../problem.ts";

/** `show`: every plug of a network namespace. */
export const SHOW = operation({
  name: "show",
  isFree: true,
  summary: "list the plugs with what they sent, hold and dropped",
  schema: v.strictObject({ ...NETNS }),
  run: ({ netns }, { desk }) =>
    listPlugs(desk.connect(netns)).map(({ dev, parent, handle, stats }) => ({
      dev,
      parent: formatParent(parent),
      handle: formatHandle(handle),
      backlogPackets: stats.backlogPackets,
      backlogBytes: stats.backlogBytes,
      sentPackets: stats.packets,
      sentBytes: stats.bytes,
      drops: stats.drops,
    })),
});

/** `gate-list`: every gate of a network namespace. */
export const GATE_LIST = operation({
  name: "gate-list",
  isFree: true,
  summary: "list the gates with what they match, hold and dropped",
  schema: v.strictObject({ ...NETNS }),
  run: ({ netns }, { desk }) => listGates(desk.connect(netns)),
});

/** How often it is looked, in milliseconds. */
const PAUSE_MS = 1;
const TIMEOUT_MS = 10_000;

/** `counts`: what waits at this moment, and what has left and was dropped since it was made. */
export const COUNTS = operation({
  name: "counts",
  isFree: true,
  summary: "what waits at this moment, and what has left or was dropped",
  schema: v.strictObject({ ...ON }),
  run: (named, { desk }) => desk.find(named).map((thing) => countsOf(thing)),
});

/** `wait`: answers once something is so, `backlog>=1`, over all that are named together. */
export const WAIT = operation({
  name: "wait",
  isFree: true,
  summary: "answer once a condition is so, over all named together: backlog>=1, sent>=3, drops>0",
  isLong: true,
  schema: v.strictObject({ ...ON, until: v.string("a condition: backlog>=1"), timeoutMs: v.optional(MILLISECONDS) }),
  async run({ until, timeoutMs = TIMEOUT_MS, ...named }, { desk, signal }) {
    const { counter, comparison, test } = parseCondition(until);
    const { name } = COUNTERS[counter];
    const things = desk.find(named);
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const counts = things.map((thing) => countsOf(thing));
      const value = counts.reduce((sum, count) => sum + Number(count[name]), 0);
      if (fitsNumber(value, test)) return counts;
      if (performance.now() >= deadline) {
        throw new RequestError("timeout", `after ${timeoutMs} ms ${counter} is ${value}, not ${comparison}`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      signal.throwIfAborted();
    }
  },
});

function parseCondition(text: string): CounterTest {
  try {
    return parseCounterTest(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RequestError("invalid", error.message, { field: "until" });
  }
}
