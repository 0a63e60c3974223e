/**
 * TCP transfers between hosts, by real sockets in processes of their own.
 *
 * @module
 */

import { readLines } from "../../linux/incoming.ts";
import type { End } from "./host.ts";

const PORT = 5001;
const PROGRAM = `${import.meta.dirname}/tcp_end.py`;

/** What passed through one end. */
export interface Passed {
  bytes: number;
  sha256: string;
}

/** What is transferred, and how. */
export interface TransferOptions {
  bytes: number;
  /** `ipv4` if not given */
  family?: "ipv4" | "ipv6";
}

/** What passed through either end; nothing was lost or changed if the two are equal. */
export interface Transfer {
  sent: Passed;
  received: Passed;
}

/** Sends random bytes over a TCP connection, and returns what either end saw when it has closed. */
export async function transfer(
  [from, to]: [End, End],
  { bytes, family = "ipv4" }: TransferOptions,
): Promise<Transfer> {
  const receiver = speak(to, ["receive", to[family], `${PORT}`]);
  await receiver.next(); // it listens
  const sender = speak(from, ["send", to[family], `${PORT}`, `${bytes}`]);
  const [sent, received] = await Promise.all([sender.next(), receiver.next()]);
  return { sent: parse(sent.value), received: parse(received.value) };
}

/** Starts `tcp_end.py` on a host and yields the lines that it says. */
function speak({ host }: End, args: string[]): AsyncGenerator<string> {
  return readLines(host.spawn(["python3", PROGRAM, ...args], { stdin: "null", stdout: "piped" }).stdout);
}

function parse(line: string | undefined): Passed {
  if (line === undefined) throw new Error("Cannot transfer: an end failed, as said above");
  return JSON.parse(line);
}
