/**
 * Traffic that never pauses: numbered datagrams from one host to another, at a rate, so that a test can tell how many were
 * lost on the way.
 *
 * @module
 */

import { readLines } from "../../linux/incoming.ts";
import type { Host } from "./host.ts";

const PROGRAM = `${import.meta.dirname}/traffic.py`;

/** What became of the datagrams of the whole time. */
export interface Arrival {
  sent: number;
  lost: number;
  reordered: number;
}

/** Between whom. */
export interface Route {
  from: Host;
  to: Host;
  /** The address of `to`, of IPv4 */
  address: string;
  /** Datagrams a second */
  rate: number;
}

/** Runs `work` while datagrams are on their way without a pause, and tells what became of them. */
export async function underTraffic({ from, to, address, rate }: Route, work: () => Promise<void>): Promise<Arrival> {
  const end = (host: Host, ...words: string[]) =>
    host.spawn(["python3", PROGRAM, ...words], { stdin: "piped", stdout: "piped" });
  const receiver = end(to, "receive", address, "9000");
  const arrived = readLines(receiver.stdout);
  await arrived.next();
  const sender = end(from, "send", address, "9000", String(rate));
  const departed = readLines(sender.stdout);
  await departed.next();
  try {
    await work();
  } finally {
    await sender.stdin.close();
  }
  const { sent } = JSON.parse((await departed.next()).value);
  await receiver.stdin.close();
  const { received, reordered } = JSON.parse((await arrived.next()).value);
  return { sent, lost: sent - received, reordered };
}
