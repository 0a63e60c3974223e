// What our codec costs a process that has only just begun: the module, and the first long dump.
import { DUMP, dumpChunk, report } from "./input.ts";

const { bytes, count } = dumpChunk();
const source = await Deno.readTextFile(new URL("../../codec/wasm.ts", import.meta.url));
const hex = /"(.*)"/.exec(source)?.[1] ?? "";
const before = performance.now();
new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.fromHex(hex)));
const startUp = performance.now() - before;

const { readReceived, receiveRegion } = await import("../../codec/mod.ts");
report({ "start-up": startUp * 1e6, "first-dump": firstDump() });

function firstDump(): number {
  const from = performance.now();
  for (let left = DUMP; left > 0; left -= count) decodeDump();
  return (performance.now() - from) * 1e6;
}

/** Reads 11 fields of each message, from where a socket has put it. */
function decodeDump(): number {
  receiveRegion.set(bytes);
  const records = readReceived(bytes.length);
  let sum = 0;
  while (records.next()) {
    sum ^= records.ifindex ^ records.handle ^ records.parent ^ records.kind.length ^ records.bytes ^ records.packets ^
      records.backlogPackets ^ records.backlogBytes ^ records.drops ^ records.requeues ^ records.overlimits;
  }
  return sum;
}
