import { sendRegion } from "../codec/exchange.ts";
import type { Field } from "../codec/field.ts";
import { formatHandle, TC_H_ROOT } from "../codec/handle.ts";
import { encodeRequest, type Request } from "../codec/request.ts";
import { decode } from "../codec/tree.ts";
import { gateDevice } from "../qdisc/gate/gate_name.ts";
import { FIRST_HANDLE, type QdiscPlace } from "../qdisc/plug_requests.ts";
import type { PlugPlace } from "../qdisc/queue.ts";
import type { Context } from "./context.ts";
import { hexText, messageText } from "./message_text.ts";
import { isGiven } from "./given.ts";
import { isRoot } from "./queue_options.ts";

/** Prints what would be sent for each queue, in one send, and opens no socket. */
export function printRequests(
  context: Context,
  { places, requestsFor }: { places: readonly PlugPlace[]; requestsFor: (place: QdiscPlace) => Request[] },
): void {
  printMessages(context, places.flatMap((place) => requestsFor(guessPlace(context, place))));
}

/** Where the plug of a gate is. */
export function gatePlace(name: string): PlugPlace {
  return { dev: gateDevice(name), parent: TC_H_ROOT, handle: FIRST_HANDLE };
}

/** Prints what would be sent. */
export function printMessages(context: Context, requests: readonly Request[]): void {
  const messages = requests.map((request, index) => {
    const length = encodeRequest(request, { at: 0, sequence: index + 1 });
    return sendRegion.slice(0, length);
  });
  context.print(isGiven(context, "json") ? jsonText(messages) : plainText(messages));
}

function plainText(messages: readonly Uint8Array[]): string {
  return messages.map((bytes) => `${messageText(decode(bytes))}\n${hexText(bytes)}\n`).join("\n");
}

function jsonText(messages: readonly Uint8Array[]): string {
  const described = messages.map((bytes) => ({ hex: hexText(bytes), message: decode(bytes) satisfies Field }));
  const plain = (_key: string, value: unknown) =>
    value instanceof Uint8Array ? hexText(value) : typeof value === "bigint" ? String(value) : value;
  return `${JSON.stringify(described, plain, 2)}\n`;
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

/** A device's index from sysfs, which shows this process's own namespace only. */
export function readIndex(context: Context, dev: string): number {
  if (!isGiven(context, "netns")) {
    try {
      return Number(Deno.readTextFileSync(`/sys/class/net/${dev}/ifindex`));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable)) throw error;
    }
  }
  context.note(`the index of ${dev} is shown as 0, it is not known without a socket`);
  return 0;
}
