import { fromBase64, wasmMemory } from "./exchange.ts";
import { base64 } from "./filter_wasm.ts";

/** What the module that knows filters exports; see `assembly/` for what each does. */
interface Exports {
  decodeFilter(offset: number): number;
  decodeTree(length: number): number;
}

let loaded: Exports | undefined;

/**
 * The module that knows filters, made at the first use: most programs see none. It works in the exchange buffer,
 * as the other does.
 */
export function filterModule(): Exports {
  return loaded ??= new WebAssembly.Instance(
    new WebAssembly.Module(fromBase64(base64)),
    { env: { memory: wasmMemory } },
  ).exports as unknown as Exports;
}
