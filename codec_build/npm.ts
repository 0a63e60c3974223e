/**
 * Makes the npm package `plugctl-codec`: `npm.ts [FOLDER]`, into `dist` where none is given. It leaves the package's
 * files in `FOLDER/plugctl-codec`, and beside them what npm packs of them.
 *
 * @module
 */
import { build, type Plugin, stop } from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
// What dts uses: without this it is given the latest, which from 7 on has no API.
import "typescript";
import * as constants from "../codec/assembly/constants.ts";
import config from "../deno.json" with { type: "json" };

const NAME = "plugctl-codec";
const ROOT = new URL("../", import.meta.url);
const CORE = new URL("codec/mod.ts", ROOT).pathname;
const ENTRIES = { mod: CORE, family: new URL("codec/family.ts", ROOT).pathname };

/** Says what npm must know; the version is that of plugctl. Old resolvers find the entries by `main` and by their files. */
const MANIFEST = {
  name: NAME,
  version: config.version,
  description:
    "Linux rtnetlink messages of ip and tc as trees of named fields, and back: qdiscs, links, routes, filters",
  keywords: ["netlink", "rtnetlink", "linux", "tc", "qdisc", "iproute2", "codec", "decoder", "webassembly"],
  license: config.license,
  repository: "github:plugctl/plugctl",
  type: "module",
  sideEffects: false,
  main: "./mod.js",
  types: "./mod.d.ts",
  exports: {
    ".": { types: "./mod.d.ts", default: "./mod.js" },
    "./family": { types: "./family.d.ts", default: "./family.js" },
    "./package.json": "./package.json",
  },
  engines: { node: ">=20" },
};

/**
 * The kernel's constants, which stand by themselves: exported under other names they would take twice the room. The code
 * ends with the same text with which the types begin, which npm packs behind it: it takes no room twice.
 */
const CONSTANTS = `const ${Object.entries(constants).map((pair) => pair.join("=")).join(",")};\n`;

/** Has nothing exported in their place. */
const withoutConstants: Plugin = {
  name: "without constants",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /assembly\/constants\.ts$/ }, ({ importer }) => {
      return importer === CORE ? { path: "constants", namespace: "none" } : undefined;
    });
    onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export {};" }));
  },
};

/** The files of the code by their names: both entries, and what they share, the WebAssembly in it. */
async function bundleCode(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: ENTRIES,
    bundle: true,
    splitting: true,
    chunkNames: "shared",
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "/",
    write: false,
    plugins: [withoutConstants],
  });
  await stop();
  const files = new Map(outputFiles.map(({ path, text }) => [path.split("/").at(-1) ?? path, text]));
  files.set("mod.js", `${files.get("mod.js")}export ${CONSTANTS}`);
  return files;
}

/** The types of what both entries export, with their docs, by the names of their files. */
async function bundleTypes(): Promise<Map<string, string>> {
  const compilerOptions = { allowImportingTsExtensions: true, noEmit: true, target: 99 };
  const bundle = await rollup({ input: ENTRIES, plugins: [dts({ compilerOptions })] });
  const { output } = await bundle.generate({ format: "es", chunkFileNames: "shared.d.ts" });
  return new Map(output.flatMap((file) => file.type === "chunk" ? [[typesName(file.fileName), file.code]] : []));
}

function typesName(fileName: string): string {
  return fileName.replace(/(\.d)?\.[jt]s$/, ".d.ts");
}

async function write(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, text] of [...await bundleCode(), ...await bundleTypes()]) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  await Deno.writeTextFile(`${folder}/package.json`, `${JSON.stringify(MANIFEST, null, 2)}\n`);
  await Deno.copyFile(new URL("README.md", import.meta.url), `${folder}/README.md`);
  await Deno.copyFile(new URL("LICENSE", ROOT), `${folder}/LICENSE`);
}

/** Has npm pack the folder, as it would to publish it. */
async function pack(folder: string): Promise<void> {
  const args = ["pack", "--silent", "--pack-destination", ".", `./${NAME}`];
  const { success } = await new Deno.Command("npm", { args, cwd: folder, stdout: "null" }).output();
  if (!success) throw new Error(`Cannot pack ${folder}/${NAME}: npm pack failed`);
}

const [folder = "dist"] = Deno.args;
await write(`${folder}/${NAME}`);
await pack(folder);
const file = `${folder}/${NAME}-${config.version}.tgz`;
console.log(`${file}, ${Deno.statSync(file).size} bytes`);
