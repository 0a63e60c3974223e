import { assertEquals, assertThrows } from "@std/assert";
import { findHolds } from "../../../scenario/report/holds.ts";
import { readRunLog } from "../../../scenario/report/run_log.ts";
import { makeTimeline } from "../../../scenario/report/timeline.ts";
import { counters, MADE_LOG, sample, START, stepEvents, unixNsAt } from "./made_log.ts";

Deno.test("findHolds() has each hold with what it held, from the counters at its two ends", () => {
  const log = readRunLog(MADE_LOG);
  assertEquals(findHolds(log), [
    {
      queue: "web",
      from: 100_500,
      to: 300_200,
      packets: 8,
      bytes: 592,
      mostPackets: 8,
      longestWait: 150_200, // since 150,000, when it was seen empty
      isSeen: false,
      drops: 0,
      epochs: 0,
    },
    {
      queue: "web",
      from: 450_500,
      to: 650_500,
      packets: 20,
      bytes: 1480,
      mostPackets: 20,
      longestWait: 199_500,
      isSeen: false,
      drops: 2,
      epochs: 0,
    },
    {
      queue: "out",
      from: 450_500,
      to: 650_500,
      packets: 5,
      bytes: 370,
      mostPackets: 4,
      longestWait: 149_500, // the first epoch's, until it was released
      isSeen: false,
      drops: 0,
      epochs: 1,
    },
  ]);
});

Deno.test("findHolds() has a hold without an end, where the log breaks off", () => {
  const hold = { step: "1", action: "buffer", from: 10, to: 20, asked: 15, queues: ["web"] } as const;
  const stats = { before: { web: counters(3, 0) }, after: { web: counters(3, 0) } };
  const log = readRunLog([
    START,
    ...stepEvents({ ...hold, queues: ["web"], ...stats }),
    sample(30, { web: counters(3, 2) }),
    sample(70, { web: counters(3, 4) }),
  ]);
  const [{ to, packets, longestWait, ...rest }, ...others] = findHolds(log);
  assertEquals({ to, packets, longestWait, others }, { to: undefined, packets: 4, longestWait: 50, others: [] });
  assertEquals(rest.mostPackets, 4);
});

Deno.test("findHolds() goes on with a hold of which packets were released by number", () => {
  const of = (step: string, action: "buffer" | "release-packets" | "release-indefinite", from: number) => ({
    ...{ step, action, from, to: from + 10, asked: from + 5, queues: ["web"] },
  });
  const log = readRunLog([
    START,
    ...stepEvents({ ...of("1", "buffer", 10), before: { web: counters(3, 0) }, after: { web: counters(3, 0) } }),
    sample(40, { web: counters(3, 4) }),
    ...stepEvents({
      ...of("2", "release-packets", 50),
      before: { web: counters(3, 4) },
      after: { web: counters(4, 3) },
    }),
    ...stepEvents({
      ...of("3", "release-indefinite", 90),
      before: { web: counters(4, 3) },
      after: { web: counters(7, 0) },
    }),
  ]);
  const [{ from, to, packets, mostPackets, epochs }, ...others] = findHolds(log);
  assertEquals([from, to, packets, mostPackets, epochs, others], [15, 95, 4, 4, 0, []]);
});

Deno.test("findHolds() has what waited till the guardian, a signal or others let it go", () => {
  const of = (step: string, action: "buffer" | "release-indefinite", from: number) => ({
    ...{ step, action, from, to: from + 10, asked: from + 5, queues: ["web"] },
    before: { web: counters(action === "buffer" ? 3 : 5, 0) },
    after: { web: counters(action === "buffer" ? 3 : 5, 0) },
  });
  const log = readRunLog([
    START,
    ...stepEvents(of("1", "buffer", 10)),
    sample(30, { web: counters(3, 0) }),
    sample(40, { web: counters(3, 2) }),
    // By no step.
    sample(90, { web: counters(5, 0) }),
    ...stepEvents(of("undo.release", "release-indefinite", 200)),
  ]);
  const [{ packets, longestWait }] = findHolds(log);
  assertEquals({ packets, longestWait }, { packets: 2, longestWait: 60 });
});

