import { TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage } from "../codec/message.ts";
import type { Request } from "../codec/request.ts";
import { type AnyOperation, EAFNOSUPPORT } from "../linux/netlink_error.ts";
import { allPacketsMoveOn, canOthersSend, sleep, timedUndisturbed } from "../linux/process.ts";
import type { Answer, Connection } from "../netlink/connection.ts";
import { createFilter, deleteFilter, type FilterPlace, FIRST_FILTER, hookOf, readFilters } from "./filter.ts";
import {
  createDevice,
  deleteDevice,
  formatNote,
  type GateNote,
  quietDevice,
  takeUp,
  writeNote,
} from "./gate_device.ts";
import { gateDevice, inventName } from "./gate_name.ts";
import { changeRequest, createRequest, FIRST_HANDLE, type QdiscPlace } from "./plug_requests.ts";
import { findDevice, readQdiscs } from "./qdiscs.ts";

/** What came of the requests, and for how long at the most a device has discarded what it was given to send. */
export interface Grafted {
  answers: Answer[];
  gapMs(ifindex: number): number;
}

/** A device at whose root something is put in or taken out. */
export interface Root {
  ifindex: number;
  /** Whether filters for what leaves it can hang there, and a gate works. */
  hasHook: boolean;
}

/** What is known of a device, as a root. */
export function rootOf({ ifindex, kind }: LinkMessage, qdiscs: readonly QdiscMessage[]): Root {
  const clsact = qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.parent === TC_H_CLSACT);
  // A gate's redirect on an ifb would lose every packet.
  return { ifindex, hasHook: clsact?.kind === "clsact" && kind !== "ifb" };
}

/** A temporary gate, behind which all that leaves a device waits. */
interface Shelter {
  place: QdiscPlace;
  filter: FilterPlace;
  /** Whether there are other filters, to which packets may go before they reach it. */
  isPartial: boolean;
}

/** Behind every other filter, so that it takes packets from none. */
export const LAST_PRIORITY = 0xffff;
/** What may wait while a device is taken down and up again, in bytes. */
const LIMIT_BYTES = 256 << 20;
/** How long what waited may take to be let go while more comes, and how long to leave in the end, in milliseconds. */
const PASSING_MS = 100;
const LEAVING_MS = 5000;

/**
 * Puts qdiscs at the roots of devices, or takes them away, without losing what others send meanwhile. The kernel takes a
 * device's queues down for that, and discards what comes (6.1: for milliseconds, or tens of them). Where a device has a
 * clsact, all that leaves it waits in a gate made for that alone: it holds from its first moment on, and the same send
 * that lets packets into it lets them go again, so that it cannot go on holding should this process be killed. One that
 * is left is taken away by `recover`. Where there is no clsact, creating it would lose as much; where no other process
 * can send meanwhile, nothing is lost anyway.
 */
export function graft(
  connection: Connection,
  { roots, requests, operation }: { roots: readonly Root[]; requests: readonly Request[]; operation: AnyOperation },
): Grafted {
  const hooked = roots.filter(({ hasHook }) => hasHook).map(({ ifindex }) => ifindex);
  const shelters = hooked.length > 0 && canOthersSend() ? setUp(connection, { roots: hooked, operation }) : [];
  const isRoot = (index: number) => roots.some(({ ifindex }) => ifindex === index);
  if (shelters.length === 0) {
    const { result: answers, gapMs } = timedUndisturbed(() => connection.transact(requests));
    return { answers, gapMs: (ifindex) => isRoot(ifindex) ? gapMs : 0 };
  }
  const open = shelters.map(({ place, filter }) =>
    createFilter(filter, { compared: { kind: "flower", keys: [] }, redirectTo: place.ifindex })
  );
  const release = shelters.map(({ place }) => changeRequest(place, "release-indefinite"));
  const moveOn = deviceToDelete(connection);
  const batch = [...open, ...moveOn, ...requests, ...release];
  const { result, gapMs } = timedUndisturbed(() => connection.transact(batch));
  const from = open.length + moveOn.length;
  takeDown(connection, shelters);
  return {
    answers: result.slice(from, from + requests.length),
    gapMs: (ifindex) => {
      const index = shelters.findIndex(({ filter }) => filter.ifindex === ifindex);
      const isWhole = index >= 0 && result[index].errno === 0 && !shelters[index].isPartial;
      return isWhole || !isRoot(ifindex) ? 0 : gapMs;
    },
  };
}

