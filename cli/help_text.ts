import { type CommandName, COMMANDS, type CommandSpec, type OptionName, optionOf } from "./table.ts";
import { EXIT_STATUSES } from "./exit_status.ts";
import { textTable } from "./context.ts";

/** The help about all of plugctl. */
export function generalHelp(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]);
  return `Holds network packets in the Linux kernel and releases them on command.

Usage: plugctl COMMAND [OPTION...]

Commands:
${indent(textTable(commands))}

${wrap(synonyms())}

Exit status:
${indent(textTable(EXIT_STATUSES))}

plugctl COMMAND --help describes a command, its options and examples.
`;
}

function synonyms(): string {
  const entries = Object.entries(COMMANDS) as [CommandName, CommandSpec][];
  const pairs = entries.flatMap(([name, spec]) => (spec.synonyms ?? []).map((synonym) => `${synonym} for ${name}`));
  return `Aliases: ${pairs.join(", ")}. What tc calls release is release-one here.`;
}

/** The help about one command. */
export function commandHelp(name: CommandName): string {
  const spec: CommandSpec = COMMANDS[name];
  const parts = [
    `${spec.summary[0].toUpperCase()}${spec.summary.slice(1)}.`,
    `Usage: ${usageOf(name)}`,
    ...spec.synonyms ? [`Aliases: ${spec.synonyms.join(", ")}.`] : [],
    ...nameMeaning(spec),
    ...spec.details().map(wrap),
    `Options:\n${indent(textTable(spec.options.map((option) => optionRow(option, name))))}`,
  ];
  if (spec.examples().length > 0) parts.push(`Examples:\n${indent(spec.examples().map(example).join("\n"))}`);
  return `${parts.join("\n\n")}\n`;
}

/** The help about commands that begin with the same word. */
export function groupHelp(word: string, commands: readonly CommandName[]): string {
  const rows = commands.map((name) => [name, COMMANDS[name].summary]);
  return `Usage: plugctl ${word} COMMAND [OPTION...]

Commands:
${indent(textTable(rows))}

plugctl ${commands[0]} --help, and so on, describes a command, its options and examples.
`;
}

/** What a name means, where it may be a gate's or a device's. */
export function nameMeaning({ operands = [], options }: CommandSpec): string[] {
  if (!operands.includes("[NAME...]") || !options.includes("dev")) return [];
  return ["NAME is a gate or a device; if there are both, use --gate or --dev."];
}

/** How a command is written: `plugctl limit SIZE [GATE...] [OPTION...]`. */
export function usageOf(name: CommandName): string {
  const { options: names, operands = [], program }: CommandSpec = COMMANDS[name];
  const options = names.length > 1 ? ["[OPTION...]"] : [];
  return ["plugctl", name, ...operands, ...options, ...program ? [program] : []].join(" ");
}

function optionRow(name: OptionName, command: CommandName): [string, string] {
  const { short, value, many } = optionOf(name, command);
  const letter = short ? `-${short}, ` : "    ";
  return [`${letter}--${name}${value ? ` ${value}` : ""}${many ? "..." : ""}`, meaningOf(name, command)];
}

function example([line, does]: readonly [string, string]): string {
  return `plugctl ${line}\n    ${does}`;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}

/** Breaks a paragraph into lines of up to 80 letters. */
function wrap(paragraph: string): string {
  return paragraph.replaceAll(/(.{1,80})(?: |$)/g, "$1\n").trimEnd();
}

/** What an option means in a command. */
export function meaningOf(option: OptionName, command: CommandName): string {
  return optionOf(option, command).summary;
}
