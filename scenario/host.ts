/**
 * The hosts of a scenario: what is written of them, and what that means.
 *
 * @module
 */

import * as v from "valibot";
import { namespacePath } from "../linux/namespace.ts";
import type { PlannedDevice, PlannedHost } from "./plan.ts";
import { NEW_DEVICE } from "./queue.ts";
import { ADDRESS, DESTINATION, FLAG, IP, NAME, oneOrMore, SOME_TEXT, wholeNumber } from "./source/scalar.ts";
import { byName, check, mapping } from "./source/check.ts";
import { type Context, HERE } from "./source/context.ts";
import { SETTING_ENTRIES } from "./command.ts";
import { follow, type Tree, valueAt } from "./source/tree.ts";

const TO_EXPECTED = "the host at the other end: server, or with its device, server.eth0";
const TO = v.pipe(
  v.string(TO_EXPECTED),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}(\.[^\s/:\0]{1,15})?$/, TO_EXPECTED),
);

const CABLE = mapping({
  to: TO,
  address: v.optional(oneOrMore(ADDRESS, "an address with its prefix length, 10.0.0.1/24, or a list of them")),
  mtu: v.optional(wholeNumber(68, 65535)),
}, "an end of a cable: { to: server, address: 10.0.0.1/24 }");

/** A host that is made. */
export const MADE_HOST = mapping({
  devices: v.optional(byName(NEW_DEVICE, CABLE, "its devices: { eth0: { to: server, address: 10.0.0.1/24 } }"), {}),
  routes: v.optional(byName(DESTINATION, IP, "routes: { default: 10.0.0.2 }"), {}),
  forward: v.optional(FLAG, false),
  ...SETTING_ENTRIES,
}, "a host: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } }");

/** A host that is there. */
export const FOUND_HOST = mapping({ netns: SOME_TEXT, ...SETTING_ENTRIES }, "a host that is there: { netns: NAME }");

/** Another machine. */
export const REMOTE_HOST = mapping(
  { on: SOME_TEXT, address: v.optional(IP), ...SETTING_ENTRIES },
  "a host of the fleet: { on: db1.example }",
);

/** What reading hosts takes. */
type Reading = Pick<Context, "scope" | "mistakes">;

/** Reads `hosts:`, and finds the other end of each cable. */
export function hostsOf(tree: Tree | undefined, context: Reading): PlannedHost[] {
  if (!tree) return [];
  if (tree.kind !== "mapping") {
    const { line, column } = tree;
    const expected = "{ client: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } } }";
    context.mistakes.push({ line, column, what: "hosts must be a mapping", expected });
    return [];
  }
  const written = [...tree.entries].flatMap(([name, { key, value }]) => {
    check(NAME, { tree: { kind: "scalar", value: name, ...key }, label: "the host" }, context);
    if (name === HERE) context.mistakes.push({ ...key, what: `the host is called ${HERE}`, expected: "another name" });
    return hostOf(name, value, context) ?? [];
  });
  // Where a host is wrong by itself, nothing is said of cables that lead there.
  if (written.length < tree.entries.size) return written.map((host) => ({ ...host, devices: [] }));
  return written.map((host) => joined(host, { hosts: written, tree, context }));
}

/** A host whose cables have one end as yet. */
interface WrittenHost extends Omit<PlannedHost, "devices"> {
  devices: (Omit<PlannedDevice, "to"> & { to: string })[];
}

function hostOf(name: string, tree: Tree, context: Reading): WrittenHost | undefined {
  if (valueAt(tree, "netns")) {
    const found = check(FOUND_HOST, { tree, label: name }, context);
    return found && foundHost(name, found, { tree, context });
  }
  if (valueAt(tree, "on")) {
    const remote = check(REMOTE_HOST, { tree, label: name }, context);
    if (!remote) return undefined;
    const { on, address, ...settings } = remote;
    return { name, on, address, devices: [], routes: [], forward: false, settings };
  }
  const made = check(MADE_HOST, { tree, label: name }, context);
  if (!made) return undefined;
  const devices = Object.entries(made.devices).map(([device, { to, address: addresses = [], mtu }]) => (
    { name: device, to, addresses, mtu }
  ));
  const routes = Object.entries(made.routes).map(([to, via]) => ({ to, via }));
  const { forward, env, cwd, user } = made;
  return { name, devices, routes, forward, settings: { env, cwd, user } };
}

function foundHost(
  name: string,
  { netns, ...settings }: v.InferOutput<typeof FOUND_HOST>,
  { tree, context }: { tree: Tree; context: Reading },
): WrittenHost | undefined {
  try {
    namespacePath(netns);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { line, column } = follow(tree, ["netns"]);
    const what = `netns is ${JSON.stringify(netns)}`;
    context.mistakes.push({ line, column, what, expected: "a name, a path, or pid: with a process's number" });
    return undefined;
  }
  return { name, netns, devices: [], routes: [], forward: false, settings };
}

