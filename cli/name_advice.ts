import type { LinkMessage } from "../codec/message.ts";
import { gateName } from "../plug/gate_name.ts";
import { isGateDevice } from "../gate/gate_state.ts";
import { Connection } from "../netlink/connection.ts";
import { parseDuration } from "../plug/quantity.ts";
import { readLinks } from "../plug/qdiscs.ts";
import { QueueError } from "../plug/queue_error.ts";
import type { Arguments } from "./arguments.ts";
import { nearest } from "../plug/nearest.ts";
import { shellText } from "./near_miss.ts";
import { whereGiven } from "./where.ts";
import { COMMANDS, type CommandSpec } from "./table.ts";

/** How many names are listed at the most. */
const LISTED_MAX = 12;

/** What there is to choose from. */
interface Names {
  devices: string[];
  gates: string[];
}

/** What to do where a gate or a device that was named is not there; `undefined` where an error is about something else. */
export function adviseOnName(error: unknown, given: Arguments): string | undefined {
  if (!(error instanceof QueueError) || error.code !== "no-device" && error.code !== "no-gate") return undefined;
  const { dev, gate } = error;
  // Where a device is missing, the gate may be what was to be done to it.
  const name = error.code === "no-gate" ? gate : dev;
  if (name === undefined) return undefined;
  const misread = wordOfHold(name, given);
  if (misread !== undefined) return misread;
  const names = readNames(given.values.get("netns")?.[0]);
  if (!names) return undefined;
  const wanted = [...dev === undefined ? [] : names.devices, ...gate === undefined ? [] : names.gates];
  return otherKind(name, { error, names, given }) ?? nearestOf(name, wanted) ?? listOf(names, { dev, gate });
}

/** What stands in the place of a name in a command line of `hold`, and is something else. */
function wordOfHold(name: string, { command, operands, values }: Arguments): string | undefined {
  if (command !== "hold") return undefined;
  const at = operands.indexOf(name);
  if (isDuration(name)) return `did you mean --for ${name}`;
  if (at < 1) return undefined;
  const [held, program] = [operands.slice(0, at), operands.slice(at)];
  const { netns } = whereGiven(values);
  return `a command goes behind --: plugctl hold ${shellText(held)}${netns} -- ${shellText(program)}`;
}

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) >= 0;
  } catch {
    return false;
  }
}

function readNames(netns: string | undefined): Names | undefined {
  try {
    using connection = Connection.open({ netns });
    const links = readLinks(connection, "list devices");
    const isGate = (link: LinkMessage) => isGateDevice(link);
    return {
      devices: links.filter((link) => !isGate(link)).map((link) => link.name),
      gates: links.filter(isGate).map((link) => gateName(link.name) ?? link.name),
    };
  } catch {
    // The error that is at hand is told, with or without this.
    return undefined;
  }
}

/** Where a gate is named as a device, or a device as a gate. */
function otherKind(
  name: string,
  { error, names, given: { command, values } }: { error: QueueError; names: Names; given: Arguments },
): string | undefined {
  const { operands = [] }: CommandSpec = COMMANDS[command];
  const { netns } = whereGiven(values);
  if (error.gate === undefined && names.gates.includes(name)) {
    if (command === "detach") return `${name} is a gate: plugctl gate delete ${name}${netns}`;
    if (command === "attach") return `${name} is a gate, which has a plug already: plugctl buffer ${name}${netns}`;
    return operands.includes("[NAME...]") ? `${name} is a gate: write --gate ${name}` : `${name} is a gate`;
  }
  if (error.dev === undefined && names.devices.includes(name)) {
    if (command === "gate delete") return `${name} is a device: plugctl detach ${name}${netns}`;
    return `${name} is a device: write --dev ${name}`;
  }
}

function nearestOf(name: string, names: readonly string[]): string | undefined {
  const near = nearest(name, names);
  return near === undefined ? undefined : `did you mean ${near}`;
}

/** The names that there are, unless they are too many to be read. */
function listOf({ devices, gates }: Names, { dev, gate }: { dev?: string; gate?: string }): string | undefined {
  const parts = [
    ...dev === undefined || devices.length === 0 ? [] : [`the devices are: ${devices.join(", ")}`],
    ...gate === undefined || gates.length === 0 ? [] : [`the gates are: ${gates.join(", ")}`],
  ];
  if (parts.length === 0) return dev === undefined ? "there are none" : undefined;
  return devices.length + gates.length > LISTED_MAX ? undefined : parts.join("; ");
}
