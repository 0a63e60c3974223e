import type { LinkMessage } from "../codec/message.ts";
import { type Attribute, findAttribute, readAttributes } from "../codec/records.ts";
import { NLM_F_DUMP } from "../codec/assembly/constants.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import { askFamily, mayFind, NETLINK_NETFILTER } from "../netlink/families.ts";
import type { Action } from "../plug/action.ts";
import { type Filter, isGateFilter } from "../plug/filter.ts";
import { type Cube, intersectAll, isCovered } from "../plug/match/cube.ts";
import { cubeOfFilter } from "./match/clauses.ts";

/** What filters that plugctl did not make do to a gate, and it to them, each as tc names it. */
export interface Others {
  /** Those behind it: they do not see the packets that the gate takes, on their way in or back. */
  bypassed: string[];
  /** Those before it that take packets away: the gate does not see these. */
  before: string[];
}

const TC_ACT_UNSPEC = -1;
const TC_ACT_PIPE = 3;
/** `TC_ACT_*` as tc writes them. */
const VERDICTS: Readonly<Record<number, string>> = {
  [TC_ACT_UNSPEC]: "continue",
  0: "pass",
  1: "reclassify",
  2: "drop",
  3: "pipe",
  4: "stolen",
  5: "queued",
  8: "trap",
};
const MIRRED = ["", "egress redirect", "egress mirror", "ingress redirect", "ingress mirror"];
const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  3: "all",
  0x0800: "ip",
  0x86dd: "ipv6",
  0x0806: "arp",
  0x8100: "802.1Q",
  0x88a8: "802.1ad",
};

/** Where a gate stands among the filters of a hook, and what it matches. */
export interface Standing {
  priority: number;
  cubes: readonly Cube[];
  /** Those of them that it lets pass. */
  except?: readonly Cube[];
}

/** Looks through the filters of a hook for those that meet some of a gate's packets. */
export function othersAt(
  filters: readonly Filter[],
  { priority, links = [], ...standing }: Standing & { links?: readonly LinkMessage[] },
): Others {
  const foreign = filters.filter((filter) => filter.chain === 0 && !isGateFilter(filter) && overlaps(filter, standing));
  const name = (filter: Filter) => nameFilter(filter, links);
  return {
    bypassed: foreign.filter((filter) => filter.priority > priority).map(name),
    before: foreign.filter((filter) => filter.priority < priority && isFinal(filter)).map(name),
  };
}

/** Of a filter of another kind than flower nothing is known but its protocol. */
function overlaps(filter: Filter, { cubes, except = [] }: Omit<Standing, "priority">): boolean {
  return intersectAll(cubes, [cubeOfFilter(filter)]).some((both) => !isCovered(both, except));
}

/**
 * Whether some later filter does not see all that it matches: its actions are asked one after the other, and only what ends
 * with `continue` goes on. Some have two outcomes: `police` of what is within the rate and what is not.
 */
function isFinal({ actions }: Filter): boolean {
  for (const { verdict, otherVerdict = verdict } of actions) {
    const outcomes = [verdict, otherVerdict];
    if (outcomes.some((each) => each !== TC_ACT_UNSPEC && each !== TC_ACT_PIPE)) return true;
    if (!outcomes.includes(TC_ACT_PIPE)) return false;
  }
  return true;
}

/** A filter as tc names it: `filter protocol ip pref 5000 flower chain 0 handle 0x1 (drop)`. */
export function nameFilter(filter: Filter, links: readonly LinkMessage[] = []): string {
  const { protocol, priority, kind, chain, handle, actions } = filter;
  const family = PROTOCOL_NAMES[protocol] ?? `[${protocol.toString(16)}]`;
  const done = actions.map((action) => nameAction(action, links)).join(", ");
  return `filter protocol ${family} pref ${priority} ${kind} chain ${chain} handle ${nameHandle(kind, handle)}` +
    (done === "" ? "" : ` (${done})`);
}

function nameHandle(kind: string, handle: number): string {
  if (kind !== "u32") return `0x${handle.toString(16)}`;
  const hash = handle >>> 12 & 0xff;
  return `${(handle >>> 20).toString(16)}:${hash === 0 ? "" : hash.toString(16)}:${(handle & 0xfff).toString(16)}`;
}

