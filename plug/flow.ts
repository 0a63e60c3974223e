import type { HookLooks, Side } from "./filter.ts";
import { bits, type Cube, EVERYTHING, type Field, intersectAll, is, isCovered, range } from "./match/cube.ts";
import {
  ADDRESSES,
  all,
  CT_STATE,
  type End,
  FRAGMENT,
  ICMP6_TYPE,
  IPV4,
  IPV6,
  MACS,
  PORTS,
  PROTOCOL,
  PROTOCOLS,
  TAGGED,
  TCP,
  TCP_FLAGS,
  TCP_FLAGS_FIELD,
  TOS,
  TTL,
  VLAN_ID,
} from "./match/fields.ts";

/** Packets on their way through a device, as they look there. */
export interface Flow {
  ifindex: number;
  side: Side;
  /** The VLAN that their outermost tag says, whether they have none, or that this is not known. */
  tag: number | "none" | "any";
  /** What they are, looked up when it is asked for. */
  look: () => Look;
  /** Whether they may go there, and perhaps do not. */
  isDoubtful?: boolean;
  /** Whether it is not what goes on, but what that needs beside it; or it is not known how much of that it is. */
  isAside?: boolean;
  /** Where filters have sent it on: from which device, by its name, and which packets. */
  sent?: { from: string; packets: readonly Cube[] };
}

/** What packets are. */
export interface Look {
  /** Each is in one of these, which say nothing of tags. */
  packets: readonly Cube[];
  /** What is not known of them, though they have but one value there. */
  unknown?: readonly Field[];
  /** Of what goes anywhere: where that goes which has a way of its own. */
  elsewhere?: readonly Cube[];
}

/** What would be held of a device. */
export interface Held {
  readonly sides: readonly Side[];
  /** Which packets; absent for all of them. Filters are read for that where they are not in `looks`. */
  readonly packets?: (looks?: HookLooks) => readonly Cube[];
  /** Those of them that pass. */
  readonly except?: (looks?: HookLooks) => readonly Cube[];
  /** Whether others may come there, too. */
  readonly isClass?: true;
}

/** Whether some of a flow's packets would be held, or might be. */
export function canHold(held: Held, flow: Flow): boolean {
  if (!held.sides.includes(flow.side)) return false;
  const cubes = among(flow, held.isClass ? undefined : held.packets?.());
  if (cubes === undefined) return true;
  const except = held.except?.() ?? [];
  return tagged(flow, flow.look().packets).some((packet) =>
    intersectAll([packet], cubes).some((both) => !isCovered(both, except))
  );
}

/** Whether all would be held of one kind of packet that a flow has. */
export function holdsAll(held: Held, flow: Flow): boolean {
  if (!held.sides.includes(flow.side) || flow.isAside) return false;
  const cubes = among(flow, held.packets?.());
  if (cubes === undefined) return true;
  if (cubes.length === 0) return false;
  const { packets, unknown: untold = [], elsewhere = [] } = flow.look();
  // What connection tracking has found is known of none.
  const unknown = [...untold, CT_STATE];
  const wanted = cubes.map((cube) => new Map([...cube].filter(([field]) => !unknown.includes(field))));
  // What compares something that is not known may let pass none of them.
  const except = (held.except?.() ?? []).filter((cube) => unknown.every((field) => !cube.has(field)));
  return tagged(flow, packets).some((packet) =>
    isCovered(packet, [...elsewhere, ...wanted]) &&
    intersectAll([packet], except).every((passing) => isCovered(passing, elsewhere))
  );
}

/** Which of the packets that are held filters may send on to there. */
function among({ sent }: Flow, held: readonly Cube[] | undefined): readonly Cube[] | undefined {
  return sent && held ? intersectAll(sent.packets, held) : sent?.packets ?? held;
}

function tagged({ tag }: Flow, packets: readonly Cube[]): readonly Cube[] {
  if (tag === "any") return packets;
  const tags = tag === "none" ? is(TAGGED, 0) : all(is(TAGGED, 1), is(VLAN_ID, tag));
  return packets.map((cube) => all(tags, cube));
}

/** Packets of which nothing is known. */
export const opaque = (): Look => ({ packets: [EVERYTHING] });

