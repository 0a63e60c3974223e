import { type LinkMessage, type QdiscMessage, RTM_GETLINK, TC_H_ROOT } from "../codec/mod.ts";
import type { Answer, Connection } from "../netlink/mod.ts";
import { detachSync } from "./drain.ts";
import { refuseLockout } from "./lockout.ts";
import {
  changeRequest,
  checkLimit,
  createRequest,
  deleteRequest,
  getRequest,
  type QdiscPlace,
} from "./plug_requests.ts";
import { describeQueue, findDevice, type Queue } from "./queue.ts";
import { QueueError, refusalError } from "./queue_error.ts";

/** Where a plug is. */
export interface PlugPlace {
  /** The device's name. */
  dev: string;
  /** Where it hangs: `TC_H_ROOT`, the default, or a class of the qdisc above it (`parseParent`). */
  parent?: number;
  /** Its handle (`parseHandle`). To attach, the handle to give; to open, which handle must be there. */
  handle?: number;
}

/** How to attach a plug. */
export interface AttachOptions extends PlugPlace {
  /**
   * How much it holds before it drops, in bytes of packets with their link headers, from 1 to 2^32 - 1.
   * Default: the kernel's, txqueuelen packets of the device's mtu.
   */
  limitBytes?: number;
  /** Whether it holds packets from its first moment on. Default: it passes them. */
  hold?: boolean;
  /** Whether somebody else's qdisc may be replaced. */
  replace?: boolean;
  /** Whether a device may be held that carries the default route or this SSH session. */
  force?: boolean;
}

/** A queue that was just attached, and what is worth knowing about it, a sentence each. */
export interface Attached {
  queue: Queue;
  warnings: string[];
}

/** The handles that plugctl gives: `504c:` to the first plug of a device ("PL" in ASCII), the next to the next. */
export const FIRST_HANDLE = 0x504c0000;
const HANDLES = 256;
/** What one packet may measure when segmentation is left to the device. */
const GSO_BYTES = 65536;
/** Where the kernel's own default would be 0: as many packets as it gives a device without a queue. */
const DEFAULT_PACKETS = 1000;
const ETHERNET_HEADER_BYTES = 14;

/**
 * Creates a plug and, unless it is to hold, releases it in the same send.
 *
 * @throws {QueueError} where something else is there, it would lock out, or the kernel refuses
 * @throws {RangeError} where the limit is not from 1 to 2^32 - 1
 */
export function attach(connection: Connection, options: AttachOptions): Attached {
  const { dev, parent = TC_H_ROOT, hold = false, replace = false } = options;
  if (options.limitBytes !== undefined) checkLimit(options.limitBytes);
  const operation = `attach to ${describeQueue(dev, { parent, handle: options.handle ?? 0 })}`;
  const ifindex = findDevice(connection, { dev, operation });
  const found = look(connection, { ifindex, parent, handle: options.handle ?? FIRST_HANDLE }, operation);
  refuseToReplace(found.there, { operation, replace });
  if (hold && !options.force && parent === TC_H_ROOT) refuseLockout(connection, { operation, ifindex });
  const handle = chooseHandle(connection, { ifindex, operation, options, found });
  const limitBytes = options.limitBytes ?? ownDefault(found.link);
  const queue: Queue = {
    dev,
    place: { ifindex, parent, handle },
    connection,
    asked: hold ? "hold" : "pass",
    endedEpoch: false,
    limitBytesAsked: limitBytes,
  };
  if (found.there?.kind === "plug") detachSync({ ...queue, place: { ifindex, parent, handle: found.there.handle } });
  create(queue, { operation, hold, replace });
  return { queue, warnings: warningsOf(found.link, options.limitBytes) };
}

interface Found {
  link?: LinkMessage;
  /** The qdisc at the parent, unless it is the kernel's own default. */
  there?: QdiscMessage;
  /** Whether the handle belongs to a qdisc of this device already. */
  handleTaken: boolean;
}

