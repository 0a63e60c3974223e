import config from "../deno.json" with { type: "json" };
import { EXIT_STATUSES } from "./exit_status.ts";
import { usageOf } from "./help_text.ts";
import { type CommandName, COMMANDS, type CommandSpec, type OptionName, OPTIONS, type OptionSpec } from "./table.ts";

/** What is said in no command's help. */
const DESCRIPTION = [
  "plugctl holds network packets in the Linux kernel and releases them on command: all of them, or one epoch at a time. " +
  "It drives the kernel's plug queueing discipline over a netlink socket. A plug holds every packet that leaves a device, " +
  "a gate only the packets that its match means, in either direction. Held packets are always released, in order, even if " +
  "plugctl is killed. What somebody else configured is left alone.",
  "It needs CAP_NET_ADMIN in the network namespace, and a kernel with sch_plug; for gates also ifb, sch_ingress, " +
  "cls_flower and act_mirred. Entering another namespace with --netns needs CAP_SYS_ADMIN. plugctl doctor checks the " +
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
    section("NAME", "plugctl \\- hold packets in the Linux kernel and let them go on command"),
    section("SYNOPSIS", ".B plugctl\n.I COMMAND\n.RI [ OPTION ...]"),
    section("DESCRIPTION", paragraphs(DESCRIPTION)),
    section("COMMANDS", names.map(command).join("\n")),
    section("OPTIONS", (Object.keys(OPTIONS) as OptionName[]).map(option).join("\n")),
    section("EXIT STATUS", EXIT_STATUSES.map(item).join("\n")),
    section("ENVIRONMENT", ENVIRONMENT.map(item).join("\n")),
    section("SEE ALSO", ".BR tc (8),\n.BR ip-netns (8),\n.BR capabilities (7)"),
  ];
  return `${parts.join("\n")}\n`;
}

function section(title: string, body: string): string {
  return `.SH ${title}\n${body}`;
}

function paragraphs(texts: readonly string[]): string {
  return texts.map((text) => `.PP\n${escape(text)}`).join("\n");
}

/** A command with its synonyms, its help, its options by name, those that it gives a meaning of its own, and its examples. */
function command(name: CommandName): string {
  const { summary, synonyms, options, meanings = {}, details, examples }: CommandSpec = COMMANDS[name];
  const also = synonyms ? [`Aliases: ${synonyms.join(", ")}.`] : [];
  return [
    `.SS "${escape(usageOf(name))}"`,
    escape(`${summary[0].toUpperCase()}${summary.slice(1)}.`),
    paragraphs([...also, ...details]),
    paragraphs([`Options: ${options.map((option) => `--${option}`).join(", ")}.`]),
    ...Object.entries(meanings).map(([option, meaning]) => item([`--${option}`, meaning])),
    ...examples.map(([line, does]) => `.TP\n.B ${escape(`plugctl ${line}`)}\n${escape(does)}`),
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
