// The messages that the fake kernel lists: qdiscs, links and routes.
import {
  IFLA_GSO_MAX_SIZE,
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
  TCA_KIND,
  TCA_STATS2,
  TCA_STATS_BASIC,
  TCA_STATS_QUEUE,
} from "../../codec/mod.ts";
import { attribute, bytes, cString, message, u16, u32 } from "../netlink/messages.ts";
import { type FakePlug, PACKET_BYTES } from "./fake_plug.ts";

/** A device. `kind` is empty for a physical one, `master` and `link` are 0 where there is none. */
export interface FakeDevice {
  readonly ifindex: number;
  readonly name: string;
  readonly kind: string;
  readonly mtu: number;
  readonly txqueuelen: number;
  readonly gsoMaxSize: number;
  readonly master: number;
  readonly link: number;
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

/** A route: a default route where `destinationLength` is 0. */
export interface FakeRoute {
  readonly family: number;
  readonly destinationLength: number;
  /** 1 is unicast. */
  readonly routeType: number;
  /** One device, or several next hops. */
  readonly ifindexes: readonly number[];
}

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
  const { ifindex, name, kind, mtu, txqueuelen, gsoMaxSize, master, link } = device;
  return message(
    { type: RTM_NEWLINK, flags: NLM_F_MULTI, sequence },
    u32(0, ifindex, 0, 0),
    attribute(IFLA_IFNAME, cString(name)),
    attribute(IFLA_MTU, u32(mtu)),
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
