import { printed } from "./processes.ts";

const FILE = new URL("RESULTS.md", import.meta.url);
const TITLE = "# Results\n\nWritten by the tasks that each section names; see there for what each peer does.\n";

/** Puts a section into RESULTS.md, in the place of what an earlier run wrote, laid out as all of the project is. */
export async function writeSection(title: string, lines: readonly string[]): Promise<void> {
  const sections = (await oldText()).split(/^(?=## )/m).filter((part) => part.startsWith("## "));
  const others = sections.filter((part) => !part.startsWith(`## ${title}\n`));
  const section = `## ${title}\n\n${lines.join("\n")}\n`;
  await Deno.writeTextFile(
    FILE,
    [TITLE, ...[...others.map((part) => `${part.trimEnd()}\n`), section].sort()].join("\n"),
  );
  await printed(Deno.execPath(), "fmt", "--quiet", FILE.pathname);
}

async function oldText(): Promise<string> {
  try {
    return await Deno.readTextFile(FILE);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** On what the figures were measured. */
export async function circumstances(command: string): Promise<string[]> {
  const processor = /^model name\s*:\s*(.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  const compiler = (await printed("cc", "--version"))?.split("\n")[0];
  const commit = await printed("git", "rev-parse", "--short", "HEAD");
  return [
    `Command: \`${command}\`. Commit ${commit}. Deno ${Deno.version.deno}, V8 ${Deno.version.v8}. Linux ${Deno.osRelease()},`,
    `${processor}, ${navigator.hardwareConcurrency} processors. ${compiler ?? "No C compiler"}. Load ${
      Deno.loadavg()[0].toFixed(1)
    } at the end.`,
  ];
}

/** A table of Markdown, aligned. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(rows[0]), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.slice(1).map(line)];
}
