/**
 * A hold that others disturb, and what the holder says of it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { HoldCase } from "./hold_case.ts";
import { connect, type Host } from "./host.ts";
import { guardians, wakings } from "./process_table.ts";
import { until } from "./until.ts";

/** The words by which a device is held, */
export const DEV = ["--dev", "eth0", "--limit", "16m"];
/** and by which a gate is made. */
export const GATE = ["gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "udp dst port 5000"];
/** How long anything may take on a machine that is slow and has other work. */
export const WAIT = { timeoutMs: 60_000 };

/** How often the guardian is to have looked before what was sent is taken for seen. */
const LOOKS = 40;

/** Waits until the guardian has seen what was sent, at which it looks every 50 ms where it is given the processor. */
export async function seen(): Promise<void> {
  const before = guardians().map((pid) => ({ pid, wakings: wakings(pid) }));
  if (before.length === 0) throw new Error("Cannot wait for the looks of a guardian: there is none");
  const hasLooked = () => before.every(({ pid, wakings: first }) => !(wakings(pid) - first < LOOKS));
  await until(hasLooked, { ...WAIT, what: "the looks of the guardian" });
}

/** So that the guardian has acted on what was done, which the end of the hold waits for in any case. */
const noticed = () => new Promise((resolve) => setTimeout(resolve, 300));

/** A hold of datagrams that others disturb, on a cable of its own. */
export class Disturbed extends HoldCase {
  /** Holds, sends, disturbs, and returns what is said; whatever is not ours is as the disturbance has left it. */
  async by(words: string[], disturb: () => unknown): Promise<string> {
    const { outcome, endCommand } = await this.hold(words);
    this.send();
    await seen();
    let failure: unknown;
    try {
      await disturb();
      await noticed();
    } catch (error) {
      failure = error;
    }
    endCommand();
    const { status, stderr } = await outcome;
    if (failure) throw new Error(`${failure}; and: ${stderr}`);
    assertEquals(status, 1, stderr);
    return stderr;
  }

  /** Joins the two hosts by another cable. */
  connectAnew(): void {
    connect([this.left, this.right]);
  }

  /** Sees that all passes again that was not lost, and nothing is left. */
  async isOverAfterLoss(): Promise<void> {
    this.forgetSent();
    await this.isOver();
  }
}

/** Takes a host's end of the cable up or down. */
export const LINK_UP = (host: Host, up: boolean) => host.run("ip", "link", "set", "eth0", up ? "up" : "down");

/** Waits for the cable, and names the neighbours anew, whom a link that goes down forgets. */
export async function isJoined({ left }: Disturbed): Promise<void> {
  await until(() => left.run("ip", "link", "show", "eth0").includes("LOWER_UP"), { ...WAIT, what: "the cable" });
  left.configure([
    "neighbour replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
    "address replace fd00::1/64 dev eth0 nodad",
    "neighbour replace fd00::2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
  ]);
}
