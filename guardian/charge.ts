import type { QdiscPlace } from "../plug/plug_requests.ts";

/** What a guardian puts right when the process that entrusted it is dead. */
export type Charge = PlugCharge | GateCharge | ProcessesCharge | NamespaceCharge;

/** A plug: released, and if `takeAway` says so drained and deleted. One that is not there is passed over. */
export interface PlugCharge {
  /** Which of the kinds it is. */
  kind: "plug";
  /** The device's name, for words. */
  dev: string;
  /** Where the plug is, by its own handle. */
  place: QdiscPlace;
  /** Whether it was attached by the process that dies, and goes with it. */
  takeAway: boolean;
  /** The path of its network namespace, which is opened at once; absent for the guardian's own. */
  netns?: string;
}

/** A gate: released, and if `takeAway` says so drained and taken down. One that is not there is passed over. */
export interface GateCharge {
  /** Which of the kinds it is. */
  kind: "gate";
  /** The gate's name. */
  name: string;
  /** Whether it was made by the process that dies, and goes with it. */
  takeAway: boolean;
  /** The path of its network namespace, which is opened at once; absent for the guardian's own. */
  netns?: string;
}

/**
 * Processes that have the variable `PLUGCTL_TAG` with this value in the environment that they were started with, as
 * those have that they start, daemons too: they get SIGTERM, and SIGKILL where they are still there 300 ms later.
 */
export interface ProcessesCharge {
  /** Which of the kinds it is. */
  kind: "processes";
  /** The variable's value, which nobody else has: `crypto.randomUUID()`. */
  tag: string;
  /** Whether those are left alone that are in a session of their own, as daemons are. */
  sparesDaemons?: boolean;
}

/** A network namespace of `ip netns`: what runs in it is ended, like `processes`, then its name is removed. */
export interface NamespaceCharge {
  /** Which of the kinds it is. */
  kind: "namespace";
  /** Its name, a file in `/run/netns`. */
  name: string;
}

/** The environment variable by which a guardian knows processes. */
export const TAG_VARIABLE = "PLUGCTL_TAG";
