// Changes of a qdisc by our socket and codec, one at a time and 64 a send; of a plug by our Connection too.
import {
  encode,
  encodeChange,
  type FieldInput,
  type QdiscRequest,
  RTM_NEWQDISC,
  sendRegion,
  slotLengths,
  TC_H_ROOT,
  TCQ_PLUG_RELEASE_INDEFINITE,
  verifyAcks,
} from "../../codec/mod.ts";
import { Plug } from "../../mod.ts";
import { openSocket } from "../../linux/socket.ts";
import { Connection } from "../../netlink/connection.ts";

const BATCH = 64;
const MEASURED_MS = 300;
const LOOK = 16;
const [kind] = Deno.args;
using socket = openSocket();
const ifindex = socket.deviceIndex("lo");
const place = { ifindex, handle: 0x10000, parent: TC_H_ROOT };
const plug = { action: TCQ_PLUG_RELEASE_INDEFINITE, limit: 0 };
let sequence = 0;

/** Makes so many changes stand in the send region, and returns their length. */
type Prepare = (sequence: number) => number;

function changesOfPlugs(count: number): Prepare {
  const { handle, parent } = place;
  return (sequence) => {
    let length = 0;
    for (let index = 0; index < count; index++) {
      length += encodeChange(length, sequence + index, ifindex, handle, parent, plug.action, plug.limit);
    }
    return length;
  };
}

/** The same of pfifos, which only the tree can say. */
function changesOfFifos(count: number): Prepare {
  const message = encode({ name: "message", fields: fifoFields() });
  const view = new DataView(sendRegion.buffer, sendRegion.byteOffset);
  const all = new Uint8Array(count * message.length);
  for (let index = 0; index < count; index++) all.set(message, index * message.length);
  return (sequence) => {
    sendRegion.set(all);
    for (let index = 0; index < count; index++) view.setUint32(index * message.length + 8, sequence + index, true);
    return all.length;
  };
}

function fifoFields(): FieldInput[] {
  return [
    { name: "len", value: 0 },
    { name: "type", value: RTM_NEWQDISC, length: 2 },
    { name: "flags", value: 5, length: 2 },
    { name: "sequence", value: 0 },
    { name: "portId", value: 0 },
    { name: "family, padding", value: 0 },
    { name: "ifindex", value: ifindex },
    { name: "handle", value: place.handle },
    { name: "parent", value: place.parent },
    { name: "info", value: 0 },
    { name: "KIND", attributeType: 1, value: "pfifo" },
    { name: "OPTIONS", attributeType: 2, value: 100 },
  ];
}

function exchange(count: number, prepare: Prepare): void {
  const first = sequence + 1;
  sequence += count;
  if (socket.send(prepare(first)) < 0) throw new Error("Cannot send");
  const received = count === 1 ? receiveOne() : socket.receiveSlots(slotLengths.subarray(0, count));
  if (received !== count || verifyAcks(count, first) !== count) throw new Error("The kernel refused a change");
}

/** A plain read, whose place is the first slot. */
function receiveOne(): number {
  slotLengths[0] = socket.receive();
  return 1;
}

function measure(changes: number, work: () => void): string {
  let best = Infinity;
  for (let run = 0; run < 5; run++) {
    const from = performance.now();
    let rounds = 0;
    do {
      // A look at the clock costs something too, most of all where it is a system call.
      for (let round = 0; round < LOOK; round++) work();
      rounds += LOOK;
    } while (performance.now() - from < MEASURED_MS);
    best = Math.min(best, (performance.now() - from) / rounds);
  }
  return (best / changes * 1e6).toFixed(1);
}

const prepared = kind === "plug" ? changesOfPlugs : changesOfFifos;
const [one, many] = [prepared(1), prepared(BATCH)];
console.log("one", measure(1, () => exchange(1, one)));
console.log("many", measure(BATCH, () => exchange(BATCH, many)));

if (kind === "plug") {
  using connection = Connection.open();
  const request: QdiscRequest = { type: RTM_NEWQDISC, ...place, plug };
  const requests = new Array(BATCH).fill(request);
  console.log("transact-one", measure(1, () => connection.transact([request])));
  console.log("transact-many", measure(BATCH, () => connection.transact(requests)));
  const opened = Plug.open({ dev: "lo", handle: place.handle, connection });
  console.log("api", measure(2, () => void (opened.buffer(), opened.releaseIndefinite())));
}
