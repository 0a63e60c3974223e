/**
 * `deno task package [--target TRIPLE] [--folder FOLDER]`: compiles plugctl and packs it, into `dist` by default: a
 * `.tar.gz` and a `.deb` for that target, a `.tar.gz` of JavaScript for Deno, which is for every target, the Ansible
 * collection, and `SHA256SUMS` of what is packed there. The same sources make the same bytes.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { options, runProgram } from "./program.ts";
import { makeTarball, sourceDate, writeSums } from "./archive.ts";
import { compileBinary, findTarget } from "./binary.ts";
import { makeDebianPackage } from "./debian.ts";
import { makeCollection } from "./collection.ts";
import { bundleProgram } from "./javascript.ts";
import { asBinary, asBundle, layout } from "./layout.ts";

await runProgram("package", async () => {
  const { target: triple, folder } = options({ target: Deno.build.target, folder: "dist" });
  const target = findTarget(triple);
  await Deno.mkdir(folder, { recursive: true });
  const scratch = await Deno.makeTempDir({ prefix: "plugctl-" });
  const [binary, bundle] = [`${scratch}/plugctl`, `${scratch}/bundle`];
  try {
    await compileBinary(binary, target);
    await bundleProgram(bundle);
    const { version } = config;
    const date = await sourceDate();
    await makeTarball(`${folder}/plugctl-${version}-deno.tar.gz`, {
      version,
      files: await layout(asBundle(bundle)),
      date,
    });
    await makeTarball(`${folder}/plugctl-${version}-${target.machine}.tar.gz`, {
      version,
      files: await layout(asBinary(binary)),
      date,
    });
    await makeCollection(folder, { version, date });
    await makeDebianPackage(`${folder}/plugctl_${version}_${target.debian}.deb`, {
      version,
      files: await layout(asBinary(binary), { debian: true }),
      date,
      architecture: target.debian,
    });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  console.log(await writeSums(folder));
  return 0;
});
