/**
 * Which devices of a host are held, and which not because it is reached by them: a host with two cables, and what is to be
 * true of it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Gate, parseParent, Plug, QueueError } from "../../mod.ts";
import { connect, Host } from "./host.ts";
import { loadModules } from "./modules.ts";

/** A host with two cables to another: `eth0` and `eth1`, 10.0.0.1 and 10.0.1.1, to 10.0.0.2 and 10.0.1.2. */
export class Multihomed implements Disposable {
  readonly left = new Host();
  readonly right = new Host();
  readonly connection: Connection;

  constructor(lines: readonly string[]) {
    const { left, right } = this;
    const cables = [0, 1].map((number) => connect([left, right], { dev: `eth${number}` }));
    for (const [at, host] of [left, right].entries()) {
      const { mac } = cables[1][at];
      host.configure([
        `link set eth1 address ${mac.replace(/^02:00/, "02:01")}`,
        "address flush dev eth1",
        `address add 10.0.1.${at + 1}/24 dev eth1`,
        ...["eth0", "eth1"].map((dev) => `link set ${dev} arp on`),
      ]);
    }
    right.configure(["neighbour flush dev eth1"]);
    left.configure([
      "neighbour flush dev eth1",
      // A device forgets its neighbours when it begins to use ARP.
      "neighbour replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
      "neighbour replace 10.0.1.2 lladdr 02:01:00:00:00:02 dev eth1 nud permanent",
    ]);
    this.connection = left.enter(() => Connection.open());
    this.configure(lines);
  }

  /** Runs lines, those of `ip` that follow each other in one process. */
  configure(lines: readonly string[]): void {
    // Of ip a family is said before the command, which a batch has no room for.
    const isAlone = (line: string) => /^(tc|busybox|-6) /.test(line);
    for (let at = 0; at < lines.length;) {
      const next = lines.findIndex((line, index) => index > at && (isAlone(line) || isAlone(lines[at])));
      const end = next < 0 ? lines.length : next;
      if (!isAlone(lines[at])) this.left.configure(lines.slice(at, end));
      else this.left.run(...(lines[at].startsWith("-6") ? ["ip"] : []), ...lines[at].split(" "));
      at = end;
    }
  }

  /** Why something is not held, in few words, or that it is: a device, a class of it (`eth0/1:10`), or a gate. */
  verdictOn(what: string): string {
    const [place, direction, ...words] = what.split(" ");
    const [dev, parent] = place.split("/");
    const { connection } = this;
    try {
      if (!direction) {
        const below = parent === undefined ? {} : { parent: parseParent(parent) };
        Plug.attach({ dev, ...below, hold: true, connection })[Symbol.dispose]();
      } else {
        const match = words.length === 0 ? {} : { match: words.join(" ") };
        using gate = Gate.open({ dev, direction: direction as "in", ...match, connection });
        gate.buffer();
      }
      return "held";
    } catch (error) {
      if (!(error instanceof QueueError) || error.code !== "would-lock-out") throw error;
      return error.reason.replace(
        /^(it gets packets of (\S+), and|it) would hold packets of this SSH session .*/,
        "session $2",
      )
        .replace(/^it can hold packets of this SSH session .*: the class may have them$/, "session")
        .replace(/^the device (.*), which it would hold too$/, "$1")
        .replace(/^it gets packets of (\S+), which (.*), which it would hold too$/, "$2 $1").trim();
    }
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
    this.left[Symbol.dispose]();
    this.right[Symbol.dispose]();
  }
}

/** What is done to a host, and what may be held of it then. */
export interface Case {
  name: string;
  modules?: string[];
  /** Lines of `ip` on the host, or of `tc` or `busybox`, which they begin with. */
  lines: string[];
  session?: string;
  /** What may be held, and of the rest why not. */
  verdicts: Record<string, string>;
}

/** Why not, in few words; those of a session's packets alone are "session". */
export const CARRIES = "carries this SSH session";
export const MAY = "may carry this SSH session";
export const DEFAULT = "carries the default route";

/** Makes the hosts, and sees that what may be held is, and the rest is not. Without a session there is none. */
export function testCases(title: string, cases: readonly Case[]): void {
  for (const { name, modules = [], lines, session = "", verdicts } of cases) {
    Deno.test(`${title}: ${name}`, async () => {
      await loadModules(modules);
      using host = new Multihomed(lines);
      inSession(session, () => {
        assertEquals(Object.fromEntries(Object.keys(verdicts).map((what) => [what, host.verdictOn(what)])), verdicts);
      });
    });
  }
}

/** Does something as a child of an SSH server would, by its `SSH_CONNECTION`; with an empty one as none. */
export function inSession<T>(connection: string, work: () => T): T {
  Deno.env.set("SSH_CONNECTION", connection);
  try {
    return work();
  } finally {
    Deno.env.set("SSH_CONNECTION", "");
  }
}
