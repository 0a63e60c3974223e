/** What docs/fleet has for the hosts of a fleet: a systemd unit and a DaemonSet. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "yaml";
import { parseArguments } from "../../cli/arguments.ts";

const FOLDER = new URL("../../docs/fleet/", import.meta.url);
/** A program by itself, without the project's settings: what it takes is large, and nothing else does. */
const CHECK = `
import { DaemonSet } from "npm:kubernetes-models@5.1.0/apps/v1/DaemonSet";
import { parse } from "npm:yaml@2.9.1";
new DaemonSet(parse(Deno.readTextFileSync(Deno.args[0]))).validate();
console.log("valid");
`;
const UNIT = Deno.readTextFileSync(new URL("plugctl-agent.service", FOLDER));
const MANIFEST = new URL("daemonset.yaml", FOLDER);

/** The settings of a section of the unit. */
function settingsOf(section: string): Map<string, string> {
  const [, text] = new RegExp(`^\\[${section}\\]\\n((?:(?!\\[).*\\n)*)`, "m").exec(UNIT) ?? [];
  const lines = (text ?? "").split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

Deno.test("the systemd unit starts a command line that there is, with CAP_NET_ADMIN alone", () => {
  const service = settingsOf("Service");
  const [program, ...words] = (service.get("ExecStart") ?? "").split(" ");
  assertEquals(program, "/usr/bin/plugctl");
  assertEquals(parseArguments(words).command, "agent");
  for (const name of ["CapabilityBoundingSet", "AmbientCapabilities"]) assertEquals(service.get(name), "CAP_NET_ADMIN");
  for (const name of ["NoNewPrivileges", "ProtectHome", "RestrictNamespaces"]) assertEquals(service.get(name), "yes");
  assertEquals(service.get("ProtectSystem"), "strict");
  // Where the log of events is.
  assertEquals(service.get("StateDirectory"), "plugctl");
  assertMatch(service.get("RestrictAddressFamilies") ?? "", /\bAF_NETLINK\b/);
  assert(!settingsOf("Unit").has("Requires"), "an agent waits for its broker");
});

Deno.test("the DaemonSet is one by the schema of Kubernetes", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/check.ts`, CHECK);
  const check = async (file: string) => {
    const own = ["--quiet", "--no-config", "--no-lock", "--node-modules-dir=none"];
    const args = ["run", "-A", ...own, `${folder}/check.ts`, file];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
    return { code, text: new TextDecoder().decode(code === 0 ? stdout : stderr) };
  };
  assertEquals(await check(MANIFEST.pathname), { code: 0, text: "valid\n" });
  const wrong = `${folder}/wrong.yaml`;
  await Deno.writeTextFile(
    wrong,
    (await Deno.readTextFile(MANIFEST)).replace("hostNetwork: true", "hostNetwork: host"),
  );
  const refused = await check(wrong);
  await Deno.remove(folder, { recursive: true });
  assertEquals(refused.code, 1);
  assertMatch(refused.text, /hostNetwork must be boolean/);
});

Deno.test("the DaemonSet runs an agent in the node's network, with CAP_NET_ADMIN alone", async () => {
  const { spec: { template: { spec } } } = parse(await Deno.readTextFile(MANIFEST));
  const [{ command, args, securityContext }] = spec.containers;
  assertEquals(spec.hostNetwork, true);
  assertEquals(securityContext.capabilities, { drop: ["ALL"], add: ["NET_ADMIN"] });
  assertEquals([securityContext.allowPrivilegeEscalation, securityContext.privileged], [false, undefined]);
  const [program, ...words] = [...command, ...args];
  assertEquals([program, parseArguments(words).command], ["plugctl", "agent"]);
});
