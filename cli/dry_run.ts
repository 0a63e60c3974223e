import { sendRegion } from "../codec/exchange.ts";
import { decode } from "../codec/family.ts";
import type { Field } from "../codec/field.ts";
import { formatMessage } from "../codec/format_message.ts";
import { formatHex } from "../codec/text.ts";
import { formatHandle, TC_H_ROOT } from "../codec/handle.ts";
import { encodeRequest, type Request } from "../codec/request.ts";
import { defaultLimit } from "../plug/attach.ts";
import { gateDevice, isGateName } from "../plug/gate_name.ts";
import { parseNote } from "../plug/gate_device.ts";
import { type LinkHeader, linkHeader } from "../linux/libpcap.ts";
import { FIRST_HANDLE, type QdiscPlace, RANKED_HANDLE } from "../plug/plug_requests.ts";
import type { PlugPlace } from "../plug/queue.ts";
import { UsageError } from "./exit_status.ts";
import { messagesJson } from "./shown_messages.ts";
import { type Context, isGiven, valueOf } from "./context.ts";
import { ambiguous, isDeviceName, isRoot, type NamedTargets, refusePlace, type Targets } from "./targets.ts";

/** A message as an array in C, a field a line, with what `formatMessage` says of it in comments. */
export function cArray(name: string, message: Field, bytes: Uint8Array): string {
  const [title, ...rows] = formatMessage(message, { padding: true }).split("\n");
  const fields = flatten(message).slice(1);
  const columns = fields.map((field) =>
    bytesOf(field, bytes).map((byte) => `0x${byte.toString(16).padStart(2, "0")},`)
  );
  const width = Math.max(...columns.map((column) => column.slice(0, LINE_BYTES).join(" ").length));
  const lines = columns.flatMap((column, index) => fieldLines(column, { says: commentOf(rows[index]), width }));
  return `/* ${title} */\nstatic const unsigned char ${name}[${bytes.length}] = {\n${lines.join("\n")}\n};\n`;
}

/** How many bytes a line has at most. */
const LINE_BYTES = 8;

/** Every field in the order of its first byte, those before what they hold. */
function flatten(field: Field): Field[] {
  return [field, ...(field.fields ?? []).flatMap(flatten)];
}

/** The bytes of a field that belong to none of those that it holds: of an attribute its header. */
function bytesOf({ offset, length, fields, attributeType }: Field, bytes: Uint8Array): number[] {
  const own = fields ? (attributeType === undefined ? 0 : fields[0] ? fields[0].offset - offset : length) : length;
  return [...bytes.subarray(offset, offset + own)];
}

/** A row without its offset, and without what would end the comment. */
function commentOf(row: string): string {
  return row.replace(/^ *\d+ {2}/, "").replaceAll("*/", "* /");
}

function fieldLines(column: readonly string[], { says, width }: { says: string; width: number }): string[] {
  const first = column.slice(0, LINE_BYTES).join(" ").padEnd(width);
  const lines = [`\t${first} /* ${says} */`];
  for (let at = LINE_BYTES; at < column.length; at += LINE_BYTES) {
    lines.push(`\t${column.slice(at, at + LINE_BYTES).join(" ")}`);
  }
  return lines;
}

/** Prints what would be sent for each queue, in one send, and opens no socket. */
export function printRequests(
  context: Context,
  { places, requestsFor }: {
    places: readonly PlugPlace[];
    requestsFor: (place: QdiscPlace, index: number) => Request[];
  },
): void {
  printMessages(context, places.flatMap((place, index) => requestsFor(guessPlace(context, place), index)));
}

/** Where the plug of a gate is. */
export function gatePlace(context: Context, name: string): PlugPlace {
  const dev = gateDevice(name);
  const note = parseNote(readText(context, { dev, name: "ifalias" })?.trimEnd() ?? "");
  return { dev, parent: TC_H_ROOT, handle: note?.firstFilters ? RANKED_HANDLE : FIRST_HANDLE };
}