/** Two ends of a conversation of this machine; what is absent may be anything. */
export interface Ends {
  local?: Uint8Array;
  remote: Uint8Array;
  protocol?: number;
  localPort?: number;
  remotePort?: number;
}

/** Hardware addresses, of who is known. */
export interface Hardware {
  own?: Uint8Array;
  next?: Uint8Array;
}

/** The packets of a conversation in one direction; of TCP those of an open connection, which have an ACK and no SYN. */
export function conversation({ local, remote, protocol, ...ports }: Ends, side: Side, hardware: Hardware = {}): Cube {
  const isIn = side === "ingress";
  const [from, to] = isIn ? [remote, local] : [local, remote];
  const [fromPort, toPort] = isIn ? [ports.remotePort, ports.localPort] : [ports.localPort, ports.remotePort];
  return all(
    remote.length === 4 ? IPV4 : IPV6,
    ...protocol === undefined ? [] : [is(PROTOCOL, protocol)],
    ...protocol === PROTOCOLS.tcp ? [OPEN] : [],
    ...address("src", from),
    ...address("dst", to),
    ...fromPort === undefined ? [] : [is(PORTS.src, fromPort)],
    ...toPort === undefined ? [] : [is(PORTS.dst, toPort)],
    ...mac(isIn ? "dst" : "src", hardware.own),
    // Another router than the one that takes packets on may bring them
    ...isIn ? [] : mac("dst", hardware.next),
  );
}

/** What every packet of a connection has that is there already. */
const OPEN = bits(TCP_FLAGS_FIELD, TCP_FLAGS.ack, TCP_FLAGS.ack | TCP_FLAGS.syn);

/** Both kinds of packet by which data goes on in an open connection: what ends it and what is urgent is not. */
const DATA = [TCP_FLAGS.ack, TCP_FLAGS.ack | TCP_FLAGS.psh].map((flags) => bits(TCP_FLAGS_FIELD, flags, 0xfff));
const LINUX_TTL = 64;
/** From that of FTP's data to the last that Linux gives: a match that leaves out only others leaves no way out. */
const ORDINARY_PORTS = [20, 60999] as const;

/** Ordinary packets of a host to and from the whole Internet: those of TCP that carry data. */
export function ordinary(
  { size, own, next, address: local }: Hardware & { size: 4 | 16; address?: Uint8Array },
  side: Side,
): Cube[] {
  const isIn = side === "ingress";
  return DATA.map((flags) =>
    plain(
      all(
        size === 4 ? IPV4 : IPV6,
        TCP,
        flags,
        range(PORTS.src, ...ORDINARY_PORTS),
        range(PORTS.dst, ...ORDINARY_PORTS),
        ...address(isIn ? "dst" : "src", local),
        ...mac(isIn ? "dst" : "src", own),
        ...mac(isIn ? "src" : "dst", next),
      ),
      side,
    )
  );
}

/** Of packets of IP those that get no special treatment, are in one piece, and leave with the time to live that Linux gives. */
export function plain(cube: Cube, side: Side): Cube {
  return all(cube, is(TOS, 0), bits(FRAGMENT, 0, 3), ...side === "ingress" ? [] : [is(TTL, LINUX_TTL)]);
}

/** What no ordinary packet of the Internet is from or for: this network, loopback, multicast, and what is kept for later. */
const NOWHERE: readonly [size: 4 | 16, value: bigint, length: number][] = [
  [4, 0n, 8],
  [4, 0x7f000000n, 8],
  [4, 0xe0000000n, 3],
  // But 2000::/3 nothing of IPv6 is given to hosts everywhere.
  [16, 0n, 3],
  [16, 1n << 126n, 2],
  [16, 1n << 127n, 1],
];

/** What an ordinary packet in this direction is not, by where it is from or goes: it has another way, or none. */
export function beyond(side: Side, { size, nets }: { size: 4 | 16; nets: readonly Net[] }): Cube[] {
  const own = nets.filter(({ address }) => address.length === size).map(({ address, length }) =>
    [size, number(address), length] as const
  );
  const [{ field, family }] = ADDRESSES[side === "ingress" ? "src" : "dst"][size];
  return [...own, ...NOWHERE].filter(([of]) => of === size).map(([_, value, length]) => {
    const whole = BigInt(8 * size);
    return all(family, bits(field, value, (1n << whole) - (1n << whole - BigInt(length))));
  });
}

