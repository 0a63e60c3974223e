import { assert, assertEquals, assertThrows } from "@std/assert";
import { hex } from "../../codec/wasm.ts";

const bytes = Uint8Array.fromHex(hex);

function exportsOf(module: Uint8Array<ArrayBuffer>): string[] {
  return WebAssembly.Module.exports(new WebAssembly.Module(module)).map(({ name, kind }) => `${kind} ${name}`).sort();
}

Deno.test("the module has at most 4 KiB", () => {
  assert(bytes.length <= 4096, `${bytes.length} bytes`);
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
  assertEquals(exportsOf(bytes), [
    "function decodeChunk",
    "function decodeSlots",
    "function verifyAcks",
    "memory memory",
  ]);
});
