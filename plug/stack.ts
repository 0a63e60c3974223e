import { AF_INET } from "../codec/numbers.ts";
import { type Device, filtersVlans, isStacked, isTunnel, type Tunnel, tunnelOf, vlanOf } from "./devices.ts";
import { beyond, type Flow, type Look, opaque, ordinary, plain } from "./flow.ts";
import type { Side } from "./filter.ts";
import { ADDRESSES, MACS, PROTOCOLS } from "./match/fields.ts";
import type { Hop, Route } from "./routes.ts";
import type { SshSession } from "./ssh_session.ts";
import { isCabled, type Surroundings } from "./surroundings.ts";
import { ethernetOf, flowsOf, SIDES, type Way, waysOf } from "./ways.ts";

/**
 * The flows of an SSH session: on the devices that its packets go over, and on those below these. A link-local address is on
 * every link: only its scope, the index of a device, tells which one is meant.
 */
export function sessionFlows(around: Surroundings, session: SshSession, scope?: number): Flow[] {
  const { client, server, clientPort, serverPort } = session;
  if (!client || (session.scope !== undefined && scope === undefined)) return [];
  const local = server?.length === client.length ? server : undefined;
  const ends = { local, remote: client, protocol: PROTOCOLS.tcp, localPort: serverPort, remotePort: clientPort };
  const ways = scope === undefined ? waysOf(around, ends) : SIDES.map((side): Way => ({
    hop: { ifindex: scope, isWrapped: false },
    side,
    next: client,
    isDoubtful: false,
  }));
  return allBelow(around, ways.flatMap((way) => flowsOf(around, way, ends)), (look) => look);
}

/** The flows of all that has no other way than a default route, on the devices of those and on the ones below these. */
export function defaultFlows(around: Surroundings): Flow[] {
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
  return allBelow(around, flows, (look, side) => ({ ...look, packets: look.packets.map((cube) => plain(cube, side)) }));
}

/** Addresses of hosts far away, which nobody has: what a device would send to them tells who it sends as. */
const FAR_AWAY = {
  4: Uint8Array.of(192, 0, 2, 1),
  16: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};

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

/** What is done with the looks of a tunnel's own packets. */
type Dress = (look: Look, side: Side) => Look;

/** Flows with those that they make on the devices below. */
function allBelow(around: Surroundings, flows: readonly Flow[], dress: Dress): Flow[] {
  const below = (flow: Flow, passed: readonly number[]): Flow[] => {
    const device = around.devices().get(flow.ifindex);
    if (!device || passed.includes(flow.ifindex)) return [flow];
    const lower = [...alikeBelow(around, device, flow), ...outside(around, device, flow, dress)];
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

/** The packets of a tunnel, where a flow goes into one. */
function outside(around: Surroundings, device: Device, { side, isDoubtful }: Flow, dress: Dress): Flow[] {
  if (!isTunnel(device)) return [];
  const tunnel = tunnelOf(device);
  const flows = tunnel
    ? flowsOfTunnel(around, tunnel)
    : wayOut(around, device).map((ifindex): Flow => ({ ifindex, side, tag: "any", look: opaque, isDoubtful: true }));
  return flows.filter((flow) => flow.side === side && flow.ifindex !== device.ifindex).map((flow) => ({
    ...flow,
    isDoubtful: isDoubtful || flow.isDoubtful,
    look: () => dress(flow.look(), side),
  }));
}

/** Where the packets of a tunnel may go that does not say it: as all do that go far, or PPPoE's, which need no address. */
function wayOut(around: Surroundings, tunnel: Device): number[] {
  const uplinks = [...around.uplinks()].filter((ifindex) => ifindex !== tunnel.ifindex);
  if (uplinks.length > 0) return uplinks;
  return [...around.devices().values()].filter(isCabled).map(({ ifindex }) => ifindex);
}

function flowsOfTunnel(around: Surroundings, { local, remote, protocols, port, mark, out }: Tunnel): Flow[] {
  const ways = waysOf(around, { local, remote, protocol: protocols[0], remotePort: port }, { mark, out });
  return protocols.flatMap((protocol) =>
    ways.flatMap((way) => {
      const ports = way.side === "ingress" ? { localPort: port } : { remotePort: port };
      return flowsOf(around, way, { local, remote, protocol, ...ports });
    })
  );
}
