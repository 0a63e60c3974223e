// Compiles codec/assembly into codec/wasm.ts and codec/tree_wasm.ts, or with --check tells whether that is what is
// committed.
import asc from "assemblyscript/asc";
import { MEMORY_PAGES, TREE_DATA_AT } from "../codec/assembly/regions.ts";

const CODEC = new URL("../codec/", import.meta.url);

/** A module, and what is asked for it alone. */
interface Variant {
  target: URL;
  index: string;
  what: string;
  options: readonly string[];
}

const VARIANTS: readonly Variant[] = [{
  target: new URL("wasm.ts", CODEC),
  index: "index.ts",
  what: "The codec's WebAssembly",
  options: [],
}, {
  target: new URL("tree_wasm.ts", CODEC),
  index: "index_trees.ts",
  what: "The WebAssembly that draws trees and knows filters",
  options: ["--importMemory", "--memoryBase", `${TREE_DATA_AT}`],
}];

async function compile({ index, options }: Variant): Promise<Uint8Array> {
  const sources = new URL("assembly/", CODEC);
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await asc.main([
    index,
    ...options,
    "--outFile",
    "codec.wasm",
    "--optimizeLevel",
    "3",
    "--shrinkLevel",
    "1",
    "--converge",
    "--runtime",
    "stub",
    "--initialMemory",
    `${MEMORY_PAGES}`,
    "--maximumMemory",
    `${MEMORY_PAGES}`,
    "--enable",
    "simd",
  ], {
    readFile: (name: string) => readSource(new URL(name, sources)),
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") bytes = contents;
    },
    listFiles: () => [],
  });
  if (error || !bytes) {
    throw new Error(`Cannot compile codec/assembly: ${stderr.toString()}`, {
      cause: error,
    });
  }
  return bytes;
}

function readSource(url: URL): string | null {
  try {
    return Deno.readTextFileSync(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function moduleText({ what }: Variant, bytes: Uint8Array): string {
  return [
    "// Made by `deno task build` from codec/assembly: do not edit.",
    `/** ${what}, ${bytes.length} bytes, in hex. */`,
    `export const hex = "${bytes.toHex()}";`,
    "",
  ].join("\n");
}

for (const variant of VARIANTS) {
  const text = moduleText(variant, await compile(variant));
  if (!Deno.args.includes("--check")) {
    await Deno.writeTextFile(variant.target, text);
  } else if (await Deno.readTextFile(variant.target) !== text) {
    console.error(
      `${variant.target.pathname} is not what codec/assembly compiles to; make it anew with: deno task build`,
    );
    Deno.exit(1);
  }
}
