import { ARPHRD_ETHER, RTN_LOCAL } from "../codec/numbers.ts";
import type { Side } from "./filter.ts";
import { conversation, type Ends, type Flow, type Hardware, type Look, opaque, resolution } from "./flow.ts";
import { MACS } from "./match/fields.ts";
import { familyOf, type Hop, type OwnAddress, type Packets } from "./routes.ts";
import { isAddressHolder, once, type Surroundings } from "./surroundings.ts";

/** The device by which packets of a conversation go in one direction, and who is behind it. */
export interface Way {
  hop: Hop;
  side: Side;
  /** Who takes them on, or brings them; absent where that is not known. */
  next?: Uint8Array;
  /** Whether they may go there, and perhaps do not. */
  isDoubtful: boolean;
}

/** What says more of how packets find their way than their ends do. */
export interface Given {
  /** The mark that they have for certain. */
  mark?: number;
  /** The device that they leave by for certain. */
  out?: number;
  /** The devices by which they may come in that are forwarded. */
  in?: readonly number[];
}

export const SIDES: readonly Side[] = ["egress", "ingress"];

/**
 * The ways of a conversation. Out: what the kernel chooses for such packets, with each mark and type of service that its
 * rules tell apart. In: by the same devices, by those that it might have chosen, and by those that have the address; where
 * only loopback and its like have that, by all that lead to a gateway.
 */
export function waysOf(around: Surroundings, ends: Ends, given: Given = {}): Way[] {
  const { local, remote } = ends;
  const holders = local
    ? around.addresses(familyOf(remote)).filter(({ address }) => isSame(address, local)).map(({ ifindex }) => ifindex)
    : [];
  const ways = [...waysOut(around, { ends, given, holders })];
  const known = new Set(ways.map(({ hop }) => hop.ifindex));
  const others = arrivals(around, { ends, holders }).filter((ifindex) => !known.has(ifindex));
  return [
    ...ways,
    ...others.map((ifindex): Way => ({
      hop: { ifindex, isWrapped: false },
      side: "ingress",
      isDoubtful: !holders.includes(ifindex),
    })),
  ];
}

function* waysOut(
  around: Surroundings,
  { ends, given: { mark = 0, out, in: ins }, holders }: { ends: Ends; given: Given; holders: readonly number[] },
): Generator<Way> {
  const markings = mark === 0 ? around.markings(familyOf(ends.remote)) : [{ mark, tos: 0 }];
  const outs = out === undefined ? domainsOf(around, holders) : [out];
  const packets = packetsOf(ends, "egress");
  // The kernel answers nothing where the source is not an address of its own, unless it forwards them.
  const source = holders.length > 0 || ins ? ends.local : undefined;
  const places = ins ? ins.map((ifindex) => ({ in: ifindex })) : outs.map((out) => ({ out }));
  const asked = places.flatMap((place) =>
    markings.map((marking): Packets => ({ ...packets, source, marking, ...place }))
  );
  const chosen = around.findRoutes(asked);
  const whole = around.findRoutes(asked.map((each) => ({ ...each, every: true })));
  for (const [index, route] of chosen.entries()) {
    for (const hop of route?.hops ?? []) {
      const way = { hop, next: hop.gateway ?? ends.remote, isDoubtful: index % markings.length > 0 };
      yield* SIDES.map((side) => ({ ...way, side }));
    }
  }
  for (const hop of whole.flatMap((route) => route?.hops ?? [])) {
    yield { hop, next: hop.gateway ?? ends.remote, side: "ingress", isDoubtful: true };
  }
}

/** The VRFs in which the address is, by which packets are sent from there; `undefined` stands for none. */
function domainsOf(around: Surroundings, holders: readonly number[]): (number | undefined)[] {
  const devices = around.devices();
  const domains = holders.map((ifindex) => {
    const device = devices.get(ifindex);
    const domain = device?.kind === "vrf" ? device : devices.get(device?.master ?? 0);
    return domain?.kind === "vrf" ? domain.ifindex : undefined;
  });
  return domains.length === 0 ? [undefined] : [...new Set(domains)];
}

/** The devices by which packets come in that find the address here, as far as the kernel takes them there. */
function arrivals(around: Surroundings, { ends, holders }: { ends: Ends; holders: readonly number[] }): number[] {
  const devices = around.devices();
  const cabled = holders.filter((ifindex) => {
    const device = devices.get(ifindex);
    return device && !isAddressHolder(device);
  });
  const likely = holders.length > 0 && cabled.length === 0 ? [...around.uplinks()] : cabled;
  if (likely.length === 0 || !ends.local) return [];
  const packets = packetsOf(ends, "ingress");
  const answers = around.findRoutes(likely.map((ifindex) => ({ ...packets, source: ends.remote, in: ifindex })));
  return likely.filter((_, index) => answers[index]);
}

function packetsOf({ local, remote, protocol, localPort, remotePort }: Ends, side: Side): Packets {
  const isIn = side === "ingress";
  return {
    destination: isIn ? local ?? remote : remote,
    protocol,
    sourcePort: isIn ? remotePort : localPort,
    destinationPort: isIn ? localPort : remotePort,
  };
}

/** What goes over a device where a conversation has a way by it: its packets, and what finds the next host. */
export function flowsOf(around: Surroundings, way: Way, ends: Ends): Flow[] {
  const { hop, side, next, isDoubtful } = way;
  const { ifindex } = hop;
  if (hop.isWrapped) return [{ ifindex, side, tag: "any", isDoubtful, look: opaque }];
  const own = ethernetOf(around, ifindex);
  const hardware = once(() => ({ own, next: own && around.hardwareOf(ifindex, next) }));
  const flow = (side: Side, look: () => Look): Flow => ({ ifindex, side, tag: "none", isDoubtful, look });
  return [
    flow(side, () => ({
      packets: [conversation(ends, side, hardware())],
      unknown: side === "egress" && hardware().next ? [] : [MACS.src, MACS.dst],
    })),
    // By what is no Ethernet there is one neighbour only.
    ...own
      ? SIDES.map((side) => ({ ...flow(side, () => findsNext(around, { way, ends, side, hardware })), isAside: true }))
      : [],
  ];
}

interface Search {
  way: Way;
  ends: Ends;
  side: Side;
  hardware: () => Hardware;
}

function findsNext(around: Surroundings, { way, ends: { local, remote }, side, hardware }: Search): Look {
  const { next, hop } = way;
  const { length } = next ?? remote;
  const own = around.addresses(familyOf(next ?? remote)).filter(({ ifindex }) => ifindex === hop.ifindex);
  const link = { own: own.map(({ address }) => address), local, next, hardware: hardware() };
  return { packets: resolution(link, side, length === 4 ? 4 : 16) };
}

/** The hardware address of a device, where that is Ethernet. */
export function ethernetOf(around: Surroundings, ifindex: number): Uint8Array | undefined {
  const device = around.devices().get(ifindex);
  return device?.type === ARPHRD_ETHER ? device.hardware : undefined;
}

/** Whether what is sent to an address ends here: a device has it, or a route says so. */
export function isOwn(around: Surroundings, address: Uint8Array): boolean {
  return around.addresses(familyOf(address)).some((own) => isSame(own.address, address)) ||
    around.findRoutes([{ destination: address }])[0]?.type === RTN_LOCAL;
}

function isSame(one: OwnAddress["address"], other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
