import { assertRejects } from "@std/assert";
import type { PlannedHost } from "../../scenario/plan.ts";
import { Hosts } from "../../scenario/run/hosts.ts";

const DEVICE = { name: "eth0", to: { host: "two", device: "eth0" }, addresses: ["10.0.0.1/24"] };
const HOST = { name: "one", devices: [DEVICE], routes: [], forward: false };
const WITHOUT_IPV6 = { run: "test", env: {}, ipv6: false };

/** Asserts that the host is refused before anything is touched, and for which address. */
async function assertRefused(host: PlannedHost, address: string): Promise<void> {
  const message = `Cannot make host one: it is to have ${address}, and this kernel has no IPv6`;
  await assertRejects(() => new Hosts([host], WITHOUT_IPV6).make(), Error, message);
}

Deno.test("Hosts.make() refuses addresses and routes of IPv6 where the kernel has none", async () => {
  const devices = [{ ...DEVICE, addresses: ["10.0.0.1/24", "fd00::1/64"] }];
  await assertRefused({ ...HOST, devices }, "fd00::1/64");
  await assertRefused({ ...HOST, routes: [{ to: "default", via: "fd00::2" }] }, "fd00::2");
});
