// What a session adds to a change, in this process, over the kernel's part of it: prints "work nanoseconds" a line.
import { Desk } from "../../control/desk.ts";
import { Session } from "../../control/session.ts";
import { Connection } from "../../netlink/connection.ts";
import { changeRequest } from "../../plug/plug_requests.ts";

const MEASURED_MS = 300;
const RUNS = 5;
const [dev] = Deno.args;

/** Nanoseconds a change of the quickest of five runs. */
async function measure(changes: number, work: () => void | Promise<void>): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const from = performance.now();
    let rounds = 0;
    for (; performance.now() - from < MEASURED_MS; rounds++) await work();
    best = Math.min(best, (performance.now() - from) / rounds);
  }
  return best / changes * 1e6;
}

const said: unknown[] = [];
const desk = new Desk({ maxHoldMs: 3_600_000, onCutShort: (event) => said.push(event) });
const session = new Session(desk, (line) => void said.push(line));
await session.take(JSON.stringify({ id: 0, op: "attach", dev }));
const { place } = desk.find({ dev: [dev] })[0].plug;
using connection = Connection.open();
const [block, pass] = (["buffer", "release-indefinite"] as const).map((action) => changeRequest(place, action));
const kernel = await measure(2, () => {
  connection.transact([block]);
  connection.transact([pass]);
});
const lines = [
  { id: 1, op: "buffer", on: dev },
  { id: 2, op: "release", on: dev, count: false },
].map((request) => JSON.stringify(request));
const whole = await measure(2, async () => {
  for (const line of lines) await session.take(line);
});
const failed = said.find((line) => (line as { error?: unknown }).error);
if (failed) throw new Error(JSON.stringify(failed));
await desk.close();
console.log("kernel", kernel);
console.log("session", whole);
