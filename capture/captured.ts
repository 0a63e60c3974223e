/**
 * What a capture is told to do, and what it tells of packets.
 *
 * @module
 */

import type { Guardian } from "../guardian/guardian.ts";
import type { PlugPlace } from "../plug/queue.ts";
import type { Arrival, Departure, Waiting } from "./packet_queue.ts";

/** A packet of a plug: as it came in, or as it left. */
export type PacketEvent =
  & CapturedPlace
  & ({ event: "in"; packet: Arrival } | { event: "out"; packet: Departure });

/** Whose packets they are. */
export interface CapturedPlace {
  /** The gate's name; of a plug on a device, the device's. */
  gate: string;
  /** The device, where it is a plug on one. */
  dev?: string;
}

/** What is captured, and how. */
export interface CaptureOptions {
  /** The gates' names. */
  gates?: readonly string[];
  /** Plugs on devices, whose packets are seen as they leave only. */
  places?: readonly PlugPlace[];
  /** How many bytes of each packet are kept. Default 256. */
  snapLength?: number;
  /** The network namespace of the connection. Default: this process's. */
  netns?: string;
  /** Takes the taps out when this process is dead. */
  guardian?: Guardian;
  /** Whether to tell in which epoch each packet came. */
  epochs?: boolean;
  /** How much may wait for `take`, in bytes of the kernel's. Default 64 MiB. */
  bufferBytes?: number;
}

/** How many packets a capture knows less of. */
export interface CaptureLosses extends CapturedPlace {
  /** Packets that came in, of which there is no copy. */
  arrivals: number;
  /** Packets that left, of which there is no copy. */
  departures: number;
  /** Packets that came in and never left. */
  dropped: number;
}

/** What waits in one plug. */
export interface CapturedWaiting extends CapturedPlace {
  /** How many packets the kernel says that wait, and their bytes. */
  backlogPackets: number;
  backlogBytes: number;
  /** Those that are known of, the oldest first. Some may have been dropped by a queue that was full. */
  waiting: readonly Waiting[];
  /** How many packets the queue has dropped since the capture began. */
  drops: number;
}
