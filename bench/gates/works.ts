// What is done with 200 gates, over any socket, and what it took.
import { Gate, listGates, Plug } from "../../mod.ts";
import type { Socket } from "../../linux/socket.ts";
import { Connection } from "../../netlink/connection.ts";

const GATES = 200;
/** A device that the gates see, and that may be spoilt. */
export const DEVICE = "bench0";

/** Adds, lists and moves 200 gates, and prints what each took: a line a work, `name|milliseconds`. */
export function measureWorks(socket: Socket): Gate[] {
  const measured = new MeasuredSocket(socket);
  const connection = new Connection(measured);
  const gates: Gate[] = [];
  const additions = Array.from({ length: GATES }, (_, index) =>
    measured.measure(() => {
      const place = { name: `g${index}`, dev: DEVICE, direction: "egress" } as const;
      gates.push(Gate.open({ ...place, match: `tcp dst port ${8000 + index}`, connection }));
    }));
  const group = Plug.all(gates);
  const works = {
    "add one of 200, own time": median(additions.map(({ ownMs }) => ownMs)),
    "add one of 200, all": median(additions.map(({ allMs }) => allMs)),
    "list 200, own time": measured.measure(() => void listGates(connection)).ownMs,
    "buffer 200 in one send, all": measured.measure(() => group.buffer()).allMs,
    "release 200 in one send, all": measured.measure(() => group.releaseIndefinite()).allMs,
  };
  for (const [name, ms] of Object.entries(works)) console.log(`${name}|${ms}`);
  return gates;
}

/** A socket that measures how long its system calls take. */
class MeasuredSocket implements Socket {
  #callsMs = 0;

  constructor(readonly socket: Socket) {}

  send = (length: number) => this.#timed(() => this.socket.send(length));
  receive = () => this.#timed(() => this.socket.receive());
  receiveSlots = (lengths: Uint32Array) => this.#timed(() => this.socket.receiveSlots(lengths));
  wait = (timeoutMs: number) => this.#timed(() => this.socket.wait(timeoutMs));
  deviceIndex = (name: string) => this.#timed(() => this.socket.deviceIndex(name));
  openNamespace = () => this.socket.openNamespace();

  get port(): number {
    return this.socket.port;
  }

  /** How long a work takes, in all and without the system calls. */
  measure(work: () => void): { allMs: number; ownMs: number } {
    const [start, callsMs] = [performance.now(), this.#callsMs];
    work();
    const allMs = performance.now() - start;
    return { allMs, ownMs: allMs - (this.#callsMs - callsMs) };
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  #timed<T>(call: () => T): T {
    const start = performance.now();
    const result = call();
    this.#callsMs += performance.now() - start;
    return result;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}
