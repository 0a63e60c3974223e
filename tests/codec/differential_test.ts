// Two decoders that share nothing must say the same. More: deno test -A tests/codec -- --fuzz N --seed S
import { assert, assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { FAMILY } from "./bytes.ts";
import { CAPTURED } from "./captured.ts";
import { disagreement } from "./differential.ts";
import type { Finding, FuzzOptions } from "./fuzz.ts";

Deno.test("decodeReceived() and decode() say what a second decoder says, of every captured message", () => {
  for (const bytes of CAPTURED) assertEquals(disagreement(bytes), undefined, bytes.toHex());
});

Deno.test("decodeReceived() and decode() say what a second decoder says, of every message of the family", () => {
  for (const [name, bytes] of Object.entries(FAMILY)) assertEquals(disagreement(bytes), undefined, name);
});

Deno.test("decodeReceived() and decode() say what a second decoder says, within 1 ms, of 2,000,000 mutants", async () => {
  const options = parseArgs(Deno.args, { string: ["fuzz", "seed"] });
  const count = Number(options.fuzz ?? 2_000_000);
  const seed = Number(options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const threads = Math.min(navigator.hardwareConcurrency, 8);
  console.log(`${count} messages from ${threads} threads; again with: -- --fuzz ${count} --seed ${seed}`);
  const shares = Array.from({ length: threads }, (_, index) => ({
    count: Math.ceil(count / threads),
    seed: seed + index >>> 0,
  }));
  for (const finding of await Promise.all(shares.map(fuzzInThread))) {
    assert(!finding, `${finding?.what}\n${finding?.hex}`);
  }
});

function fuzzInThread(options: FuzzOptions): Promise<Finding | undefined> {
  const worker = new Worker(new URL("fuzz_worker.ts", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<Finding | undefined>) => resolve(event.data);
    worker.onerror = reject;
    worker.postMessage(options);
  });
}
