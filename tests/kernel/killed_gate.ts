/**
 * Makes or deletes a gate, and is killed once the kernel has as many messages that change something as are given:
 * `killed_gate.ts add|delete COUNT`. The gate is on `eth0`, its name is `web`.
 *
 * @module
 */

import { sendRegion } from "../../codec/mod.ts";
import { openSocket, type Socket } from "../../linux/socket.ts";
import { Connection } from "../../netlink/connection.ts";
import { Gate } from "../../mod.ts";

/** A socket whose process ends with SIGKILL right behind message `count` of those that change something. */
class DeadlySocket implements Socket {
  readonly #socket = openSocket();
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  send(length: number): number {
    const end = this.#endOfLife(length);
    const sent = end > 0 ? this.#socket.send(end) : 0;
    if (end < length || this.#left === 0) Deno.kill(Deno.pid, "SIGKILL");
    return sent;
  }

  receive = () => this.#socket.receive();
  receiveSlots = (lengths: Uint32Array) => this.#socket.receiveSlots(lengths);
  wait = (timeoutMs: number) => this.#socket.wait(timeoutMs);
  deviceIndex = (name: string) => this.#socket.deviceIndex(name);
  openNamespace = () => this.#socket.openNamespace();

  get port(): number {
    return this.#socket.port;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** How many of the first `length` bytes still leave, in whole messages. */
  #endOfLife(length: number): number {
    const view = new DataView(sendRegion.buffer, sendRegion.byteOffset, length);
    let at = 0;
    while (at < length && this.#left > 0) {
      // The third of every four types asks for something, and changes nothing.
      if (view.getUint16(at + 4, true) % 4 !== 2) this.#left--;
      at += view.getUint32(at, true) + 3 & ~3;
    }
    return this.#left > 0 ? length : at;
  }
}

const [role, count] = Deno.args;
using connection = new Connection(new DeadlySocket(Number(count)));
if (role === "add") {
  const match = ["tcp dst port 8000", "udp src host 10.0.0.0/24"];
  Gate.open({ name: "web", dev: "eth0", direction: "ingress", match, connection });
} else {
  const [gate] = Gate.named(connection, ["web"]);
  await gate.close();
}
console.log("finished");
