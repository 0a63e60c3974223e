/** Two hundred gates on one device. */

import { assertEquals } from "@std/assert";
import { Connection, openSocket, type Socket } from "../../netlink/mod.ts";
import { Gate, listGates, Plug } from "../../mod.ts";
import { GatePair, witness } from "./gate_pair.ts";

const GATES = 200;

/** A socket that counts what is sent. */
class CountingSocket implements Socket {
  readonly #socket: Socket;
  sends = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(length: number): number {
    this.sends++;
    return this.#socket.send(length);
  }

  receive = () => this.#socket.receive();
  receiveSlots = (lengths: Uint32Array) => this.#socket.receiveSlots(lengths);
  wait = (timeoutMs: number) => this.#socket.wait(timeoutMs);
  deviceIndex = (name: string) => this.#socket.deviceIndex(name);
  openNamespace = () => this.#socket.openNamespace();

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

Deno.test("200 gates on a device are listed by one dump a kind, and moved by one send", async () => {
  using pair = new GatePair();
  const before = witness(pair.left);
  const socket = pair.left.enter(() => new CountingSocket(openSocket()));
  using connection = new Connection(socket);
  const gates = Array.from({ length: GATES }, (_, index) => {
    const place = { name: `g${index}`, dev: "eth0", direction: "egress" } as const;
    return Gate.open({ ...place, match: `tcp dst port ${8000 + index}`, connection });
  });

  socket.sends = 0;
  assertEquals(listGates(connection).map(({ name, faults }) => [name, faults]), gates.map(({ name }) => [name, []]));
  // Links, qdiscs, and the filters of the one hook.
  assertEquals(socket.sends, 3);

  socket.sends = 0;
  Plug.all(gates).buffer();
  assertEquals(socket.sends, 1);
  Plug.all(gates).releaseIndefinite();
  for (const gate of gates) await gate.close();
  assertEquals(witness(pair.left), before);
});
