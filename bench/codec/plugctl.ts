// Our codec at each work of the table.
import {
  decodeReceived,
  encodeChange,
  encodeRequest,
  readReceived,
  receiveRegion,
  RTM_NEWQDISC,
  slotLengths,
  TC_H_ROOT,
  TCQ_PLUG_RELEASE_ONE,
  verifyAcks,
} from "../../codec/mod.ts";
import { readSlots } from "../../codec/received.ts";
import { ACKS, acks, dumpChunk, measure, report, type Results } from "./input.ts";

const plug = { action: TCQ_PLUG_RELEASE_ONE, limit: 0 };
const place = { ifindex: 2, handle: 0x504c0000, parent: TC_H_ROOT };
const results: Results = {};

results.single = measure(1, (round) => encodeChange(0, round, 2, 0x504c0000, TC_H_ROOT, TCQ_PLUG_RELEASE_ONE, 0));
const request = { type: RTM_NEWQDISC, ...place, plug } as const;
results["single-object"] = measure(1, (round) => encodeRequest(request, { at: 0, sequence: round }));

receiveRegion.set(acks());
slotLengths.fill(36);
results["acks-verified"] = measure(ACKS, () => verifyAcks(ACKS, 1));
results["acks-fields"] = measure(ACKS, () => {
  const records = readSlots(ACKS);
  let sum = 0;
  while (records.next()) sum += records.errno + records.sequence;
  return sum;
});

const { bytes, count } = dumpChunk();
receiveRegion.set(bytes);
results["dump-records"] = measure(count, () => readReceived(bytes.length).count);
results["dump-cursor"] = measure(count, () => {
  const records = readReceived(bytes.length);
  let sum = 0;
  while (records.next()) {
    sum ^= records.ifindex ^ records.handle ^ records.parent ^ records.kind.length ^ records.bytes ^ records.packets ^
      records.backlogPackets ^ records.backlogBytes ^ records.drops ^ records.requeues ^ records.overlimits;
  }
  return sum;
});
results["dump-objects"] = measure(count, () => decodeReceived(bytes.length).length);
report(results);
