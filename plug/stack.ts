import { AF_INET } from "../codec/numbers.ts";
import { type Device, filtersVlans, isStacked, isTunnel, type Tunnel, vlanOf } from "./devices.ts";
import { beyond, type Ends, type Flow, type Look, opaque, ordinary, plain } from "./flow.ts";
import { encrypted, tunnelsOfAll } from "./ipsec.ts";
import type { Side } from "./filter.ts";
import { intersectAll } from "./match/cube.ts";
import { ADDRESSES, MACS, PROTOCOLS } from "./match/fields.ts";
import type { Hop, Route } from "./routes.ts";
import type { SshSession } from "./ssh_session.ts";
import { FAR_AWAY, isCabled, isFar, type Surroundings } from "./surroundings.ts";
import { ethernetOf, flowsOf, isOwn, SIDES, type Way, waysOf } from "./ways.ts";

/**
 * The flows of an SSH session: on the devices that its packets go over, and on those below these. A link-local address is on
 * every link: only its scope, the index of a device, tells which one is meant.
 */
export function sessionFlows(around: Surroundings, session: SshSession, scope?: number): Flow[] {
  const { client, server, clientPort, serverPort } = session;
  if (!client || (session.scope !== undefined && scope === undefined)) return [];
  const local = server?.length === client.length ? server : undefined;
  const ends = { local, remote: client, protocol: PROTOCOLS.tcp, localPort: serverPort, remotePort: clientPort };
  const flows = scope === undefined ? flowsOfConnection(around, ends) : SIDES.flatMap((side) => {
    const way = { hop: { ifindex: scope, isWrapped: false }, side, next: client, isDoubtful: false };
    return flowsOf(around, way, ends);
  });
  return allBelow(around, flows, (look) => look);
}

/** Those of a connection that came in: to this machine, or through it to where the server is, as far as can be told. */
function flowsOfConnection(around: Surroundings, ends: Ends): Flow[] {
  const wire = around.original(ends);
  const outer = { ...ends, remote: wire.remote, remotePort: wire.remotePort };
  const ways = waysOf(around, outer);
  const { local, localPort, remote, remotePort, protocol } = ends;
  if (!local || isOwn(around, local)) return flowsBy(around, { ways, ends: wire });
  const inner = { local: remote, localPort: remotePort, remote: local, remotePort: localPort, protocol };
  const waysIn = waysOf(around, inner);
  const forwarded = (ends: Ends, from: readonly Way[]) =>
    waysOf(around, ends, { in: [...new Set(from.map(({ hop }) => hop.ifindex))] });
  const doubtful = (ways: Way[]) => ways.map((way) => ({ ...way, isDoubtful: true }));
  return [
    ...flowsBy(around, { ways: doubtful([...ways, ...forwarded(outer, waysIn)]), ends: wire }),
    ...flowsBy(around, { ways: doubtful([...waysIn, ...forwarded(inner, ways)]), ends: inner }),
  ];
}

/** What goes over devices where a conversation has ways by them, and what it is where IPsec encrypts it. */
function flowsBy(around: Surroundings, { ways, ends }: { ways: readonly Way[]; ends: Ends }): Flow[] {
  const tunnels = encrypted(around.policies(), ends);
  return [
    ...ways.flatMap((way) => flowsOf(around, way, ends)),
    ...tunnels.flatMap((tunnel) => flowsOfTunnel(around, tunnel, { isOuter: true })),
  ];
}

/**
 * The flows of all that has no other way than a default route, on the devices of those and on the ones below these, also as
 * IPsec encrypts it.
 */
export function defaultFlows(around: Surroundings): Flow[] {
  const dress: Dress = (look, side) => ({ ...look, packets: look.packets.map((cube) => plain(cube, side)) });
  const flows = around.defaultRoutes().flatMap((route) =>
    route.hops.flatMap((hop) =>
      SIDES.map((side): Flow => ({
        ifindex: hop.ifindex,
        side,
        tag: hop.isWrapped ? "any" : "none",
        look: hop.isWrapped ? opaque : () => lookOfAll(around, { route, hop, side }),
      }))
    )
  );
  const encrypted = tunnelsOfAll(around.policies(), isFar).flatMap((tunnel) =>
    flowsOfTunnel(around, tunnel, { isOuter: true })
  ).map((flow) => ({ ...flow, look: () => dress(flow.look(), flow.side) }));
  return allBelow(around, [...flows, ...encrypted], dress);
}

function lookOfAll(around: Surroundings, { route, hop, side }: { route: Route; hop: Hop; side: Side }): Look {
  const size = route.family === AF_INET ? 4 : 16;
  const own = ethernetOf(around, hop.ifindex);
  const next = own && around.hardwareOf(hop.ifindex, hop.gateway);
  const address = route.source ?? around.findRoutes([{ destination: FAR_AWAY[size], out: hop.ifindex }])[0]?.source;
  const [here, there] = side === "ingress" ? ["dst", "src"] as const : ["src", "dst"] as const;
  return {
    packets: ordinary({ size, own, next, address }, side),
    unknown: [
      ...own ? [] : [MACS[here]],
      ...next ? [] : [MACS[there]],
      ...address ? [] : [ADDRESSES[here][size][0].field],
    ],
    elsewhere: beyond(side, { size, nets: around.nets() }),
  };
}

/** Kinds of device of which two make a cable. */
const PAIRS = new Set(["veth", "netkit"]);

/** What is done with the looks of a tunnel's own packets. */
type Dress = (look: Look, side: Side) => Look;

