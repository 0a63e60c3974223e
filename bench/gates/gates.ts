// Makes 200 gates in a namespace that it may spoil, and prints what that took: a line a work, `name|milliseconds`.
import { Gate, listGates, Plug } from "../../mod.ts";
import { Connection, openSocket, type Socket } from "../../netlink/mod.ts";

const GATES = 200;

/** A socket that measures how long its system calls take. */
class MeasuredSocket implements Socket {
  readonly #socket = openSocket();
  callsMs = 0;

  send = (length: number) => this.#measured(() => this.#socket.send(length));
  receive = () => this.#measured(() => this.#socket.receive());
  receiveSlots = (lengths: Uint32Array) => this.#measured(() => this.#socket.receiveSlots(lengths));
  wait = (timeoutMs: number) => this.#measured(() => this.#socket.wait(timeoutMs));
  deviceIndex = (name: string) => this.#measured(() => this.#socket.deviceIndex(name));
  openNamespace = () => this.#socket.openNamespace();

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #measured(call: () => number): number {
    const start = performance.now();
    const result = call();
    this.callsMs += performance.now() - start;
    return result;
  }
}

function tool(...words: string[]): void {
  const { success } = new Deno.Command("ip", { args: words, stderr: "inherit" }).outputSync();
  if (!success) throw new Error(`ip ${words.join(" ")} failed`);
}

/** How long a work takes, in all and without the system calls. */
function measure(work: () => void): { allMs: number; ownMs: number } {
  const [start, callsMs] = [performance.now(), socket.callsMs];
  work();
  const allMs = performance.now() - start;
  return { allMs, ownMs: allMs - (socket.callsMs - callsMs) };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

tool("link", "add", "bench0", "type", "dummy");
const socket = new MeasuredSocket();
using connection = new Connection(socket);
const gates: Gate[] = [];
const additions = Array.from({ length: GATES }, (_, index) =>
  measure(() => {
    const place = { name: `g${index}`, dev: "bench0", direction: "egress" } as const;
    gates.push(Gate.open({ ...place, match: `tcp dst port ${8000 + index}`, connection }));
  }));
const group = Plug.all(gates);
const works = {
  "add one of 200, own time": median(additions.map(({ ownMs }) => ownMs)),
  "add one of 200, all": median(additions.map(({ allMs }) => allMs)),
  "list 200, own time": measure(() => void listGates(connection)).ownMs,
  "buffer 200 in one send, all": measure(() => group.buffer()).allMs,
  "release 200 in one send, all": measure(() => group.releaseIndefinite()).allMs,
};
for (const gate of gates) await gate.close();
tool("link", "delete", "bench0");
for (const [name, ms] of Object.entries(works)) console.log(`${name}|${ms}`);