Deno.test("findHolds() leaves out what was not done", () => {
  const step = { step: "1", action: "buffer", from: 10, to: 20, queues: ["web"], outcome: "failed" } as const;
  const log = readRunLog([START, ...stepEvents({ ...step, queues: ["web"], before: { web: counters(0, 0) } })]);
  assertEquals(findHolds(log), []);
});

Deno.test("readRunLog() puts steps where they belong, in whatever order branches tell of them", () => {
  const made = (step: string, from: number, to: number) => stepEvents({ step, action: "log", from, to });
  const [start, end] = made("1", 0, 100);
  const [left, leftEnd] = made("1.left", 1, 90);
  const [right, rightEnd] = made("1.right", 1, 80);
  const steps = [made("1.left.1", 2, 50), made("1.right.1", 3, 40)];
  const [[first, firstEnd], [second, secondEnd]] = steps;
  const events = [START, start, left, right, first, second, secondEnd, firstEnd, rightEnd, leftEnd, end];
  const [one, ...others] = readRunLog(events).steps;
  assertEquals(others, []);
  assertEquals(one.steps.map((branch) => [branch.start.step, ...branch.steps.map((step) => step.end?.step)]), [
    ["1.left", "1.left.1"],
    ["1.right", "1.right.1"],
  ]);
});

Deno.test("readRunLog() refuses what is no log", () => {
  const [start, end] = stepEvents({ step: "1", action: "log", from: 0, to: 1 });
  assertThrows(() => readRunLog([start]), SyntaxError, "does not begin with its start");
  assertThrows(() => readRunLog([START, end]), SyntaxError, "step 1 ends that was not begun");
});

Deno.test("makeTimeline() has the backlog from when a queue is there until it is not", () => {
  const log = readRunLog(MADE_LOG);
  const { times, queues, duration } = makeTimeline(log, findHolds(log));
  assertEquals([times[0], times.at(-1), duration], [0, 800_000, 800_000]);
  const at = (queue: number, t: number) => queues[queue].backlog[times.findLastIndex((time) => time <= t)];
  assertEquals(queues.map(({ name }) => name), ["web", "out"]);
  assertEquals([0, 50_000, 165_000, 250_000, 302_000, 800_000].map((t) => at(0, t)), [null, 0, 3, 8, 0, null]);
  assertEquals([0, 460_000, 510_000, 600_500, 640_000, 800_000].map((t) => at(1, t)), [null, 0, 2, 4, 1, 0]);
});

Deno.test("makeTimeline() has one bar for a process that is told of twice", () => {
  const log = readRunLog(MADE_LOG);
  const { processes } = makeTimeline(log, []);
  assertEquals(processes.map(({ name, bars }) => [name, bars.map(({ from, to }) => [from, to])]), [
    ["load", [[60_000, 735_000]]],
    ["commands", [[111_000, 249_000]]],
  ]);
});

Deno.test("findHolds() takes from the packets how long one waited, where they were seen", () => {
  const [start, ...rest] = MADE_LOG;
  const seen = [
    { event: "packet-out", t: 301_000, queue: "web", length: 74, what: "SYN", number: 1, waited: 120_000 },
    { event: "packet-out", t: 301_100, queue: "web", length: 74, what: "SYN", number: 2, waited: 90_000 },
    { event: "packet-out", t: 90_000, queue: "web", length: 74, what: "SYN", number: 3, waited: 400_000 },
    { event: "packet-out", t: 302_000, queue: "web", length: 74, what: "SYN" },
  ] as const;
  const packets = seen.map((packet) => ({ ...packet, unixNs: unixNsAt(packet.t) }));
  const holds = findHolds(readRunLog([start, ...packets, ...rest]));
  assertEquals(holds.map(({ queue, isSeen, longestWait }) => [queue, isSeen, longestWait]), [
    ["web", true, 120_000],
    ["web", false, 199_500],
    ["out", false, 149_500],
  ]);
});