/** Flows with those that they make on the devices below. */
function allBelow(around: Surroundings, flows: readonly Flow[], dress: Dress): Flow[] {
  const below = (flow: Flow, passed: readonly number[]): Flow[] => {
    const device = around.devices().get(flow.ifindex);
    if (!device || passed.includes(flow.ifindex)) return [flow];
    const lower = [
      ...alikeBelow(around, device, flow),
      ...atOtherEnd(around, device, flow),
      ...outside(around, device, flow, dress),
      ...sentOn(around, device, flow),
    ];
    return [flow, ...lower.flatMap((each) => below(each, [...passed, flow.ifindex]))];
  };
  return flows.flatMap((flow) => below(flow, []));
}

/** What a flow is on the devices that its device has as ports, stands on, or belongs to. */
function alikeBelow(around: Surroundings, device: Device, flow: Flow): Flow[] {
  const on = (ifindex: number, changed: Partial<Flow> = {}): Flow => ({ ...flow, ifindex, ...changed });
  const unknown = { tag: "any", look: opaque } as const;
  const domain = around.devices().get(device.master);
  return [
    ...portsOf(around, device).map(({ ifindex }) => {
      if (["bond", "team"].includes(device.kind)) return on(ifindex);
      if (device.kind === "bridge") return on(ifindex, filtersVlans(device) ? { tag: "any" } : {});
      return on(ifindex, unknown);
    }),
    ...isStacked(device) ? [on(device.link, lookBelow(device, flow) ?? unknown)] : [],
    // What is sent from within a VRF may go through its device first.
    ...domain?.kind === "vrf" ? [on(domain.ifindex, unknown)] : [],
  ];
}

/** What a flow is at the other end of a pair that is in this namespace as well, and on the other ports of a bridge there. */
function atOtherEnd(around: Surroundings, { kind, link }: Device, flow: Flow): Flow[] {
  const end = PAIRS.has(kind) ? around.devices().get(link) : undefined;
  const bridge = around.devices().get(end?.master ?? 0);
  const beyond = bridge ? alikeBelow(around, bridge, flow).filter(({ ifindex }) => ifindex !== link) : [];
  const side = flow.side === "egress" ? "ingress" : "egress";
  return end ? [{ ...flow, ifindex: link, side }, ...bridge?.kind === "vrf" ? [] : beyond] : [];
}

function portsOf(around: Surroundings, { kind, ifindex }: Device): readonly Device[] {
  if (kind === "vrf") return [];
  if (kind !== "openvswitch") return around.portsOf(ifindex);
  // Which ports belong to which of its bridges only Open vSwitch knows.
  return [...around.devices().values()].filter(({ master }) => around.devices().get(master)?.kind === "openvswitch");
}

/** How packets of a device look on the one that it stands on; `undefined` where that is not known. */
function lookBelow(device: Device, { tag }: Flow): Partial<Flow> | undefined {
  if (device.kind !== "vlan") return ["macsec", "dsa"].includes(device.kind) ? undefined : {};
  const vlan = vlanOf(device);
  return vlan === undefined || tag !== "none" ? undefined : { tag: vlan };
}

/** What a flow is where filters send its packets on by another device. */
function sentOn(around: Surroundings, device: Device, flow: Flow): Flow[] {
  const { sent, side, isAside = false } = flow;
  return around.redirects(device.ifindex).filter((redirect) => redirect.side === side).map((redirect) => ({
    ...flow,
    ifindex: redirect.to,
    side: redirect.toSide,
    isAside: isAside || !redirect.isExact,
    sent: {
      from: sent?.from ?? device.name,
      packets: sent ? intersectAll(sent.packets, redirect.packets) : redirect.packets,
    },
  }));
}

/** The packets of a tunnel, where a flow goes into one. */
function outside(around: Surroundings, device: Device, { side, isDoubtful }: Flow, dress: Dress): Flow[] {
  if (!isTunnel(device)) return [];
  const tunnels = around.tunnelsOf(device.ifindex);
  const flows = tunnels.length > 0
    ? tunnels.flatMap((tunnel) => flowsOfTunnel(around, tunnel))
    : wayOut(around, device).map((ifindex): Flow => ({ ifindex, side, tag: "any", look: opaque, isDoubtful: true }));
  return flows.filter((flow) => flow.side === side && flow.ifindex !== device.ifindex).map((flow) => ({
    ...flow,
    isDoubtful: isDoubtful || flow.isDoubtful || tunnels.length > 1,
    look: () => dress(flow.look(), side),
  }));
}

/** Where the packets of a tunnel may go that does not say it: as all do that go far, or PPPoE's, which need no address. */
function wayOut(around: Surroundings, tunnel: Device): number[] {
  const uplinks = [...around.uplinks()].filter((ifindex) => ifindex !== tunnel.ifindex);
  if (uplinks.length > 0) return uplinks;
  return [...around.devices().values()].filter(isCabled).map(({ ifindex }) => ifindex);
}

function flowsOfTunnel(around: Surroundings, tunnel: Tunnel, { isOuter = false } = {}): Flow[] {
  const { local, remote, protocols, port, localPort, mark, out } = tunnel;
  const ways = waysOf(around, { local, remote, protocol: protocols[0], remotePort: port }, { mark, out });
  return protocols.flatMap((protocol) =>
    SIDES.flatMap((side) => {
      // Without a port of its own it sends to the same as the other end.
      const ports = localPort === undefined && side === "ingress"
        ? { localPort: port }
        : { localPort, remotePort: port };
      const ends = { local, remote, protocol, ...ports };
      const those = ways.filter((way) => way.side === side);
      // What IPsec has made it does not encrypt again.
      return isOuter ? those.flatMap((way) => flowsOf(around, way, ends)) : flowsBy(around, { ways: those, ends });
    })
  );
}
