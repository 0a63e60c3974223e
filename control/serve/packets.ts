import { GateCapture } from "../../capture/gate_capture.ts";
import { plainPacket, plainQueue } from "../../capture/plain.ts";
import { Connection } from "../../netlink/connection.ts";
import { problemOf } from "../problem.ts";
import { EventStream } from "./event_stream.ts";
import type { Service } from "./service.ts";

/** How long one look waits at the most, and how often it is told what waits, in milliseconds. */
const LOOK_MS = 100;
const WAITING_EVERY_MS = 1000;

/** Whose packets are told of. */
export interface Watched {
  gate?: readonly string[];
  dev?: readonly string[];
  netns?: string;
}

/**
 * Tells a reader of packets as they come in and leave, as `packet`, and of those that wait, as `waiting`, for as long as
 * it reads.
 *
 * @throws {QueueError} where there is no such gate or plug
 */
export function tellPackets(service: Service, { gate = [], dev = [], netns = service.netns }: Watched): Response {
  const connection = Connection.open({ netns });
  try {
    const places = dev.map((dev) => ({ dev }));
    const { watcher: guardian } = service;
    const capture = new GateCapture(connection, { gates: gate, places, netns, guardian, epochs: true });
    const end = new AbortController();
    const stream = new EventStream(() => end.abort());
    const ended = follow(capture, { stream, signal: end.signal }).finally(() => {
      capture[Symbol.dispose]();
      connection[Symbol.dispose]();
    });
    service.addReader(stream, ended);
    return stream.response;
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

async function follow(
  capture: GateCapture,
  { stream, signal }: { stream: EventStream; signal: AbortSignal },
): Promise<void> {
  try {
    if (capture.blind) {
      stream.tell("limit", { reason: `packets are shown as they leave only: ${capture.blind.reason}` });
    }
    for (let toldMs = -Infinity; !signal.aborted; await capture.wait(LOOK_MS)) {
      for (const event of capture.take()) stream.tell("packet", plainPacket(event, capture));
      if (performance.now() - toldMs < WAITING_EVERY_MS) continue;
      toldMs = performance.now();
      const nowNs = BigInt(Date.now()) * 1_000_000n;
      stream.tell("waiting", capture.queues().map((queue) => plainQueue(queue, { capture, nowNs })));
    }
  } catch (error) {
    // A gate that is gone has no packets any more.
    stream.tell("problem", problemOf(error));
    stream.end();
  }
}
