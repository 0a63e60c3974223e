import * as v from "valibot";
import { inNamespace } from "../../linux/namespace.ts";
import type { ConditionKind } from "../step.ts";
import type { Condition } from "../plan.ts";
import { FLAG, IP, wholeNumber } from "../source/scalar.ts";
import { mistake, planHostOf } from "../source/context.ts";

/** A TCP port. */
export interface PortCondition extends Condition {
  about: "port";
  port: number;
  /** Connects there. Without it, the host is asked whether a process listens, and no packet is sent. */
  address?: string;
  answers: boolean;
  /** Whether it is one of UDP, of which only the host can be asked. */
  udp?: boolean;
}

const ENTRIES = {
  port: wholeNumber(1, 65535),
  address: v.optional(IP),
  answers: v.optional(FLAG, true),
  udp: v.optional(FLAG),
};
/** The state of a socket that waits, for connections or for datagrams. */
const WAITS = { tcp: "0A", udp: "07" };

/** Whether a TCP port answers. */
export const PORT_CONDITION: ConditionKind<PortCondition, typeof ENTRIES> = {
  about: "port",
  entries: ENTRIES,
  expected: "a condition: { port: 8000 }",
  isOnHost: true,
  plan({ fields: { port, address, answers, udp }, tree, label, given, context }) {
    const host = planHostOf(given, { tree, what: `port ${port}`, context });
    if (!udp) return { condition: { about: "port", port, address, answers }, host };
    if (address === undefined) return { condition: { about: "port", port, answers, udp }, host };
    const what = `${label} asks a port of UDP for a connection`;
    return mistake(tree, { what, expected: "no address: whether a process listens" }, context);
  },
  describe: ({ port, address, answers, udp }) =>
    `${udp ? "UDP " : ""}${placeOf(port, address)} ${answers ? "answers" : "does not answer"}`,
  async look({ port, address, answers, udp }, { host, stage: { hosts } }) {
    const netns = hosts.netnsOf(host);
    const does = address === undefined
      ? isListening({ port, protocol: udp ? "udp" : "tcp" }, netns)
      : await canConnect({ hostname: address, port }, netns);
    const found = address === undefined
      ? `${does ? "a" : "no"} process listens on ${udp ? "UDP " : ""}port ${port}`
      : `a connection to ${placeOf(port, address)} ${does ? "succeeds" : "fails"}`;
    return { holds: does === answers, found };
  },
};

function placeOf(port: number, address: string | undefined): string {
  return address === undefined ? `port ${port}` : `port ${port} of ${address}`;
}

/** Whether a process of a network namespace listens on a port. Sends nothing. */
function isListening(
  { port, protocol }: { port: number; protocol: "tcp" | "udp" },
  netns: string | undefined,
): boolean {
  const read = () => [protocol, `${protocol}6`].map((name) => readIfThere(`/proc/thread-self/net/${name}`)).join("\n");
  const table = netns === undefined ? read() : inNamespace(netns, read);
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return local.endsWith(suffix) && state === WAITS[protocol];
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
