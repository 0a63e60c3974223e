/**
 * Numbered datagrams: what a test sends, so that it can tell what arrived, and in which order.
 *
 * @module
 */

import type { SocketAddress, UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

/** Which datagrams are sent. */
export interface Numbers {
  /** The first one's number, 0 if not given */
  from?: number;
  count: number;
  /** The length of each one's payload, 4 to 65,507 bytes; 4 if not given */
  payloadBytes?: number;
}

/** Sends datagrams that carry consecutive numbers. */
export function sendNumbered(
  socket: UdpSocket,
  to: SocketAddress,
  { from = 0, count, payloadBytes = 4 }: Numbers,
): void {
  const payload = new Uint8Array(payloadBytes);
  const view = new DataView(payload.buffer);
  for (let number = from; number < from + count; number++) {
    view.setUint32(0, number);
    socket.send(payload, to);
  }
}

/** Returns the numbers of the datagrams that have arrived by now, in the order of their arrival. */
export function arrivedNumbers(socket: UdpSocket): number[] {
  const numbers: number[] = [];
  for (let data = socket.receive(); data; data = socket.receive()) {
    numbers.push(new DataView(data.buffer).getUint32(0));
  }
  return numbers;
}

/**
 * Waits until as many datagrams have arrived as are expected, or more, and returns their numbers.
 *
 * @throws {Error} If fewer arrive within `timeoutMs`.
 */
export async function receiveNumbers(
  socket: UdpSocket,
  { count, timeoutMs }: { count: number; timeoutMs: number },
): Promise<number[]> {
  const numbers: number[] = [];
  await until(() => numbers.push(...arrivedNumbers(socket)) >= count, {
    timeoutMs,
    what: `${count} datagrams`,
  });
  return numbers;
}
