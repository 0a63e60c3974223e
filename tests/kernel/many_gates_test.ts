/** Two hundred gates on one device. */

import { assert, assertEquals } from "@std/assert";
import { Connection, openSocket, type Socket } from "../../netlink/mod.ts";
import { Gate, listGates, Plug } from "../../mod.ts";
import { GatePair, witness } from "./gate_pair.ts";

const GATES = 200;
/** What adding one may take of our own time, in milliseconds, on top of the kernel's: the median of all. */
const OWN_MS = 2;

/** A socket that counts what is sent, and measures how long the kernel takes over it. */
class MeasuredSocket implements Socket {
  readonly #socket: Socket;
  sends = 0;
  kernelMs = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(length: number): number {
    this.sends++;
    return this.#measured(() => this.#socket.send(length));
  }

  receive = () => this.#measured(() => this.#socket.receive());
  receiveSlots = (lengths: Uint32Array) => this.#measured(() => this.#socket.receiveSlots(lengths));
  wait = (timeoutMs: number) => this.#measured(() => this.#socket.wait(timeoutMs));
  deviceIndex = (name: string) => this.#measured(() => this.#socket.deviceIndex(name));
  openNamespace = () => this.#measured(() => this.#socket.openNamespace());

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #measured(call: () => number): number {
    const start = performance.now();
    const result = call();
    this.kernelMs += performance.now() - start;
    return result;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

Deno.test("200 gates on a device: each is added fast, listed by one dump a kind, and moved by one send", async () => {
  using pair = new GatePair();
  const before = witness(pair.left);
  const socket = pair.left.enter(() => new MeasuredSocket(openSocket()));
  using connection = new Connection(socket);
  const ownMs: number[] = [];
  const gates = Array.from({ length: GATES }, (_, index) => {
    const [start, kernelMs] = [performance.now(), socket.kernelMs];
    const place = { name: `g${index}`, dev: "eth0", direction: "egress" } as const;
    const gate = Gate.open({ ...place, match: `tcp dst port ${8000 + index}`, connection });
    ownMs.push(performance.now() - start - (socket.kernelMs - kernelMs));
    return gate;
  });
  console.log(
    `own time of an addition: median ${median(ownMs)} ms, last ${ownMs.at(-1)} ms, most ${Math.max(...ownMs)} ms`,
  );
  assert(median(ownMs) < OWN_MS);

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