/** Which names are gates and which are devices, as far as that is known without a socket. */
export function guessTargets(context: Context, { names, at, gates, places }: NamedTargets): Targets {
  const targets: Targets = { gates: [...gates], places: [...places] };
  for (const name of names) {
    const isGate = isGateName(name) && readNumber(context, { dev: gateDevice(name), name: "ifindex" }) !== undefined;
    const isDevice = isDeviceName(name) && readNumber(context, { dev: name, name: "ifindex" }) !== undefined;
    if (isGate && isDevice) throw new UsageError(ambiguous(name));
    if (isDevice || !isGateName(name)) {
      targets.places.push({ dev: name, ...at });
      continue;
    }
    if (!isGate) context.note(`${name} is shown as a gate; if it is a device, write --dev ${name}`);
    refusePlace(at, name);
    targets.gates.push(name);
  }
  return targets;
}

/** The link header of a device, Ethernet's where it is not known without a socket. */
export function readLinkHeader(context: Context, dev: string): LinkHeader {
  return linkHeader(readNumber(context, { dev, name: "type" }) ?? 1) ?? "ethernet";
}

/** Whether messages are printed for people. */
export function isText(context: Context): boolean {
  return !isGiven(context, "json") && valueOf(context, "format") === undefined;
}

/** How messages are printed. */
const FORMATS = { fields: fieldsText, hex: hexText, c: cText, json: jsonText };

/** Prints what would be sent, in the format that is asked for. */
export function printMessages(context: Context, requests: readonly Request[]): void {
  const messages = requests.map((request, index) => {
    const length = encodeRequest(request, { at: 0, sequence: index + 1 });
    return sendRegion.slice(0, length);
  });
  const format = valueOf(context, "format") ?? (isGiven(context, "json") ? "json" : "fields");
  context.print(FORMATS[format as keyof typeof FORMATS](messages));
}

function fieldsText(messages: readonly Uint8Array[]): string {
  return messages.map((bytes) => `${formatMessage(decode(bytes))}\n${formatHex(bytes)}\n`).join("\n");
}

function hexText(messages: readonly Uint8Array[]): string {
  return messages.map((bytes) => `${formatHex(bytes)}\n`).join("");
}

function cText(messages: readonly Uint8Array[]): string {
  const nameOf = (index: number) => messages.length === 1 ? "message" : `message_${index + 1}`;
  return messages.map((bytes, index) => cArray(nameOf(index), decode(bytes), bytes)).join("\n");
}

function jsonText(messages: readonly Uint8Array[]): string {
  return messagesJson(messages.map((bytes) => ({ hex: formatHex(bytes), message: decode(bytes) })));
}

/** A place in numbers as far as they are known without a socket. */
function guessPlace(context: Context, place: PlugPlace): QdiscPlace {
  const { dev, parent = isRoot(place) ? TC_H_ROOT : 0 } = place;
  const handle = place.handle ?? (parent === TC_H_ROOT ? FIRST_HANDLE : 0);
  if (place.handle === undefined && context.arguments.command !== "attach") {
    context.note(
      `the handle of the plug on ${dev} is shown as ${formatHandle(handle)}, what is sent names that of the plug there`,
    );
  }
  return { ifindex: readIndex(context, dev), parent, handle };
}

/** A device's index, as far as it is known without a socket. */
export function readIndex(context: Context, dev: string): number {
  const index = readNumber(context, { dev, name: "ifindex" });
  if (index === undefined) context.note(`the index of ${dev} is shown as 0, it is not known without a socket`);
  return index ?? 0;
}

/** The limit that is sent with a new plug where none is given, as far as that is known without a socket. */
export function readDefaultLimit(context: Context, dev: string): number | undefined {
  const txqueuelen = readNumber(context, { dev, name: "tx_queue_len" });
  const mtu = readNumber(context, { dev, name: "mtu" });
  if (txqueuelen !== undefined && mtu !== undefined) return defaultLimit({ txqueuelen, mtu });
  context.note(`no limit of the plug on ${dev} is shown, though one is sent where the device's txqueuelen is 0`);
}

function readNumber(context: Context, about: { dev: string; name: string }): number | undefined {
  const text = readText(context, about);
  return text === undefined ? undefined : Number(text);
}

/** What sysfs says of a device, which shows this process's own namespace only. */
function readText(context: Context, { dev, name }: { dev: string; name: string }): string | undefined {
  if ((["netns", "container", "pod"] as const).some((name) => isGiven(context, name))) return undefined;
  try {
    return Deno.readTextFileSync(`/sys/class/net/${dev}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
