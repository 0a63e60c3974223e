/** What plugctl says where this process may not do what it is asked: before anything is made, and what it takes. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { witness } from "./gate_pair.ts";
import { connect, Host } from "./host.ts";
import { PLUGCTL } from "./plugctl.ts";

/** Ways to start a program that has less than root, or is root in a user namespace alone. */
const WAYS = {
  "without CAP_SYS_ADMIN": ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"],
  "without CAP_NET_ADMIN": ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"],
  "as root of a user namespace": ["unshare", "--user", "--map-root-user"],
  "as root of a user namespace with its network": ["unshare", "--user", "--map-root-user", "--net"],
  "as root of a user namespace with its network and mounts, where nothing can be written": [
    ...["unshare", "--user", "--map-root-user", "--net", "--mount"],
    ...["sh", "-c", 'mount -t tmpfs -o ro tmpfs /run && exec "$@"', "sh"],
  ],
} as const;

type Way = keyof typeof WAYS;

const STEPS = "steps:\n  - { host: here, run: touch /run/ran }\n";

/** Scenarios, and what each needs. */
const MADE = `name: x\nhosts:\n  a: { devices: { eth0: { to: b } } }\n  b: { devices: { eth0: { to: a } } }\n${STEPS}`;
const there = (netns: string) => `name: x\nhosts: { there: { netns: ${netns} } }\n${STEPS}`;

/** Runs plugctl on a host, started in a way. */
async function run(host: Host, way: Way, words: readonly string[]): Promise<{ status: number; stderr: string }> {
  const child = host.spawn([...WAYS[way], ...PLUGCTL, ...words], { stdin: "null", stdout: "null", stderr: "piped" });
  const { code, stderr } = await child.output();
  return { status: code, stderr: new TextDecoder().decode(stderr) };
}

async function runScenario(host: Host, way: Way, text: string): Promise<{ status: number; stderr: string }> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    return await run(host, way, ["run", file, "--quiet"]);
  } finally {
    await Deno.remove(file);
  }
}

const MAKING: Record<Way, RegExp> = {
  "without CAP_SYS_ADMIN": /^plugctl: cannot make hosts a, b: it takes root, or CAP_SYS_ADMIN \(EPERM\)/,
  "without CAP_NET_ADMIN": /^plugctl: cannot make hosts a, b: it takes root, or CAP_NET_ADMIN \(EPERM\)/,
  "as root of a user namespace":
    /^plugctl: cannot make hosts a, b: it takes root, or a network namespace of its own, which unshare --net makes/,
  "as root of a user namespace with its network":
    /^plugctl: cannot make hosts a, b: it takes root, or a mount namespace of its own, which unshare --mount makes/,
  "as root of a user namespace with its network and mounts, where nothing can be written":
    /^plugctl: cannot make hosts a, b: it takes root, or permission to write in \/run\/netns/,
};

const ENTERING: Partial<Record<Way, RegExp>> = {
  "without CAP_SYS_ADMIN": /^plugctl: cannot enter hosts there: it takes root, or CAP_SYS_ADMIN \(EPERM\)/,
  "as root of a user namespace":
    /^plugctl: cannot enter hosts there: it takes root, or a network namespace of its own, which unshare --net makes/,
  "as root of a user namespace with its network":
    /^plugctl: cannot enter network namespace \S+: it takes root, or CAP_SYS_ADMIN \(EPERM\)/,
};

Deno.test("run says what hosts take, before anything is made", async () => {
  using here = new Host();
  using other = new Host();
  const namespaces = () => here.run("ip", "netns", "list");
  const before = namespaces();
  const cases = [
    ...Object.entries(MAKING).map(([way, says]) => [way, MADE, says] as const),
    ...Object.entries(ENTERING).map(([way, says]) => [way, there(other.name), says] as const),
  ];
  for (const [way, text, says] of cases) {
    const { status, stderr } = await runScenario(here, way as Way, text);
    assertEquals(status, 4, `${way}: ${stderr}`);
    assertMatch(stderr, says, way);
    assertEquals(namespaces(), before, way);
    assert(!exists("/run/ran"), way);
  }
});

/** Command lines that change the network of the namespace that they are in, where there is no plug, and where there is one. */
const MAKES = ["attach eth0", "gate add more lo --direction out --match udp", "hold eth0 --for 1ms"];
const CHANGES = ["buffer eth0", "release eth0", "limit 1m eth0", "detach eth0"];

Deno.test("each command says what it takes in a network namespace that is not of its user namespace", async () => {
  using left = new Host();
  using right = new Host();
  connect([left, right]);
  let before = witness(left);
  for (const line of [...MAKES, ...CHANGES]) {
    if (line === CHANGES[0]) {
      assertEquals(witness(left), before);
      left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "1000000");
      before = witness(left);
    }
    const { status, stderr } = await run(left, "as root of a user namespace", line.split(" "));
    assertEquals(status, 4, `${line}: ${stderr}`);
    assertMatch(
      stderr,
      /^plugctl: cannot [^\n]*: it takes root, or CAP_NET_ADMIN[^;\n]*; plugctl doctor says how\n$/,
      line,
    );
  }
  const { stdout } = await left.spawn([...WAYS["as root of a user namespace"], ...PLUGCTL, "doctor"], {
    stdout: "piped",
    stderr: "null",
  }).output();
  assertMatch(
    new TextDecoder().decode(stdout),
    /CAP_NET_ADMIN.*this process has it in its user namespace, to which this network namespace does not belong/,
  );
  assertEquals(witness(left), before);
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
