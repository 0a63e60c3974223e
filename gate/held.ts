import type { Connection } from "../netlink/connection.ts";
import type { Held, Session } from "../plug/lockout.ts";
import { FIRST_FILTER, hookOf, readFilters, type Side } from "../plug/filter.ts";
import { type GateNote, sidesOf } from "../plug/gate_device.ts";
import { bits, type Cube, intersect, is, isCovered, range } from "./match/cube.ts";
import {
  ADDRESSES,
  all,
  ICMP6_TYPE,
  IPV4,
  IPV6,
  PORTS,
  PROTOCOL,
  PROTOCOLS,
  TAGGED,
  TCP,
  TCP_FLAGS,
  TCP_FLAGS_FIELD,
} from "./match/fields.ts";
import { cubeOf } from "./match/flower.ts";

/** What every packet of a connection has that is there already: an ACK, and no SYN. */
const OPEN = bits(TCP_FLAGS_FIELD, TCP_FLAGS.ack, TCP_FLAGS.ack | TCP_FLAGS.syn);

/** Whether a match takes all, or as good as all: the packets of every open TCP connection, of IPv4 or of IPv6. */
export function isEverything(cubes: readonly Cube[]): boolean {
  const ports = all(range(PORTS.src, 1, 0xffff), range(PORTS.dst, 1, 0xffff));
  return [IPV4, IPV6].some((family) => isCovered(all(is(TAGGED, 0), family, TCP, OPEN, ports), cubes));
}

/** `NDISC_NEIGHBOUR_*` of `net/ndisc.h` */
const NEIGHBOR_SOLICITATION = 135;
const NEIGHBOR_ADVERTISEMENT = 136;

/**
 * How the ends of a connection find each other, without which it ends in a minute: ARP, and neighbour discovery. The other
 * end stands for the gateway that leads there, too.
 */
function resolution({ from, to, size }: { from: bigint; to: bigint; size: 4 | 16 }): Cube[] {
  if (size === 4) {
    const [[, sender], [, target]] = [ADDRESSES.src[4], ADDRESSES.dst[4]];
    return [all(sender.family, is(sender.field, from), is(target.field, to))];
  }
  return [NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT].map((type) =>
    all(IPV6, is(PROTOCOL, PROTOCOLS.icmp6), is(ICMP6_TYPE, type))
  );
}

/** What a gate would hold of a device, by what it matches. */
export function heldBy(cubes: readonly Cube[], { sides, all }: { sides: readonly Side[]; all: boolean }): Held {
  return {
    all,
    session: (session) =>
      sides.some((side) => packetsOf(session, side).some((packet) => cubes.some((cube) => intersect(cube, packet)))),
  };
}

/** What a gate that is there would hold: its filters are read when that is asked. */
export function heldByGate(connection: Connection, note: GateNote | undefined): Held {
  if (!note) return { all: false, session: () => false };
  return {
    all: note.all,
    session: (session) =>
      sidesOf(note.direction).some((side) => {
        const [ifindex] = note.devices;
        const filters = readFilters(connection, { operation: "list filters", hooks: [{ ifindex, side }] })
          .filter((filter) => isOf(note, filter) && filter.parent === hookOf(side));
        return heldBy(filters.map(cubeOf), { sides: [side], all: note.all }).session(session);
      }),
  };
}

/** Whether a filter on one of a gate's hooks is the gate's, by where it stands. */
export function isOf(note: GateNote, { priority, handle }: { priority: number; handle: number }): boolean {
  // Version 0.1.0 left out every second handle.
  return priority === note.priority && handle >= FIRST_FILTER && handle < FIRST_FILTER + 2 * note.filters;
}

/** The packets of an SSH session in one direction, and those by which its ends find each other; below a VLAN's device they may have a tag. */
function packetsOf({ client, server, clientPort, serverPort, isBelow }: Session, side: Side): Cube[] {
  const [from, to] = side === "ingress" ? [client, server] : [server, client];
  const [fromPort, toPort] = side === "ingress" ? [clientPort, serverPort] : [serverPort, clientPort];
  if (from.length !== to.length) return [];
  const size = from.length === 4 ? 4 : 16;
  const [source, destination] = [ADDRESSES.src[size][0], ADDRESSES.dst[size][0]];
  const packet = all(
    source.family,
    TCP,
    is(source.field, number(from)),
    is(destination.field, number(to)),
    is(PORTS.src, fromPort),
    is(PORTS.dst, toPort),
    OPEN,
  );
  // Before Linux 5.19 a filter that is for packets without a tag takes those with one, too.
  return [packet, ...resolution({ from: number(from), to: number(to), size })].map((cube) =>
    isBelow ? cube : all(is(TAGGED, 0), cube)
  );
}

function number(address: Uint8Array): bigint {
  return address.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
}
