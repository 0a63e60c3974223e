import { assertEquals, assertThrows } from "@std/assert";
import { describeFailure } from "../../cli/failure.ts";
import type { PlannedHost } from "../../scenario/plan.ts";
import { Hosts, type HostsOptions } from "../../scenario/run/hosts.ts";

const DEVICE = { name: "eth0", to: { host: "two", device: "eth0" }, addresses: ["10.0.0.1/24"] };
const HOST = { name: "one", devices: [DEVICE], routes: [], forward: false, settings: { env: {} } };

/** Asserts how hosts are refused before anything is touched, and returns the error. */
function assertRefused(hosts: PlannedHost[], message: string, options: Partial<HostsOptions> = {}): unknown {
  const made = new Hosts(hosts, { run: "test", ipv6: true, lacks: () => undefined, ...options });
  return assertThrows(() => made.check(), Error, message);
}

Deno.test("Hosts.check() refuses addresses and routes of IPv6 where the kernel has none", () => {
  const devices = [{ ...DEVICE, addresses: ["10.0.0.1/24", "fd00::1/64"] }];
  const because = (address: string) => `Cannot make host one: it is to have ${address}, and this kernel has no IPv6`;
  assertRefused([{ ...HOST, devices }], because("fd00::1/64"), { ipv6: false });
  assertRefused([{ ...HOST, routes: [{ to: "default", via: "fd00::2" }] }], because("fd00::2"), { ipv6: false });
});

Deno.test("Hosts.check() refuses a route of one IP version by way of an address of the other", () => {
  const routes = [{ to: "10.1.0.0/16", via: "fd00::2" }];
  const message = "Cannot make host one: its route to 10.1.0.0/16 leads via fd00::2, which is of the other IP version";
  assertRefused([{ ...HOST, routes }], message);
});

Deno.test("Hosts.check() says what hosts take where this process has no CAP_SYS_ADMIN", () => {
  const rows = [
    [{ ...HOST, name: "two" }, "make hosts one, two"],
    [{ ...HOST, name: "two", netns: "there" }, "make hosts one"],
  ] as const;
  for (const [second, operation] of rows) {
    const what = `annot ${operation}: it takes root, or CAP_SYS_ADMIN (EPERM)`;
    const error = assertRefused([HOST, second], `C${what}`, { lacks: () => "CAP_SYS_ADMIN" });
    assertEquals(describeFailure(error), {
      message: `c${what}; plugctl doctor says how`,
      status: 4,
    });
  }
  assertRefused([{ ...HOST, netns: "there" }], "Cannot enter hosts one: it takes root, or CAP_SYS_ADMIN", {
    lacks: () => "CAP_SYS_ADMIN",
  });
  new Hosts([], { run: "test", lacks: () => "CAP_SYS_ADMIN" }).check();
});
