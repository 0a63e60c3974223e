/**
 * The places at which a plug can be, each made ready on a host's `eth0`.
 *
 * @module
 */

import type { Host } from "./host.ts";

/** A place, and the options that name it. */
export interface Place {
  name: string;
  prepare(host: Host): void;
  /** To attach. */
  attach: string[];
  /** For every other command. */
  queue: string[];
}

const DEV = ["--dev", "eth0"];

/** A device's root, and a class of a prio through which all packets go. */
export const PLACES: readonly Place[] = [{
  name: "a device's root",
  prepare: () => {},
  attach: DEV,
  queue: DEV,
}, {
  name: "class 1:4 of a prio",
  prepare: (host) => {
    const toTheFourthBand = Array(16).fill("3");
    const prio = ["root", "handle", "1:", "prio", "bands", "4", "priomap", ...toTheFourthBand];
    host.run("tc", "qdisc", "add", "dev", "eth0", ...prio);
  },
  attach: [...DEV, "--parent", "1:4", "--handle", "40:"],
  queue: [...DEV, "--parent", "1:4"],
}];
