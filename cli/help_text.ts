import {
  type CommandName,
  COMMANDS,
  type CommandSpec,
  meaningOf,
  type OptionName,
  OPTIONS,
  type OptionSpec,
} from "./table.ts";
import { textTable } from "./printing.ts";

/** The exit statuses, and what each means. */
export const EXIT_STATUSES = [
  ["0", "done"],
  ["1", "the kernel refused, or something failed on the way"],
  ["2", "wrong usage: unknown command, option or value"],
  ["3", "an expectation of a scenario, or --expect-lossless, was not met"],
  ["4", "this machine cannot do it: no CAP_NET_ADMIN, no sch_plug, not Linux"],
  ["129, 130, 143", "interrupted by SIGHUP, SIGINT or SIGTERM; everything was released first"],
];

/** The help about all of plugctl. */
export function generalHelp(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]);
  return `Holds packets in the Linux kernel and lets them go on command.

Usage: plugctl COMMAND [OPTION...]

Commands:
${indent(textTable(commands))}

${wrap(synonyms())}

Exit status:
${indent(textTable(EXIT_STATUSES))}

See plugctl help COMMAND for what it does, its options and examples.
`;
}

function synonyms(): string {
  const entries = Object.entries(COMMANDS) as [CommandName, CommandSpec][];
  const pairs = entries.flatMap(([name, spec]) => (spec.synonyms ?? []).map((synonym) => `${synonym} for ${name}`));
  return `tc's words are accepted too: ${pairs.join(", ")}.`;
}

/** The help about one command. */
export function commandHelp(name: CommandName): string {
  const spec: CommandSpec = COMMANDS[name];
  const parts = [
    `${spec.summary[0].toUpperCase()}${spec.summary.slice(1)}.`,
    `Usage: ${usageOf(name)}`,
    ...spec.synonyms ? [`tc calls it ${spec.synonyms.join(", ")}, which is accepted too.`] : [],
    ...spec.details.map(wrap),
    `Options:\n${indent(textTable(spec.options.map((option) => optionRow(option, name))))}`,
  ];
  if (spec.examples.length > 0) parts.push(`Examples:\n${indent(spec.examples.map(example).join("\n"))}`);
  return `${parts.join("\n\n")}\n`;
}

/** How a command is written: `plugctl limit SIZE [GATE...] [OPTION...]`. */
export function usageOf(name: CommandName): string {
  const { options: names, operands = [], program }: CommandSpec = COMMANDS[name];
  const options = names.length > 1 ? ["[OPTION...]"] : [];
  return ["plugctl", name, ...operands, ...options, ...program ? [program] : []].join(" ");
}

function optionRow(name: OptionName, command: CommandName): [string, string] {
  const { short, value, many }: OptionSpec = OPTIONS[name];
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
