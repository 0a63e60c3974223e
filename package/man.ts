/**
 * `deno task man`: writes what is made from the table of commands: docs/plugctl.1, docs/COMMANDS.md and the tables of
 * README.md. With --check it tells whether they are up to date.
 *
 * @module
 */

import { commandReference, manPage, readmeTables } from "../cli/manual.ts";

const ROOT = new URL("../", import.meta.url);
/** Between these two lines of README.md stand the tables. */
const TABLES = /(<!-- commands: [^\n]* -->\n).*?(<!-- end -->)/s;

const readme = await Deno.readTextFile(new URL("README.md", ROOT));
if (!TABLES.test(readme)) throw new Error("README.md has no place for the tables of commands");

const made = {
  "docs/plugctl.1": manPage(),
  "docs/COMMANDS.md": await formatted(commandReference()),
  "README.md": await formatted(readme.replace(TABLES, (_all, start, end) => `${start}\n${readmeTables()}\n\n${end}`)),
};

for (const [path, text] of Object.entries(made)) {
  const file = new URL(path, ROOT);
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(file, text);
  else if (await Deno.readTextFile(file).catch(() => "") !== text) {
    console.error(`${path} is not what cli/table.ts says; make it anew with: deno task man`);
    Deno.exitCode = 1;
  }
}

/** Markdown as `deno fmt` leaves it. */
async function formatted(text: string): Promise<string> {
  const args = ["fmt", "--quiet", "--ext", "md", "-"];
  const fmt = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "piped", stdout: "piped" }).spawn();
  const writer = fmt.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await fmt.output();
  if (!success) throw new Error("Cannot format Markdown: deno fmt failed");
  return new TextDecoder().decode(stdout);
}
