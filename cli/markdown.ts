import { EXIT_STATUSES } from "./exit_status.ts";
import { nameMeaning, usageOf } from "./help_text.ts";
import {
  type CommandName,
  COMMANDS,
  type CommandSpec,
  meaningOf,
  type OptionName,
  OPTIONS,
  type OptionSpec,
} from "./table.ts";

const NAMES = Object.keys(COMMANDS) as CommandName[];

/** The tables of the README: the commands, and the exit statuses. */
export function readmeTables(): string {
  const link = (name: CommandName) => `[\`${name}\`](docs/COMMANDS.md#${anchorOf(name)})`;
  const commands = NAMES.map((name) => [link(name), COMMANDS[name].summary]);
  return `${table(["command", "what it does"], commands)}\n\n${exitTable()}`;
}

/** docs/COMMANDS.md: every command with its options, and every option. */
export function commandReference(): string {
  const parts = [
    "<!-- Made by deno task man from cli/table.ts: do not edit. -->",
    "# Commands",
    "`plugctl COMMAND --help` shows the same in a terminal. Data goes to stdout, everything else to stderr.",
    ...NAMES.map(section),
    "## Options",
    table(
      ["option", "means"],
      (Object.keys(OPTIONS) as OptionName[]).map((name) => [written(name), cell(OPTIONS[name].summary)]),
    ),
    "## Exit status",
    exitTable(),
  ];
  return `${parts.join("\n\n")}\n`;
}

function section(name: CommandName): string {
  const spec: CommandSpec = COMMANDS[name];
  const { summary, synonyms, details, options, examples } = spec;
  const lines = examples.map(([line, does]) => `# ${does}\nplugctl ${line}`);
  return [
    `## ${name}`,
    `${summary[0].toUpperCase()}${summary.slice(1)}.`,
    `\`\`\`text\n${usageOf(name)}\n\`\`\``,
    ...synonyms ? [`Aliases: ${synonyms.map((word) => `\`${word}\``).join(", ")}.`] : [],
    ...nameMeaning(spec).map(plain),
    ...details.map(plain),
    table(["option", "means"], options.map((option) => [written(option), cell(meaningOf(option, name))])),
    ...lines.length > 0 ? [`\`\`\`sh\n${lines.join("\n\n")}\n\`\`\``] : [],
  ].join("\n\n");
}

/** An option as it is given: `-d`, `--dev DEV...` */
function written(name: OptionName): string {
  const { short, value, many }: OptionSpec = OPTIONS[name];
  return `${short ? `\`-${short}\`, ` : ""}\`--${name}${value ? ` ${value}` : ""}${many ? "..." : ""}\``;
}

function exitTable(): string {
  return table(["exit status", "means"], EXIT_STATUSES.map(([status, meaning]) => [status, cell(meaning)]));
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Where GitHub jumps to for a heading. */
function anchorOf(name: CommandName): string {
  return name.replaceAll(" ", "-");
}

/** Text whose signs Markdown takes for nothing else. */
function plain(text: string): string {
  return text.replaceAll(/[*_<>`\[\]]/g, String.raw`\$&`);
}

function cell(text: string): string {
  return plain(text).replaceAll("|", String.raw`\|`);
}
