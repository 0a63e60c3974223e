/**
 * Datagrams past a hook of a host, and where they arrive.
 *
 * @module
 */

import { GatePair, WAIT } from "./gate_pair.ts";
import { arrivedNumbers, receiveNumbers, sendNumbered } from "./numbered.ts";
import { UdpSocket } from "./udp_socket.ts";

/** How many datagrams are sent. */
export const COUNT = 50;
/** To which port. */
export const PORT = 7001;
/** Where pedit sends what was meant for `PORT`. */
export const OTHER = 7002;
/** Marks the end: what arrives before it is all that arrives. */
export const END = 7003;

/** A hook. */
export type Side = "ingress" | "egress";

/** A pair of hosts between which datagrams pass a hook of `left`. */
export class Traffic implements Disposable {
  /** The hosts. */
  readonly pair = new GatePair();
  readonly #sender: UdpSocket;
  readonly #receivers: UdpSocket[];
  readonly #address: string;

  /** Joins two hosts; `side` is the hook of `left` that datagrams pass. */
  constructor(side: Side) {
    const [near, far] = this.pair.ends;
    const [from, to] = side === "egress" ? [near, far] : [far, near];
    this.pair.left.configure(["link add sink type dummy"]);
    // It is to send nothing on its own account.
    this.pair.left.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/sink/disable_ipv6 && ip link set sink up");
    this.#address = to.ipv4;
    this.#sender = new UdpSocket(from.host, { address: from.ipv4, port: 0 });
    this.#receivers = [PORT, OTHER, END].map((port) => new UdpSocket(to.host, { address: to.ipv4, port }));
  }

  /** Sends the datagrams, and tells how many have arrived at which port, and how many at the device `sink`. */
  async arrived(): Promise<[port: number, other: number, sink: number]> {
    const before = this.#sunk();
    this.send();
    sendNumbered(this.#sender, { address: this.#address, port: END }, { count: 1 });
    const [port, other, end] = this.#receivers;
    await receiveNumbers(end, { count: 1, ...WAIT });
    return [arrivedNumbers(port).length, arrivedNumbers(other).length, this.#sunk() - before];
  }

  send(): void {
    sendNumbered(this.#sender, { address: this.#address, port: PORT }, { count: COUNT });
  }

  tc(...words: string[]): void {
    this.pair.left.run("tc", ...words);
  }

  #sunk(): number {
    return Number(this.pair.left.run("cat", "/sys/class/net/sink/statistics/tx_packets"));
  }

  [Symbol.dispose](): void {
    for (const socket of [this.#sender, ...this.#receivers]) socket[Symbol.dispose]();
    this.pair[Symbol.dispose]();
  }
}
