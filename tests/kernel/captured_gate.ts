/**
 * A gate whose packets are looked at.
 *
 * @module
 */

import { GateCapture, type PacketEvent } from "../../capture/gate_capture.ts";
import { Gate, type GateOptions } from "../../mod.ts";
import type { Connection } from "../../netlink/connection.ts";
import { assertEquals } from "@std/assert";
import { WAIT, withoutCounters, witness } from "./gate_pair.ts";
import type { Host } from "./host.ts";
import { until } from "./until.ts";

/** What the gate takes. */
export const MATCH = "udp dst port 9000";
/** Where datagrams go that it takes. */
export const TO = { address: "10.0.0.2", port: 9000 };

/** Opens a gate for what leaves eth0 by `MATCH`, unless the options say otherwise. */
export function openWeb(connection: Connection, options: Partial<GateOptions> = {}): Gate {
  return Gate.open({ name: "web", dev: "eth0", direction: "egress", match: MATCH, connection, ...options });
}

/** A capture of that gate on a host. */
export function captureOf(host: Host, connection: Connection): GateCapture {
  return new GateCapture(connection, { gates: ["web"], netns: host.name });
}

/** Takes events until so many are there. */
export async function takeEvents(capture: GateCapture, count: number): Promise<PacketEvent[]> {
  const events: PacketEvent[] = [];
  await until(async () => {
    await capture.wait(20);
    events.push(...capture.take());
    return events.length >= count;
  }, { ...WAIT, what: `${count} events` }).catch((error) => {
    throw new Error(`${error.message}; ${events.length} came`);
  });
  return events;
}

/** Waits until the devices, qdiscs and filters of a host are as they were, and shows them where they stay otherwise. */
export async function seeAsBefore(host: Host, before: string): Promise<void> {
  await until(() => withoutCounters(witness(host)) === before, { ...WAIT, what: "all as it was" })
    .catch(() => assertEquals(withoutCounters(witness(host)), before));
}
