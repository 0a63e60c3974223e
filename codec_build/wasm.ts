// Compiles codec/assembly into codec/wasm.ts, or with --check tells whether that is what is committed.
import asc from "assemblyscript/asc";
import { MEMORY_PAGES } from "../codec/assembly/regions.ts";

const CODEC = new URL("../codec/", import.meta.url);

const TARGET = new URL("wasm.ts", CODEC);

async function compile(): Promise<Uint8Array> {
  const sources = new URL("assembly/", CODEC);
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await asc.main([
    "index.ts",
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

function moduleText(bytes: Uint8Array): string {
  return [
    "// Made by `deno task build` from codec/assembly: do not edit.",
    `/** The codec's WebAssembly, ${bytes.length} bytes, in hex. */`,
    `export const hex = "${bytes.toHex()}";`,
    "",
  ].join("\n");
}

const text = moduleText(await compile());
if (!Deno.args.includes("--check")) {
  await Deno.writeTextFile(TARGET, text);
} else if (await Deno.readTextFile(TARGET) !== text) {
  console.error(`${TARGET.pathname} is not what codec/assembly compiles to; make it anew with: deno task build`);
  Deno.exit(1);
}
