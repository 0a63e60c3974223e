/** A gate tells of chains of nft on a device's ingress hook, which its packets bypass: on this machine's kernel. */

import { assertEquals, assertMatch } from "@std/assert";
import { provideTools } from "../tools.ts";

const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;
const PLUGCTL = `${Deno.execPath()} run -A --no-check ${MAIN}`;
/** Two devices with a cable, the far end in a namespace of its own, whose pings come in on `eth0`. */
const CABLE = `unshare --net sleep 60 & far=$!; trap "kill $far" EXIT
until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add eth0 type veth peer name eth0 netns $far
ip link set eth0 up; ip address add 10.0.0.1/24 dev eth0
nsenter --net=/proc/$far/ns/net sh -c 'ip link set eth0 up; ip address add 10.0.0.2/24 dev eth0'
pings() { nsenter --net=/proc/$far/ns/net busybox ping -c 2 -W 1 10.0.0.1 | grep -o '[0-9]* packets received' || true; }`;

await provideTools(["nft", "ip", "tc", "busybox"], {
  onDownload: (what) => console.log(`Downloading ${what}`),
  signal: AbortSignal.timeout(60_000),
});

/** Runs lines in a network namespace of its own, and returns what they say. */
function shell(...lines: string[]): string[] {
  const { success, stdout, stderr } = new Deno.Command("unshare", {
    args: ["--net", "bash", "-c", ["set -e", "ip link set lo up", CABLE, ...lines].join("\n")],
    stdin: "null",
  }).outputSync();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(err);
  return out.trimEnd().split("\n");
}

const chain = (family: string, words: string) => [
  `nft add table ${family} wall`,
  `nft add chain ${family} wall in '{ type filter hook ingress ${words} priority 0; }'`,
];
const said = (words: string) => `${PLUGCTL} gate add web --match icmp ${words} 2>&1 && echo 0 || echo $?`;

Deno.test("what a redirect takes as it comes in meets no chain of nft on that hook on its way back", () => {
  const lines = shell(
    ...chain("netdev", "device eth0"),
    "nft add rule netdev wall in ip protocol icmp drop",
    "pings",
    "ip link add ifbx type ifb; ip link set ifbx up; tc qdisc add dev eth0 clsact",
    "tc filter add dev eth0 ingress protocol ip pref 9 u32 match ip protocol 1 0xff action mirred egress redirect dev ifbx",
    "pings",
  );
  assertEquals(lines, ["0 packets received", "2 packets received"]);
});

for (
  const [family, words, name] of [
    ["netdev", "device eth0", "chain netdev wall in of nft"],
    ["netdev", "devices = { lo, eth0 }", "chain netdev wall in of nft"],
    ["inet", "device eth0", "chain inet wall in of nft"],
  ]
) {
  Deno.test(`gate add refuses to bypass a chain of nft, and tells of it with --force: ${family}, ${words}`, () => {
    const [refused, status, forced] = shell(
      ...chain(family, words),
      `nft add rule ${family} wall in ip protocol icmp drop`,
      said("eth0 --direction both"),
      said("eth0 --direction in --force --check"),
    );
    assertMatch(refused, new RegExp(`would bypass .*: ${name}, whatever the priority, on eth0 ingress;`));
    assertEquals(status, "1");
    assertMatch(forced, new RegExp(`the packets that the gate web takes on eth0 ingress bypass: ${name}`));
  });
}

Deno.test("gate add says nothing of chains on other devices and hooks, and of those that do nothing", () => {
  const lines = shell(
    ...chain("netdev", "device lo"),
    "nft add rule netdev wall in ip protocol icmp drop",
    "nft add chain netdev wall out '{ type filter hook egress device eth0 priority 0; policy drop; }'",
    "nft add chain netdev wall idle '{ type filter hook ingress device eth0 priority 0; }'",
    "nft add table ip wall; nft add chain ip wall in '{ type filter hook input priority 0; policy drop; }'",
    said("eth0 --direction both --check"),
    "nft add chain netdev wall idle '{ policy drop; }'",
    said("eth0 --direction out --check"),
    said("eth0 --direction in --check"),
  );
  assertEquals(lines.filter((line) => /nft/.test(line)).length, 1, lines.join("\n"));
  assertMatch(lines.at(-2) ?? "", /chain netdev wall idle of nft/);
});
