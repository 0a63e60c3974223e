/**
 * `deno task man`: writes docs/plugctl.1 from the table of commands, or with --check tells whether it is what is there.
 *
 * @module
 */

import { manPage } from "../cli/man_page.ts";

const FILE = new URL("../docs/plugctl.1", import.meta.url);

if (!Deno.args.includes("--check")) {
  await Deno.writeTextFile(FILE, manPage());
} else if (await Deno.readTextFile(FILE) !== manPage()) {
  console.error("docs/plugctl.1 is not what cli/table.ts says; make it anew with: deno task man");
  Deno.exit(1);
}
