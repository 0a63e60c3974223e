import * as v from "valibot";
import { inNamespace } from "../../linux/namespace.ts";
import type { ConditionKind } from "../step.ts";
import type { Condition } from "../plan.ts";
import { bounded } from "../run/clock.ts";
import { FLAG, IP, wholeNumber } from "../source/scalar.ts";
import { mistake, planHostOf, TIMEOUT_MS } from "../source/context.ts";

/** A TCP port. */
export interface PortCondition extends Condition {
  about: "port";
  port: number;
  /** Connects there. Without it, the host is asked whether a process listens, and no packet is sent. */
  address?: string;
  answers: boolean;
  /** How long a connection may take to come about, in milliseconds. */
  timeoutMs?: number;
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
    const limit = address === undefined ? {} : { timeoutMs: context.defaults.timeoutMs ?? TIMEOUT_MS };
    if (!udp) return { condition: { about: "port", port, address, answers, ...limit }, host };
    if (address === undefined) return { condition: { about: "port", port, answers, udp }, host };
    const what = `${label} asks a port of UDP for a connection`;
    return mistake(tree, { what, expected: "no address: whether a process listens" }, context);
  },
  describe: ({ port, address, answers, udp }) =>
    `${udp ? "UDP " : ""}${placeOf(port, address)} ${answers ? "answers" : "does not answer"}`,
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  async look({ port, address, answers, udp }, { host, stage: { hosts }, signal }) {
    const netns = hosts.netnsOf(host);
    if (address === undefined) {
      const does = isListening({ port, protocol: udp ? "udp" : "tcp" }, netns);
      const found = `${does ? "a" : "no"} process listens on ${udp ? "UDP " : ""}port ${port}`;
      return { holds: does === answers, found };
    }
    const what = await tryConnecting(netns, { hostname: address, port, signal });
    return { holds: (what === "succeeds") === answers, found: `a connection to ${placeOf(port, address)} ${what}` };
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

/** What comes of a TCP connection from a network namespace to an IP address. */
async function tryConnecting(
  netns: string | undefined,
  address: { hostname: string; port: number; signal: AbortSignal },
): Promise<"succeeds" | "fails" | "is not answered"> {
  try {
    (await connectFrom(netns, address)).close();
    return "succeeds";
  } catch (error) {
    if (address.signal.aborted) return "is not answered";
    // What the network answers has an errno's name.
    if (error instanceof Error && typeof (error as { code?: unknown }).code === "string") return "fails";
    throw error;
  }
}

/**
 * Connects to a TCP port of an IP address, from a network namespace; rejects with the signal's reason as soon as that is
 * aborted: while its packets are held, a connection neither succeeds nor fails.
 */
export async function connectFrom(
  netns: string | undefined,
  { signal, ...address }: { hostname: string; port: number; signal: AbortSignal },
): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const given = new AbortController();
  const connect = () => Deno.connect({ ...address, signal: given.signal });
  // The socket is made at once, while the process is there.
  const connecting = netns === undefined ? connect() : inNamespace(netns, connect);
  try {
    return await bounded(connecting, { signal });
  } catch (error) {
    if (signal.aborted) {
      given.abort();
      connecting.then((connection) => connection.close(), () => {});
    }
    throw error;
  }
}
