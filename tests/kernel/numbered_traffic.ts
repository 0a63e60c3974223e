/**
 * Numbered datagrams that one host sends to another through a gate, which a test makes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import type { Gate } from "../../mod.ts";
import { GatePair, WAIT } from "./gate_pair.ts";
import type { Host } from "./host.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

export const NUMBERED_PORT = 5000;
/** What one of the datagrams measures in a queue. */
export const NUMBERED_BYTES = 46;
/** The gate that they go through. */
export const NUMBERED_GATE = {
  name: "web",
  dev: "eth0",
  direction: "egress",
  match: `udp dst port ${NUMBERED_PORT}`,
} as const;

/** A scenario that holds them from its first step on, and logs that it does. */
export function numberedScenario(host: Host, steps: string): string {
  return `name: numbered
hosts: { near: { netns: ${host.name} } }
defaults: { host: near, timeout: 60s }
gates: { web: { dev: eth0, direction: out, match: "${NUMBERED_GATE.match}" } }
steps:
  - buffer: web
  - log: begun
${steps}`;
}

/** Two hosts, of which one sends numbered datagrams through a gate. */
export class NumberedTraffic implements Disposable {
  readonly pair = new GatePair();
  readonly connection = Connection.open({ netns: this.pair.left.name });
  readonly #to = { address: this.pair.ends[1].ipv4, port: NUMBERED_PORT };
  readonly #sender = new UdpSocket(this.pair.left, { address: this.pair.ends[0].ipv4, port: 0 });
  readonly #receiver = new UdpSocket(this.pair.right, this.#to);
  readonly arrived: number[] = [];
  sent = 0;

  get left() {
    return this.pair.left;
  }

  send(count: number): void {
    sendNumbered(this.#sender, this.#to, { from: this.sent, count });
    this.sent += count;
  }

  /** Takes what has arrived by now. */
  receive(): number {
    return this.arrived.push(...arrivedNumbers(this.#receiver));
  }

  /** Waits until the first `count` of all that was sent have arrived, and no others. */
  async hasArrived(count: number): Promise<void> {
    await until(() => this.receive() >= count, { ...WAIT, what: `${count} datagrams` });
    assertEquals(this.arrived, Array.from({ length: count }, (_, number) => number));
  }

  /** Waits until a gate holds so many packets; those on their way to it are in a softirq. */
  async holds(gate: Gate, packets: number): Promise<void> {
    await until(() => gate.stats().backlogPackets === packets, { ...WAIT, what: `${packets} packets held` });
    assertEquals(gate.stats().backlogBytes, packets * NUMBERED_BYTES);
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
    this.pair[Symbol.dispose]();
  }
}