/** Finds where each cable of a host leads: to the one device there that leads back. */
function joined(
  host: WrittenHost,
  { hosts, tree, context }: { hosts: readonly WrittenHost[]; tree: Tree; context: Reading },
): PlannedHost {
  const devices = host.devices.flatMap((device) => {
    const [otherName, otherDevice] = splitEnd(device.to);
    const other = hosts.find(({ name }) => name === otherName);
    const back = (other?.devices ?? []).filter(({ name, to }) => {
      const [backName, backDevice] = splitEnd(to);
      return backName === host.name && (backDevice ?? device.name) === device.name && (otherDevice ?? name) === name &&
        !(other === host && name === device.name);
    });
    if (other && back.length === 1) return [{ ...device, to: { host: other.name, device: back[0].name } }];
    const { line, column } = follow(tree, [host.name, "devices", device.name, "to"]);
    context.mistakes.push({ line, column, ...loose(device, { host, other, back: back.length, hosts }) });
    return [];
  });
  return { ...host, devices };
}

function splitEnd(to: string): [host: string, device?: string] {
  const [host, ...device] = to.split(".");
  return device.length > 0 ? [host, device.join(".")] : [host];
}

/** What is wrong with a cable that leads to no one device. */
function loose(
  device: WrittenHost["devices"][number],
  { host, other, back, hosts }: { host: WrittenHost; other?: WrittenHost; back: number; hosts: readonly WrittenHost[] },
): { what: string; expected: string } {
  const what = `${host.name} ${device.name} leads to ${device.to}`;
  if (!other) {
    return {
      what: `${what}, which is not a host`,
      expected: `one of ${hosts.map(({ name }) => name).join(", ")}`,
    };
  }
  if (!isMade(other)) return { what: `${what}, which is there already`, expected: "a host that is made here" };
  if (back === 0) return { what: `${what}, where no device leads back`, expected: `one there with to: ${host.name}` };
  return {
    what: `${what}, where ${back} devices lead back`,
    expected: `HOST.DEVICE at both ends, such as to: ${other.name}.eth0`,
  };
}

/**
 * The addresses of hosts as variables, without their prefix lengths: `server.address` is the first of a host,
 * `server.eth0.address` that of a device; with `address6` the first of IPv6.
 */
export function addressesOf(hosts: readonly PlannedHost[]): [string, string][] {
  return hosts.flatMap(({ name, address, devices }) => [
    ...firstOf(name, [...address === undefined ? [] : [address], ...devices.flatMap(({ addresses }) => addresses)]),
    ...devices.flatMap((device) => firstOf(`${name}.${device.name}`, device.addresses)),
  ]);
}

/** Whether it is a namespace that the scenario makes. */
export function isMade({ netns, on }: Pick<PlannedHost, "netns" | "on">): boolean {
  return netns === undefined && on === undefined;
}

function firstOf(name: string, addresses: readonly string[]): [string, string][] {
  const [first, sixth] = [addresses[0], addresses.find((address) => address.includes(":"))];
  const named = Object.entries({ address: first, address6: sixth });
  return named.flatMap(([key, address]) => address === undefined ? [] : [[`${name}.${key}`, address.split("/")[0]]]);
}

/** What the addresses are called of hosts that are wrong, as far as one can tell. */
export function wrongAddresses(hosts: Tree | undefined): [string, undefined][] {
  const keysOf = (tree: Tree | undefined) => tree?.kind === "mapping" ? [...tree.entries.keys()] : [];
  const owners = keysOf(hosts).flatMap((host) => [
    host,
    ...keysOf(valueAt(valueAt(hosts, host), "devices")).map((device) => `${host}.${device}`),
  ]);
  return owners.flatMap((owner) => [[`${owner}.address`, undefined], [`${owner}.address6`, undefined]]);
}

/** A host, in words. */
export function describeHost({ name, netns, on, devices, routes, forward }: PlannedHost): string {
  if (on !== undefined) return `have the agent of ${on} do what is done on host ${name}`;
  if (netns !== undefined) return `use network namespace ${netns} as host ${name}`;
  const cables = devices.map(({ name, to, addresses }) =>
    `${name} to ${to.host} ${to.device}${addresses.length > 0 ? ` as ${addresses.join(", ")}` : ""}`
  );
  const ways = routes.map(({ to, via }) => `${to} via ${via}`);
  return [`make host ${name}`, ...cables, ...ways, ...forward ? ["passes on packets"] : []].join("; ");
}
