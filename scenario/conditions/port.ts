import * as v from "valibot";
import { inNamespace } from "../../linux/namespace.ts";
import type { ConditionKind } from "../condition.ts";
import type { Condition } from "../plan.ts";
import { IP } from "../source/address.ts";
import { planHostOf } from "../source/context.ts";
import { FLAG, wholeNumber } from "../source/scalar.ts";

/** A TCP port. */
export interface PortCondition extends Condition {
  about: "port";
  port: number;
  /** Connects there. Without it, the host is asked whether a process listens, and no packet is sent. */
  address?: string;
  answers: boolean;
}

const ENTRIES = { port: wholeNumber(1, 65535), address: v.optional(IP), answers: v.optional(FLAG, true) };
const LISTENS = "0A";

/** Whether a TCP port answers. */
export const PORT_CONDITION: ConditionKind<PortCondition, typeof ENTRIES> = {
  about: "port",
  entries: ENTRIES,
  expected: "a condition: { port: 8000 }",
  isOnHost: true,
  plan({ fields: { port, address, answers }, tree, given, context }) {
    const host = planHostOf(given, { tree, what: `port ${port}`, context });
    return { condition: { about: "port", port, address, answers }, host };
  },
  describe: ({ port, address, answers }) => `${placeOf(port, address)} ${answers ? "answers" : "does not answer"}`,
  async look({ port, address, answers }, { host, stage: { hosts } }) {
    const netns = hosts.netnsOf(host);
    const does = address === undefined
      ? isListening(port, netns)
      : await canConnect({ hostname: address, port }, netns);
    const found = address === undefined
      ? `${does ? "a" : "no"} process listens on port ${port}`
      : `a connection to ${placeOf(port, address)} ${does ? "succeeds" : "fails"}`;
    return { holds: does === answers, found };
  },
};

function placeOf(port: number, address: string | undefined): string {
  return address === undefined ? `port ${port}` : `port ${port} of ${address}`;
}

/** Whether a process of a network namespace listens on a TCP port. Sends nothing. */
function isListening(port: number, netns: string | undefined): boolean {
  const read = () => ["tcp", "tcp6"].map((name) => readIfThere(`/proc/thread-self/net/${name}`)).join("\n");
  const table = netns === undefined ? read() : inNamespace(netns, read);
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return local.endsWith(suffix) && state === LISTENS;
  });
}

/** A kernel without IPv6 has no table of it. */
function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Whether a TCP connection from a network namespace to an IP address succeeds. */
async function canConnect(
  { hostname, port }: { hostname: string; port: number },
  netns: string | undefined,
): Promise<boolean> {
  const connect = () => Deno.connect({ hostname, port });
  try {
    // The socket is made at once, while the process is there.
    const connection = await (netns === undefined ? connect() : inNamespace(netns, connect));
    connection.close();
    return true;
  } catch (error) {
    // What the network answers has an errno's name.
    if (error instanceof Error && typeof (error as { code?: unknown }).code === "string") return false;
    throw error;
  }
}
