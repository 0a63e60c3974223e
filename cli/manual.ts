import config from "../deno.json" with { type: "json" };
import { EXIT_STATUSES } from "./exit_status.ts";
import { meaningOf, nameMeaning, usageOf } from "./help_text.ts";
import {
  type CommandName,
  COMMANDS,
  type CommandSpec,
  type OptionName,
  optionOf,
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
  const lines = examples().map(([line, does]) => `# ${does}\nplugctl ${line}`);
  return [
    `## ${name}`,
    `${summary[0].toUpperCase()}${summary.slice(1)}.`,
    `\`\`\`text\n${usageOf(name)}\n\`\`\``,
    ...synonyms ? [`Aliases: ${synonyms.map((word) => `\`${word}\``).join(", ")}.`] : [],
    ...nameMeaning(spec).map(plain),
    ...details().map(plain),
    table(["option", "means"], options.map((option) => [written(option, name), cell(meaningOf(option, name))])),
    ...lines.length > 0 ? [`\`\`\`sh\n${lines.join("\n\n")}\n\`\`\``] : [],
  ].join("\n\n");
}

/** An option as it is given: `-d`, `--dev DEV...` */
function written(name: OptionName, command?: CommandName): string {
  const { short, value, many } = optionOf(name, command);
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

/** What is said in no command's help. */
const DESCRIPTION = [
  "plugctl holds network packets in the Linux kernel and releases them on command: all of them, or one epoch at a time. " +
  "It drives the kernel's plug queueing discipline over a netlink socket. A plug holds every packet that leaves a device, " +
  "a gate only the packets that its match means, in either direction. Held packets are always released, in order, even if " +
  "plugctl is killed. What somebody else configured is left alone.",
  "It needs CAP_NET_ADMIN in the network namespace, and a kernel with sch_plug; for gates also ifb, sch_ingress, " +
  "cls_flower and act_mirred, for --except act_gact, and for --first sch_prio. Entering another namespace with --netns needs CAP_SYS_ADMIN. plugctl doctor checks the " +
  "machine, and says how to fix what is missing.",
];

const ENVIRONMENT = [
  ["NO_COLOR", "If set, output is not coloured. Output into a pipe never is."],
  ["SSH_CONNECTION", "The SSH session that is not to be held by accident."],
];

/** The manual page, `plugctl.1`, in the man macros of roff. */
export function manPage(): string {
  const names = Object.keys(COMMANDS) as CommandName[];
  const parts = [
    '.\\" Made by deno task man from cli/table.ts: do not edit.',
    `.TH PLUGCTL 1 "" "plugctl ${config.version}" "User Commands"`,
    manSection("NAME", "plugctl \\- hold packets in the Linux kernel and release them on command"),
    manSection("SYNOPSIS", ".B plugctl\n.I COMMAND\n.RI [ OPTION ...]"),
    manSection("DESCRIPTION", paragraphs(DESCRIPTION)),
    manSection("COMMANDS", names.map(command).join("\n")),
    manSection("OPTIONS", (Object.keys(OPTIONS) as OptionName[]).map(option).join("\n")),
    manSection("EXIT STATUS", EXIT_STATUSES.map(item).join("\n")),
    manSection("ENVIRONMENT", ENVIRONMENT.map(item).join("\n")),
    manSection("SEE ALSO", ".BR tc (8),\n.BR ip-netns (8),\n.BR capabilities (7)"),
  ];
  return `${parts.join("\n")}\n`;
}

function manSection(title: string, body: string): string {
  return `.SH ${title}\n${body}`;
}

function paragraphs(texts: readonly string[]): string {
  return texts.map((text) => `.PP\n${escape(text)}`).join("\n");
}

/** A command with its synonyms, its help, its options by name, those that it gives a meaning of its own, and its examples. */
function command(name: CommandName): string {
  const { summary, synonyms, options, meanings = {}, values = {}, details, examples }: CommandSpec = COMMANDS[name];
  const also = synonyms ? [`Aliases: ${synonyms.join(", ")}.`] : [];
  return [
    `.SS "${escape(usageOf(name))}"`,
    escape(`${summary[0].toUpperCase()}${summary.slice(1)}.`),
    paragraphs([...also, ...details()]),
    paragraphs([`Options: ${options.map((option) => `--${option}`).join(", ")}.`]),
    ...Object.entries(meanings).map(([option, meaning]) => {
      const value = values[option as OptionName];
      return item([`--${option}${value ? ` ${value}` : ""}`, meaning]);
    }),
    ...examples().map(([line, does]) => `.TP\n.B ${escape(`plugctl ${line}`)}\n${escape(does)}`),
  ].filter(Boolean).join("\n");
}

function option(name: OptionName): string {
  const { short, value, summary, many }: OptionSpec = OPTIONS[name];
  const texts = [...short ? [`-${short}`] : [], `--${name}`].map((text) => `\\fB${escape(text)}\\fR`);
  const operand = value ? ` \\fI${escape(value)}\\fR${many ? "..." : ""}` : "";
  return `.TP\n${texts.join(", ")}${operand}\n${escape(summary)}`;
}

function item([term, meaning]: readonly string[]): string {
  return `.TP\n.B ${escape(term)}\n${escape(meaning)}`;
}

/** Text as roff prints it letter for letter: a hyphen that can be typed, and no word taken for a request. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll('"', "\\(dq")
    .replaceAll(/^\./gm, "\\&.");
}