/** A network: an address, and how many of its bits count. */
export interface Net {
  address: Uint8Array;
  length: number;
}

const NEIGHBOUR = { solicitation: 135, advertisement: 136 };
const LINK_LOCAL = { value: 0xfe80n << 112n, mask: 0xffc0n << 112n };
const ALL_NODES = 0xff02n << 112n | 1n;
const SOLICITED_NODE = 0xff02n << 112n | 0x1ffn << 24n;

/** The two sides of a link. */
export interface Link {
  /** The addresses that this machine has there; none where that is not known. */
  own: readonly Uint8Array[];
  /** Whose packets go over it. */
  local?: Uint8Array;
  /** Who takes packets on, or brings them; absent where that is not known. */
  next?: Uint8Array;
  hardware: Hardware;
}

/**
 * How two hosts of a link find each other, without which what they say to each other ends in a minute: ARP, or neighbour
 * discovery. Of who is not known it may be anybody.
 */
export function resolution(link: Link, side: Side, size: 4 | 16): Cube[] {
  const cubes = size === 4 ? arp(link, side) : neighbourDiscovery(link, side);
  const { own, next } = link.hardware;
  if (side === "ingress" || !next) return cubes;
  // To one, or to a group, as all are that are sent to everybody.
  const to = [...mac("dst", next), bits(MACS.dst, 1n << 40n, 1n << 40n)];
  return cubes.flatMap((cube) => to.map((each) => all(cube, each, ...mac("src", own))));
}

function arp({ own, local, next }: Link, side: Side): Cube[] {
  const [{ field: sender, family }] = ADDRESSES.src[4].slice(1);
  const [{ field: target }] = ADDRESSES.dst[4].slice(1);
  const [here, there] = side === "ingress" ? [target, sender] : [sender, target];
  if (!next) return [all(family, ...local ? [is(here, number(local))] : [])];
  return anyOf(here, own).map((ours) => all(family, ours, is(there, number(next))));
}

function neighbourDiscovery({ own, local, next }: Link, side: Side): Cube[] {
  const [source, destination] = [ADDRESSES.src[16][0].field, ADDRESSES.dst[16][0].field];
  const { solicitation, advertisement } = NEIGHBOUR;
  const asked = side === "egress" ? next : local;
  const toAsked = asked
    ? [is(destination, SOLICITED_NODE | number(asked) & 0xffffffn), is(destination, number(asked))]
    : [EVERYTHING];
  const nextOn = (field: Field) =>
    next ? [is(field, number(next)), bits(field, LINK_LOCAL.value, LINK_LOCAL.mask)] : [EVERYTHING];
  const from = side === "egress" ? anyOf(source, own) : nextOn(source);
  const toAnswered = side === "egress"
    ? [...nextOn(destination), is(destination, ALL_NODES)]
    : [...anyOf(destination, own), is(destination, ALL_NODES)];
  return from.flatMap((from) => [
    ...toAsked.map((to) => discovery(solicitation, all(from, to))),
    ...toAnswered.map((to) => discovery(advertisement, all(from, to))),
  ]);
}

function discovery(type: number, cube: Cube): Cube {
  return all(IPV6, is(PROTOCOL, PROTOCOLS.icmp6), is(ICMP6_TYPE, type), cube);
}

/** More addresses than these are not told apart. */
const OWN_MAX = 16;

function anyOf(field: Field, addresses: readonly Uint8Array[]): Cube[] {
  if (addresses.length === 0 || addresses.length > OWN_MAX) return [EVERYTHING];
  return addresses.map((address) => is(field, number(address)));
}

function address(end: End, value: Uint8Array | undefined): Cube[] {
  if (!value) return [];
  return [is(ADDRESSES[end][value.length === 4 ? 4 : 16][0].field, number(value))];
}

function mac(end: End, value: Uint8Array | undefined): Cube[] {
  return value?.length === 6 ? [is(MACS[end], number(value))] : [];
}

function number(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
}
