/**
 * Ten clients of a server that act all the time, under traffic: nothing is lost, and nothing grows.
 *
 * `PLUGCTL_MINUTES` says for how long 10,000 actions a minute are asked for, three by `deno task test:load`; if it says
 * nothing, 2,000 are as fast as they can be.
 */

import { assert, assertEquals } from "@std/assert";
import { descriptors } from "./descriptors.ts";
import { WAIT, witness } from "./gate_pair.ts";
import { Served } from "./served.ts";
import { underTraffic } from "./traffic.ts";
import { until } from "./until.ts";

const MINUTES = Number(Deno.env.get("PLUGCTL_MINUTES") ?? 0);
const CLIENTS = 10;
const ACTIONS = MINUTES === 0 ? 2000 : MINUTES * 10_000;
/** In one request. */
const TOGETHER = 20;
const ROUNDS = ACTIONS / CLIENTS / TOGETHER;
const ROUND_MS = MINUTES * 60_000 / ROUNDS;
/** Which part of the rounds comes before it is counted what is open: the server compiles and fills its caches. */
const WARM_UP = 0.2;
/** By how much its memory may differ, in MiB: V8 keeps up to 32 for what is new. */
const GROWTH_MAX = 40;
const GATE = { name: "web", dev: "eth0", direction: "out", match: "udp dst port 9000" };

/** What a client asks for: it holds what all send, lets it go, looks, and does the same to a gate of its own. */
function actionsOf(client: number): unknown[] {
  const own = `own${client}`;
  const five = [
    { op: "buffer", on: "web", orphan: true },
    { op: "buffer", on: own, orphan: true },
    { op: "counts", on: own },
    { op: "release", on: own, count: false },
    { op: "release", on: "web", count: false },
  ];
  return Array.from({ length: TOGETHER / five.length }, () => five).flat();
}

function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]) / 1024;
}

Deno.test(`${ACTIONS} actions of ten clients lose no packet, and leave nothing open`, async () => {
  await using served = await Served.start();
  assertEquals((await served.ask("/v1/gates", GATE)).status, 201);
  const clients = Array.from({ length: CLIENTS }, (_, number) => number);
  for (const number of clients) {
    const match = `udp dst port ${9100 + number}`;
    assertEquals((await served.ask("/v1/gates", { ...GATE, name: `own${number}`, match })).status, 201);
  }
  const { pid } = served.process;
  const samples: { open: number; memory: number }[] = [];
  const sample = () => samples.push({ open: descriptors(pid).length, memory: memoryOf(pid) });
  const from = performance.now();
  const { pair } = served;
  const arrival = await underTraffic(
    { from: pair.left, to: pair.right, address: pair.ends[1].ipv4, rate: 200 },
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        if (round === Math.floor(ROUNDS * WARM_UP)) sample();
        const answers = await Promise.all(clients.map((number) => served.ask("/v1/actions", actionsOf(number))));
        for (const { status, body } of answers) {
          assertEquals(status, 200);
          const failed = (body as unknown as { error?: { code: string; message: string } }[]).find(({ error }) =>
            error
          );
          assertEquals(failed, undefined);
        }
        await new Promise((resolve) =>
          setTimeout(resolve, Math.max(0, from + (round + 1) * ROUND_MS - performance.now()))
        );
      }
      await served.ask("/v1/release", { on: "web" });
    },
  );
  const seconds = (performance.now() - from) / 1000;
  const [before] = samples;
  await until(() => descriptors(pid).length <= before.open, { ...WAIT, what: "no more open than before" });
  sample();
  const [, after] = samples;
  const figures = samples.map(({ open, memory }) => `${open} open, ${memory.toFixed(1)} MiB`).join(", in the end ");
  console.log(`${ACTIONS} actions in ${seconds.toFixed(0)} s; ${arrival.sent} packets; ${figures}`);
  assertEquals([arrival.lost, arrival.reordered], [0, 0], `of ${arrival.sent}`);
  assert(after.memory - before.memory <= GROWTH_MAX, figures);
  assertEquals((await served.ask("/v1/reset", undefined, "POST")).status, 200);
  assertEquals(witness(pair.left), served.before);
});
