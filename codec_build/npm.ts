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
const ENTRY = new URL("codec/mod.ts", ROOT).pathname;

/** Says what npm must know; the version is that of plugctl. */
const MANIFEST = {
  name: NAME,
  version: config.version,
  description: "Netlink messages about queueing disciplines: bytes to meaning and back, in any JavaScript engine",
  license: config.license,
  type: "module",
  sideEffects: false,
  exports: { ".": { types: "./mod.d.ts", default: "./mod.js" } },
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
      return importer === ENTRY ? { path: "constants", namespace: "none" } : undefined;
    });
    onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export {};" }));
  },
};

/** The codec as one module, the WebAssembly in it. */
async function bundleCode(): Promise<string> {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    plugins: [withoutConstants],
  });
  await stop();
  return `${text}export ${CONSTANTS}`;
}

/** The types of what it exports, as one module. Their comments would be half of the package. */
async function bundleTypes(): Promise<string> {
  const compilerOptions = { allowImportingTsExtensions: true, noEmit: true, removeComments: true, target: 99 };
  const bundle = await rollup({ input: ENTRY, plugins: [dts({ compilerOptions })] });
  const { output: [{ code, exports }] } = await bundle.generate({
    format: "es",
  });
  return compact(code, exports);
}

/** Has each type exported where it is declared, constants in two statements, and nothing indented: a fifth less. */
function compact(code: string, exports: readonly string[]): string {
  const others: string[] = [];
  const declared = code
    .replaceAll(/^export (type )?\{.*?\};$/gms, "")
    .replaceAll(/^declare const (\w+) = (\d+);$/gm, (_, name, value) => {
      if (!(name in constants)) others.push(`${name}=${value}`);
      return "";
    })
    .replaceAll(
      /^(?:declare \w+|interface|type) (\w+)/gm,
      (declaration, name) => {
        return exports.includes(name) ? `export ${declaration}` : declaration;
      },
    );
  const lines = declared.split("\n").map((line) => line.trim()).filter(Boolean);
  return [`export declare ${CONSTANTS}export declare const ${others.join(",")};`, ...lines, ""].join("\n");
}

async function write(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/mod.js`, await bundleCode());
  await Deno.writeTextFile(`${folder}/mod.d.ts`, await bundleTypes());
  await Deno.writeTextFile(
    `${folder}/package.json`,
    `${JSON.stringify(MANIFEST, null, 2)}\n`,
  );
  await Deno.copyFile(
    new URL("README.md", import.meta.url),
    `${folder}/README.md`,
  );
  await Deno.copyFile(new URL("LICENSE", ROOT), `${folder}/LICENSE`);
}

/** Has npm pack the folder, as it would to publish it. */
async function pack(folder: string): Promise<void> {
  const args = ["pack", "--silent", "--pack-destination", ".", `./${NAME}`];
  const { success } = await new Deno.Command("npm", {
    args,
    cwd: folder,
    stdout: "null",
  }).output();
  if (!success) {
    throw new Error(`Cannot pack ${folder}/${NAME}: npm pack failed`);
  }
}

const [folder = "dist"] = Deno.args;
await write(`${folder}/${NAME}`);
await pack(folder);
const file = `${folder}/${NAME}-${config.version}.tgz`;
console.log(`${file}, ${Deno.statSync(file).size} bytes`);