function nameAction({ kind, verdict, mirred }: Action, links: readonly LinkMessage[]): string {
  if (mirred) {
    const device = links.find(({ ifindex }) => ifindex === mirred.ifindex)?.name ?? `#${mirred.ifindex}`;
    return `mirred ${MIRRED[mirred.what] ?? mirred.what} to ${device}`;
  }
  if (kind !== "gact" || verdict === undefined) return kind;
  // `TC_ACT_GOTO_CHAIN`
  if (verdict >>> 28 === 2) return `goto chain ${verdict & 0xfffffff}`;
  return VERDICTS[verdict] ?? `gact ${verdict}`;
}

// `linux/netfilter.h`, `linux/netfilter/nfnetlink.h`, `nf_tables.h`
const NFT_MSG_GETCHAIN = 10 << 8 | 4;
/** The families of tables that have a hook for what comes in on a device, the hook's number, and what nft calls them. */
const INGRESS_HOOKS: Readonly<Record<number, { hook: number; name: string }>> = {
  1: { hook: 5, name: "inet" },
  5: { hook: 0, name: "netdev" },
};
/** Where the family stands in a message, the first member of `struct nfgenmsg`, and where that ends. */
const FAMILY_AT = 16;
const NFGENMSG_END = 20;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_USE = 6;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_DEV = 3;
const NFTA_HOOK_DEVS = 4;
const NF_ACCEPT = 1;
const LOADED = "/sys/module/nf_tables";
const MODULES = "/lib/modules";

/**
 * The chains of nft on the ingress hooks of devices, by the devices' names: a packet that comes back from a gate meets none
 * of them. Nothing where the kernel has none, or does not tell.
 */
export function ingressChains(connection: Connection): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  if (!hasTables()) return found;
  const request = {
    type: NFT_MSG_GETCHAIN,
    flags: NLM_F_DUMP,
    fields: [{ name: "nfgenmsg", value: new Uint8Array(4) }],
  };
  try {
    const operation = "look for chains of nft";
    for (const message of askFamily(connection, { family: NETLINK_NETFILTER, operation, request })) {
      for (const { dev, name } of ingressChainIn(message)) found.set(dev, [...found.get(dev) ?? [], name]);
    }
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
  }
  return found;
}

/** Whether the kernel may have tables of nft: where they are a module that is not loaded, to ask would load it. */
function hasTables(): boolean {
  if (mayFind(LOADED, () => Deno.statSync(LOADED).isDirectory)) return true;
  return mayFind(MODULES, () => {
    const release = Deno.readTextFileSync("/proc/sys/kernel/osrelease").trim();
    const builtIn = `${MODULES}/${release}/modules.builtin`;
    const isThere = mayFind(builtIn, () => Deno.statSync(builtIn).isFile);
    return !isThere || Deno.readTextFileSync(builtIn).includes("/nf_tables.ko");
  });
}

/** The devices on whose ingress hook a chain hangs that does something: it has rules, or drops. */
function ingressChainIn(message: Uint8Array): { dev: string; name: string }[] {
  const family = INGRESS_HOOKS[message[FAMILY_AT]];
  const attributes = readAttributes(message, NFGENMSG_END);
  const hook = readAttributes(findAttribute(attributes, NFTA_CHAIN_HOOK) ?? new Uint8Array());
  if (!family || bigEndian(findAttribute(hook, NFTA_HOOK_HOOKNUM)) !== family.hook) return [];
  const isIdle = bigEndian(findAttribute(attributes, NFTA_CHAIN_USE)) === 0 &&
    bigEndian(findAttribute(attributes, NFTA_CHAIN_POLICY)) === NF_ACCEPT;
  if (isIdle) return [];
  const words = [NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME].map((type) => textIn(findAttribute(attributes, type)));
  const name = `chain ${family.name} ${words.join(" ")} of nft, whatever the priority`;
  return devicesIn(hook).map((dev) => ({ dev, name }));
}

function devicesIn(hook: readonly Attribute[]): string[] {
  const all = readAttributes(findAttribute(hook, NFTA_HOOK_DEVS) ?? new Uint8Array()).map(({ value }) => textIn(value));
  const one = findAttribute(hook, NFTA_HOOK_DEV);
  return all.length > 0 || !one ? all : [textIn(one)];
}

function bigEndian(value: Uint8Array | undefined): number | undefined {
  return value && new DataView(value.buffer, value.byteOffset, value.length).getUint32(0);
}

function textIn(value: Uint8Array = new Uint8Array()): string {
  return new TextDecoder().decode(value).replace(/\0.*$/s, "");
}