/** Reads, in one send, what the device is, what is at the parent, and whether the handle is taken. */
function look(connection: Connection, { ifindex, parent, handle }: QdiscPlace, operation: string): Found {
  const [link, there, taken] = connection.transact([
    { type: RTM_GETLINK, ifindex },
    getRequest({ ifindex, parent, handle: 0 }),
    getRequest({ ifindex, parent: 0, handle }),
  ]);
  if (link.errno !== 0) throw refusalError(operation, link);
  if (parent !== TC_H_ROOT && there.errno !== 0 && !isEmptyClass(there)) throw refusalError(operation, there);
  return {
    link: link.message?.about === "link" ? link.message : undefined,
    there: there.message?.about === "qdisc" && there.message.handle !== 0 ? there.message : undefined,
    handleTaken: taken.errno === 0,
  };
}

/** A class without a qdisc of its own is answered like a class that is not there; creating tells them apart. */
function isEmptyClass({ sentence }: Answer): boolean {
  return sentence === "Cannot find specified qdisc on specified device";
}

function refuseToReplace(
  there: QdiscMessage | undefined,
  { operation, replace }: { operation: string; replace: boolean },
) {
  if (!there || replace) return;
  const name = describeKind(there);
  if (there.kind === "plug") {
    throw new QueueError("already-attached", operation, { reason: `a plug is there already, ${name}` });
  }
  throw new QueueError("foreign-qdisc", operation, { reason: `${name} is there, which plugctl did not make` });
}

function describeKind({ kind, handle }: QdiscMessage): string {
  return `${kind} ${(handle >>> 16).toString(16)}:`;
}

/**
 * The handle to give. It must be free: the release that follows the creation names it, and would touch the
 * other qdisc of that handle if the creation failed.
 */
function chooseHandle(
  connection: Connection,
  { ifindex, operation, options, found }: { ifindex: number; operation: string; options: AttachOptions; found: Found },
): number {
  const wanted = options.handle ?? FIRST_HANDLE;
  if (!found.handleTaken || (found.there?.handle === wanted && options.replace)) return wanted;
  if (options.handle !== undefined) {
    const text = `${(wanted >>> 16).toString(16)}:`;
    throw new QueueError("handle-in-use", operation, {
      reason: `handle ${text} belongs to another qdisc of the device`,
    });
  }
  for (let index = 1; index < HANDLES; index++) {
    const handle = FIRST_HANDLE + index * 0x10000;
    const [taken] = connection.transact([getRequest({ ifindex, parent: 0, handle })]);
    if (taken.errno !== 0) return handle;
  }
  throw new QueueError("handle-in-use", operation, { reason: `all ${HANDLES} handles that plugctl gives are taken` });
}

/** The limit to send where the kernel's own default, txqueuelen packets, would be 0 and drop everything. */
function ownDefault(link: LinkMessage | undefined): number | undefined {
  if (!link || link.txqueuelen > 0) return undefined;
  return DEFAULT_PACKETS * (link.mtu + ETHERNET_HEADER_BYTES);
}

function create(
  queue: Queue,
  { operation, hold, replace }: { operation: string; hold: boolean; replace: boolean },
): void {
  const { place, connection, limitBytesAsked } = queue;
  const requests = [createRequest(place, { limitBytes: limitBytesAsked, replace })];
  if (!hold) requests.push(changeRequest(place, "release-indefinite"));
  const [created, released] = connection.transact(requests);
  if (created.errno !== 0) throw refusalError(operation, created);
  if (hold || released.errno === 0) return;
  connection.transact([deleteRequest(place)]);
  throw refusalError(operation, released);
}

function warningsOf(link: LinkMessage | undefined, limitBytes: number | undefined): string[] {
  if (!link || limitBytes === undefined || limitBytes >= GSO_BYTES || link.gsoMaxSize < GSO_BYTES) return [];
  return [
    `the limit of ${limitBytes} bytes is less than one packet may measure on ${link.name} (${link.gsoMaxSize} bytes, ` +
    "segmentation offload): bulk TCP would be dropped",
  ];
}
