import { fromHex, wasmMemory } from "./exchange.ts";
import { hex } from "./tree_wasm.ts";

/** What the module that draws trees and knows filters exports; see `assembly/` for what each does. */
interface Exports {
  decodeFilter(offset: number): number;
  decodeTree(length: number): number;
}

let loaded: Exports | undefined;

/**
 * The module that draws trees and knows filters, made at the first use: what only sends, and reads answers, needs
 * none of it. It works in the exchange buffer, as the other does.
 */
export function treeModule(): Exports {
  return loaded ??= new WebAssembly.Instance(
    new WebAssembly.Module(fromHex(hex)),
    { env: { memory: wasmMemory } },
  ).exports as unknown as Exports;
}
