/** Two hundred gates on one device. */

import { assert, assertEquals } from "@std/assert";
import { Connection, type Trace } from "../../netlink/connection.ts";
import { Gate, listGates, Plug } from "../../mod.ts";
import { GatePair, witness } from "./gate_pair.ts";

const GATES = 200;
const RTM_NEWQDISC = 36;

Deno.test("200 gates on a device are listed by one dump a kind, and moved by one send", async () => {
  using pair = new GatePair();
  const before = witness(pair.left);
  let [sends, changes] = [0, 0];
  const trace: Trace = (direction, bytes) => {
    if (direction !== "sent") return;
    sends++;
    if (new DataView(bytes.buffer, bytes.byteOffset).getUint16(4, true) === RTM_NEWQDISC) changes++;
  };
  using connection = pair.left.enter(() => Connection.open({ trace }));
  const gates = Array.from({ length: GATES }, (_, index) => {
    const place = { name: `g${index}`, dev: "eth0", direction: "egress" } as const;
    return Gate.open({ ...place, match: `tcp dst port ${8000 + index}`, connection });
  });

  sends = 0;
  assertEquals(listGates(connection).map(({ name, faults }) => [name, faults]), gates.map(({ name }) => [name, []]));
  // Links, qdiscs, and the filters of the one hook.
  assertEquals(sends, 3);

  [sends, changes] = [0, 0];
  Plug.all(gates).buffer();
  // The filters of the one hook, links and routes, which say whether it may be held; and then all of them in one.
  assert(sends <= 12, `${sends} sends`);
  assertEquals(changes, 1);
  Plug.all(gates).releaseIndefinite();
  for (const gate of gates) await gate.close();
  assertEquals(witness(pair.left), before);
});
