import { assert, assertEquals, assertThrows } from "@std/assert";
import { base64 } from "../../codec/wasm.ts";

const bytes = Uint8Array.fromBase64(base64);

Deno.test("the module has at most 6 KiB", () => {
  assert(bytes.length <= 6144, `${bytes.length} bytes`);
});

Deno.test("the module imports nothing, so that it has no runtime and no way to abort", () => {
  assertEquals(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
});

Deno.test("the module's memory is fixed: it cannot grow, which would detach every view", () => {
  const memory = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.memory as WebAssembly.Memory;
  assertEquals(memory.buffer.byteLength, 1 << 20);
  assertThrows(() => memory.grow(1), RangeError);
});

Deno.test("the module's every function does numbers alone", () => {
  const kinds = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name, kind }) => `${kind} ${name}`);
  assertEquals(kinds.sort(), [
    "function decodeChunk",
    "function decodeSlots",
    "function decodeTree",
    "function encodeBatch",
    "function encodeQdisc",
    "function layTree",
    "function patchBatch",
    "function verifyAcks",
    "memory memory",
  ]);
});
