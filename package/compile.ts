/**
 * `deno task compile [--target TRIPLE] [--output FILE]`: compiles plugctl into one file, `dist/plugctl` by default.
 *
 * @module
 */

import { options, runProgram } from "./program.ts";
import { compileBinary, findTarget } from "./binary.ts";

await runProgram("compile", async () => {
  const { target, output } = options({ target: Deno.build.target, output: "dist/plugctl" });
  await compileBinary(output, findTarget(target));
  console.log(`${output}: plugctl for ${target}, ${((await Deno.stat(output)).size / 2 ** 20).toFixed(1)} MiB`);
  return 0;
});