/** Makes those that can be made, and that see nothing yet: a device without one is no failure. */
function setUp(
  connection: Connection,
  { roots, operation }: { roots: readonly number[]; operation: AnyOperation },
): Shelter[] {
  return roots.flatMap((ifindex) => {
    const others = readFilters(connection, { operation, hooks: [{ ifindex, side: "egress" }] });
    if (others.some(({ priority }) => priority === LAST_PRIORITY)) return [];
    const made = makeDevice(connection, ifindex);
    if (made === undefined) return [];
    const filter = { ifindex, parent: hookOf("egress"), priority: LAST_PRIORITY, handle: FIRST_FILTER };
    const place = { ifindex: made, parent: TC_H_ROOT, handle: FIRST_HANDLE };
    return [{ place, filter, isPartial: others.length > 0 }];
  });
}

/** The device of a gate that holds, and its note, by which `recover` finds the filter; none where the kernel refuses. */
function makeDevice(connection: Connection, root: number): number | undefined {
  const name = gateDevice(inventName());
  if (connection.transact([createDevice(name)])[0].errno !== 0) return undefined;
  const ifindex = findDevice(connection, name);
  const note: GateNote = {
    direction: "egress",
    devices: [root],
    ownClsact: [],
    limitBytes: LIMIT_BYTES,
    priority: LAST_PRIORITY,
    filters: 1,
  };
  const place = { ifindex, parent: TC_H_ROOT, handle: FIRST_HANDLE };
  const answers = connection.transact([
    writeNote(ifindex, formatNote(note).alias),
    quietDevice(ifindex),
    takeUp(ifindex),
    createRequest(place, { limitBytes: LIMIT_BYTES }),
  ]);
  if (answers.every(({ errno }) => errno === 0 || errno === EAFNOSUPPORT)) return ifindex;
  connection.transact([deleteDevice(ifindex)]);
  return undefined;
}

/**
 * A request that has the kernel wait, in the middle of a send, until every packet that was on its way to a root before
 * the filters were there has arrived: it deletes a device made for that.
 */
function deviceToDelete(connection: Connection): Request[] {
  const name = gateDevice(inventName());
  if (connection.transact([createDevice(name)])[0].errno !== 0) return [];
  return [deleteDevice(findDevice(connection, name))];
}

/** Takes away what is empty; what is not in time stays, and passes packets. */
function takeDown(connection: Connection, shelters: readonly Shelter[]): void {
  awaitEmpty(connection, { shelters, timeoutMs: PASSING_MS });
  connection.transact(shelters.map(({ filter }) => deleteFilter(filter)));
  allPacketsMoveOn();
  const left = awaitEmpty(connection, { shelters, timeoutMs: LEAVING_MS });
  // What has left the plug is on its way through the device.
  allPacketsMoveOn();
  sleep(1);
  const empty = shelters.filter(({ place }) => !left.has(place.ifindex));
  connection.transact(empty.map(({ place }) => deleteDevice(place.ifindex)));
}

/** Waits until nothing waits in any, and returns the devices in which something still does. */
function awaitEmpty(
  connection: Connection,
  { shelters, timeoutMs }: { shelters: readonly Shelter[]; timeoutMs: number },
): Set<number> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = readQdiscs(connection, "list qdiscs").filter(({ ifindex, stats }) =>
      shelters.some(({ place }) => place.ifindex === ifindex) && (stats?.backlogPackets ?? 0) > 0
    );
    if (left.length === 0 || performance.now() > deadline) return new Set(left.map(({ ifindex }) => ifindex));
    sleep(1);
  }
}
