import { assert, assertEquals, assertThrows } from "@std/assert";
import { hex as treeHex } from "../../codec/tree_wasm.ts";
import { hex } from "../../codec/wasm.ts";

const bytes = Uint8Array.fromHex(hex);
const treeBytes = Uint8Array.fromHex(treeHex);

function exportsOf(module: Uint8Array<ArrayBuffer>): string[] {
  return WebAssembly.Module.exports(new WebAssembly.Module(module)).map(({ name, kind }) => `${kind} ${name}`).sort();
}

Deno.test("the modules have at most 5 KiB each", () => {
  for (const module of [bytes, treeBytes]) assert(module.length <= 5120, `${module.length} bytes`);
});

Deno.test("the module imports nothing, so that it has no runtime and no way to abort", () => {
  assertEquals(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
});

Deno.test("the module that draws trees imports nothing but the memory of the other", () => {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(treeBytes));
  assertEquals(imports, [{ module: "env", name: "memory", kind: "memory" }]);
});

Deno.test("the module's memory is fixed: it cannot grow, which would detach every view", () => {
  const memory = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.memory as WebAssembly.Memory;
  assertEquals(memory.buffer.byteLength, 1 << 20);
  assertThrows(() => memory.grow(1), RangeError);
});

Deno.test("the modules' every function does numbers alone", () => {
  assertEquals(exportsOf(bytes), [
    "function decodeChunk",
    "function decodeSlots",
    "function encodeBatch",
    "function encodeChange",
    "function layTree",
    "function patchBatch",
    "function verifyAcks",
    "memory memory",
  ]);
  assertEquals(exportsOf(treeBytes), ["function decodeFilter", "function decodeTree", "memory memory"]);
});
