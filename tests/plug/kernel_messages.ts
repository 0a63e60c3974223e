// The messages that the fake kernel lists: qdiscs, links and routes.
import {
  IFLA_GSO_MAX_SIZE,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_TXQLEN,
  NLM_F_MULTI,
  RTA_MULTIPATH,
  RTA_OIF,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
  RTM_NEWTFILTER,
  TCA_KIND,
  TCA_OPTIONS,
  TCA_STATS2,
  TCA_STATS_BASIC,
  TCA_STATS_QUEUE,
} from "../../codec/mod.ts";
import { IFLA_STATS64 } from "../../codec/numbers.ts";
import type { Attribute } from "../../codec/records.ts";
import { attribute, bytes, cString, message, u16, u32 } from "../netlink/messages.ts";
import { type FakePlug, PACKET_BYTES } from "./fake_plug.ts";

/** A device. `kind` is empty for a physical one, `master` and `link` are 0 where there is none. */
export interface FakeDevice {
  readonly ifindex: number;
  readonly name: string;
  readonly kind: string;
  readonly mtu: number;
  readonly txqueuelen: number;
  /** What is written on it. */
  alias: string;
  /** Whether it is up, with a carrier. */
  isUp: boolean;
  readonly isLoopback: boolean;
  /** Whether clsact or ingress was ever there. */
  hadHook: boolean;
  readonly gsoMaxSize: number;
  readonly master: number;
  readonly link: number;
  /** How many packets have left its plug, and how many of these it has discarded. */
  left: number;
  discarded: number;
  /** How many more lists of qdiscs find that nothing has left the device, though it was released. */
  stuck: number;
}

/** A qdisc, which is a plug where `plug` is there. */
export interface FakeQdisc {
  readonly ifindex: number;
  readonly kind: string;
  readonly handle: number;
  parent: number;
  readonly plug?: FakePlug;
}

/** A filter of a hook. */
export interface FakeFilter {
  readonly ifindex: number;
  readonly parent: number;
  readonly priority: number;
  readonly protocol: number;
  readonly handle: number;
  readonly kind: string;
  /** What a flower filter compares. */
  keys: readonly Attribute[];
  actions: readonly FakeAction[];
}

/** An action: of mirred `target` is the device, 0 where that is gone; of sample `group` gets the copies. */
export interface FakeAction {
  readonly kind: string;
  readonly index: number;
  readonly verdict: number;
  target?: number;
  readonly group?: number;
  readonly cookie?: Uint8Array;
  packets: number;
}

/** A route: a default route where `destinationLength` is 0. */
export interface FakeRoute {
  readonly family: number;
  readonly destinationLength: number;
  /** 1 is unicast. */
  readonly routeType: number;
  /** One device, or several next hops. */
  readonly ifindexes: readonly number[];
}

const ARPHRD_ETHER = 1;
const IFF_UP = 1;
const IFF_LOOPBACK = 8;
const IFF_LOWER_UP = 1 << 16;
const TCA_CHAIN = 11;
const TCA_FLOWER_ACT = 3;
const TCA_EGRESS_REDIR = 1;

export function qdiscMessage(sequence: number, { ifindex, handle, parent, kind, plug }: FakeQdisc): Uint8Array {
  const { packets = 0, drops = 0, queue = [] } = plug ?? {};
  const basic = attribute(TCA_STATS_BASIC, u32(packets * PACKET_BYTES, 0, packets, 0));
  const counters = attribute(TCA_STATS_QUEUE, u32(queue.length, queue.length * PACKET_BYTES, drops, 0, 0));
  return message(
    { type: RTM_NEWQDISC, flags: NLM_F_MULTI, sequence },
    u32(0, ifindex, handle, parent, 2),
    attribute(TCA_KIND, cString(kind)),
    attribute(TCA_STATS2, bytes(basic, counters)),
  );
}

export function linkMessage(sequence: number, device: FakeDevice): Uint8Array {
  const { ifindex, name, kind, mtu, txqueuelen, gsoMaxSize, master, link, alias, isUp, isLoopback } = device;
  const { left, discarded } = device;
  return message(
    { type: RTM_NEWLINK, flags: NLM_F_MULTI, sequence },
    u32(ARPHRD_ETHER << 16, ifindex, (isUp ? IFF_UP | IFF_LOWER_UP : 0) | (isLoopback ? IFF_LOOPBACK : 0), 0),
    attribute(IFLA_IFNAME, cString(name)),
    ...alias ? [attribute(IFLA_IFALIAS, cString(alias))] : [],
    attribute(IFLA_MTU, u32(mtu)),
    // `struct rtnl_link_stats64`: rx_packets is its first member, rx_dropped its seventh.
    attribute(IFLA_STATS64, u32(left, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, discarded, 0)),
    attribute(IFLA_TXQLEN, u32(txqueuelen)),
    attribute(IFLA_GSO_MAX_SIZE, u32(gsoMaxSize)),
    ...master ? [attribute(IFLA_MASTER, u32(master))] : [],
    ...link ? [attribute(IFLA_LINK, u32(link))] : [],
    ...kind ? [attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, cString(kind)))] : [],
  );
}

export function routeMessage(sequence: number, route: FakeRoute): Uint8Array {
  const { family, destinationLength, routeType, ifindexes } = route;
  const nextHops = bytes(...ifindexes.map((ifindex) => bytes(u16(8, 0), u32(ifindex))));
  return message(
    { type: RTM_NEWROUTE, flags: NLM_F_MULTI, sequence },
    Uint8Array.of(family, destinationLength, 0, 0, 254, 3, 0, routeType),
    u32(0),
    ifindexes.length === 1 ? attribute(RTA_OIF, u32(...ifindexes)) : attribute(RTA_MULTIPATH, nextHops),
  );
}

/** A filter, or with handle 0 what the kernel lists before those of a priority: no options. */
export function filterMessage(sequence: number, filter: FakeFilter): Uint8Array {
  const { ifindex, handle, parent, priority, protocol, kind, keys, actions } = filter;
  const info = (priority << 16 | (protocol & 0xff) << 8 | protocol >> 8) >>> 0;
  const options = [
    ...keys.map(({ type, value }) => attribute(type, value)),
    attribute(TCA_FLOWER_ACT, bytes(...actions.map((action, at) => attribute(at + 1, actionBytes(action))))),
  ];
  return message(
    { type: RTM_NEWTFILTER, flags: NLM_F_MULTI, sequence },
    u32(0, ifindex, handle, parent, info),
    attribute(TCA_KIND, cString(kind)),
    attribute(TCA_CHAIN, u32(0)),
    ...handle === 0 ? [] : [attribute(TCA_OPTIONS, bytes(...options))],
  );
}

/** `TCA_ACT_KIND`, `_STATS`, `_COOKIE` and `_OPTIONS`, of which parameters 2 begin with `tc_gen`. */
function actionBytes({ kind, index, verdict, target, group, cookie, packets }: FakeAction): Uint8Array {
  const general = u32(index, 0, verdict, 1, 1);
  const own = target === undefined ? general : bytes(general, u32(TCA_EGRESS_REDIR, target));
  return bytes(
    attribute(1, cString(kind)),
    attribute(4, attribute(TCA_STATS_BASIC, u32(packets * PACKET_BYTES, 0, packets, 0))),
    ...cookie ? [attribute(6, cookie)] : [],
    attribute(2, bytes(attribute(2, own), ...group === undefined ? [] : [attribute(5, u32(group))])),
  );
}
