/**
 * `deno task bundle`: bundles plugctl into JavaScript for Deno, `dist/bundle/plugctl.js` and what that loads.
 *
 * @module
 */

import { runProgram } from "./program.ts";
import { BUNDLE, bundleProgram, MAIN } from "./javascript.ts";

await runProgram("bundle", async () => {
  await bundleProgram(BUNDLE);
  const sizes = Array.from(Deno.readDirSync(BUNDLE), ({ name }) => Deno.statSync(`${BUNDLE}/${name}`).size);
  const kibibytes = sizes.reduce((sum, size) => sum + size, 0) / 1024;
  console.log(`${BUNDLE}/${MAIN}: plugctl for Deno, ${kibibytes.toFixed(0)} KiB with what it loads`);
  return 0;
});
