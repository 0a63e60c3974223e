/** docs/MATCHES.md has rules for nft that mark what `mark N` is to hold: they do, on this machine's kernel. */

import { assertEquals } from "@std/assert";
import { provideTools } from "../tools.ts";

const TABLE = "nft add table inet plug";
const CGROUP = "system.slice/nginx.service";
/** Behind the rules, what leaves is counted by its mark. */
const COUNTED = [7, 8, 15].map((mark) => `nft add rule inet plug seen meta mark ${mark} counter`);
const SEND = `send() {
  python3 -c 'import os, socket, sys
os.setuid(int(sys.argv[1]))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", int(sys.argv[2])))' "$@"
}`;

/** Does something as root in a network namespace of its own, with a hierarchy of cgroups to itself. */
function shell(...lines: string[]) {
  const script = ["set -e", "ip link set lo up", "mount -t cgroup2 none /sys/fs/cgroup", ...lines].join("\n");
  const { success, stdout, stderr } = new Deno.Command("unshare", {
    args: ["--net", "--mount", "bash", "-c", script],
    stdin: "null",
  }).outputSync();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, out, err };
}

/** A part of a rule, as `nft --json` tells it. */
interface Expression {
  match?: { right: number };
  counter?: { packets: number };
}

/** The lines for nft of docs/MATCHES.md. */
function recipe(): string[] {
  return Deno.readTextFileSync(`${import.meta.dirname}/../../docs/MATCHES.md`).split("\n")
    .filter((line) => line.startsWith("nft "));
}

/** Sends by user 33, by root, and by root in the unit's cgroup, and returns how many left with each mark that is counted. */
function marksWith(rule: string): Record<string, number> {
  const made = `plugctl-${crypto.randomUUID().slice(0, 8)}.slice`;
  const folder = `/sys/fs/cgroup/${made}/nginx.service`;
  const [table, chain] = recipe();
  const { success, out, err } = shell(
    `mkdir -p ${folder}; trap 'rmdir ${folder} /sys/fs/cgroup/${made}' EXIT`,
    table,
    chain,
    rule.replace(CGROUP, `${made}/nginx.service`),
    "nft add chain inet plug seen '{ type filter hook postrouting priority 300; }'",
    ...COUNTED,
    SEND,
    "send 33 9; send 0 10; (echo $BASHPID >" + folder + "/cgroup.procs; send 0 11)",
    "nft --json list chain inet plug seen",
  );
  if (!success) throw new Error(`Cannot mark by ${rule}: ${err}`);
  const rules: { rule?: { expr: Expression[] } }[] = JSON.parse(out).nftables;
  return Object.fromEntries(
    rules.flatMap(({ rule }) => rule ? [[rule.expr[0].match?.right, rule.expr[1].counter?.packets]] : []),
  );
}

await provideTools(["nft"], {
  onDownload: (what) => console.log(`Downloading ${what}`),
  signal: AbortSignal.timeout(60_000),
});
const { success: runs, err: reason } = shell(
  `mkdir /sys/fs/cgroup/plugctl-test; rmdir /sys/fs/cgroup/plugctl-test`,
  TABLE,
);
const name = (text: string) => runs ? text : `${text}: NOT RUN, ${reason.trim().replaceAll("\n", " ")}`;

for (
  const [what, word, marks] of [
    ["what user 33 sends", "skuid", { 7: 1, 8: 0, 15: 0 }],
    ["what a unit sends, by its cgroup", "cgroupv2", { 7: 1, 8: 0, 15: 0 }],
    ["new connections", "ct state", { 7: 0, 8: 3, 15: 0 }],
  ] as const
) {
  Deno.test({
    name: name(`nft marks ${what}, as docs/MATCHES.md has it`),
    ignore: !runs,
    fn: () => {
      const [rule, ...others] = recipe().filter((line) => line.includes(word));
      assertEquals(others, []);
      assertEquals<unknown>(marksWith(rule), marks);
    },
  });
}
