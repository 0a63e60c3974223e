/** Containers and pods are held by name: in the network namespace that they have, and never in another. */

import { assertEquals, assertMatch } from "@std/assert";
import { inNamespace, namespaceIdentity } from "../../linux/namespace.ts";
import { findSandboxes } from "../../cli/containers/inside.ts";
import { killIfThere } from "../../uml/processes.ts";
import { FakeEngine } from "../cli/fake_engine.ts";
import { runHere } from "../cli/run_here.ts";
import { Host } from "./host.ts";
import { PLUGCTL, withoutGaps } from "./plugctl.ts";
import { Podman } from "./podman.ts";
import { guardians } from "./process_table.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 60_000 };
const HERE = { address: "127.0.0.1", port: 5000 };
const HELD = 5;

/** A socket in a namespace, by which packets are sent to themselves through its loopback device. */
class Echo implements Disposable {
  readonly #socket: UdpSocket;

  constructor(netns: string) {
    this.#socket = new UdpSocket({ enter: (work) => inNamespace(netns, work) }, HERE);
  }

  send(): void {
    for (let count = 0; count < HELD; count++) this.#socket.send(new Uint8Array([count]), HERE);
  }

  async isReceived(): Promise<void> {
    for (let count = 0; count < HELD; count++) {
      const [first] = await until(() => this.#socket.receive(), { ...WAIT, what: `datagram ${count}` });
      assertEquals(first, count);
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** Waits until so much is held, and returns the hold, which goes on. */
async function hold(echo: Echo, where: readonly string[], options: readonly string[] = []) {
  const outcome = runHere("hold", "lo", "--for", "10m", "--max-hold", "20m", ...options, ...where);
  await until(async () => (await shown(where)) !== undefined, { ...WAIT, what: "a plug" });
  echo.send();
  await until(async () => await shown(where) === HELD, { ...WAIT, what: "what is held" });
  return { outcome };
}

/** How many packets a plug holds. */
async function shown(where: readonly string[]): Promise<number | undefined> {
  const { stdout, stderr } = await runHere("show", "--json", ...where);
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout)[0]?.backlogPackets;
}

/** Runs work while Docker is to be asked there. */
async function asking<T>(socket: string, work: () => Promise<T>): Promise<T> {
  Deno.env.set("DOCKER_HOST", `unix://${socket}`);
  try {
    return await work();
  } finally {
    Deno.env.delete("DOCKER_HOST");
  }
}

Deno.test("podman's containers are held by name, and let go where they restart or are removed", async (t) => {
  await using podman = new Podman();
  podman.run("web");
  await podman.answers();
  await asking(podman.socket, async () => {
    const where = ["--container", "web"];

    await t.step("restart", async () => {
      using echo = new Echo(await namespaceOf("web"));
      const { outcome } = await hold(echo, where);
      await podman.ask("POST", "/containers/web/restart?t=0");
      await echo.isReceived();
      const { status, stderr } = await outcome;
      assertEquals(status, 1);
      assertMatch(
        stderr,
        /^plugctl: container web (has stopped|has restarted in a new network namespace, which is not held)$/m,
      );
      assertMatch(stderr, /its network namespace was deleted/);
      assertEquals(await shown(where), undefined);
    });

    await t.step("remove", async () => {
      using echo = new Echo(await namespaceOf("web"));
      const { outcome } = await hold(echo, where);
      await podman.ask("DELETE", "/containers/web?force=true");
      await echo.isReceived();
      const { status, stderr } = await outcome;
      assertEquals(status, 1);
      assertMatch(stderr, /^plugctl: container web was removed$/m);
      const { stderr: none } = await runHere("show", ...where);
      assertEquals(
        none,
        "plugctl: cannot find container web: there is none of that name or ID; there is no container at all\n",
      );
      assertEquals(guardians(), []);
    });
  });
});

/** A process on a host, as the first of a container; it is gone when the block ends. */
class Process implements Disposable {
  readonly #child: Deno.ChildProcess;

  constructor(host: Host) {
    // `ip netns exec` becomes what it starts.
    this.#child = host.spawn(["sleep", "1000000"], { stdin: "null" });
  }

  get pid(): number {
    return this.#child.pid;
  }

  [Symbol.dispose](): void {
    killIfThere(this.#child.pid, "SIGKILL");
  }
}

Deno.test("a container that restarts in the same network namespace is still held, in a new one it is not", async () => {
  using pod = new Host();
  using other = new Host();
  using pause = new Process(pod);
  using first = new Process(pod);
  using second = new Process(pod);
  using elsewhere = new Process(other);
  await areIn([[pod, pause, first, second], [other, elsewhere]]);
  const app = { id: "aa11", name: "app", mode: "container:bb22" };
  const sandbox = { id: "bb22", name: "pause", pid: pause.pid, mode: "none", key: `/run/netns/${pod.name}` };
  await using engine = new FakeEngine([{ ...app, pid: first.pid }, sandbox]);
  await asking(engine.path, async () => {
    const where = ["--container", "app"];
    using echo = new Echo(pod.name);
    const { outcome } = await hold(echo, where, ["--until", "backlog>=7"]);
    first[Symbol.dispose]();
    engine.containers = [{ ...app, pid: 0 }, sandbox];
    engine.containers = [{ ...app, pid: second.pid }, sandbox];
    assertEquals(await shown(where), HELD);
    echo.send();
    const { status, stderr } = await outcome;
    assertEquals(status, 0, stderr);
    assertMatch(withoutGaps(stderr).text, /^plugctl: holding lo\nplugctl: held 10 packets, [^\n]*\n$/);
    await echo.isReceived();
    await echo.isReceived();

    // Of its own: the namespace has a name, and stays, though the container has left it.
    const own = { id: "aa11", name: "app", mode: "bridge", pid: second.pid };
    engine.containers = [own];
    const { outcome: held } = await hold(echo, where, ["--until", "backlog>=7"]);
    engine.containers = [{ ...own, pid: elsewhere.pid }];
    second[Symbol.dispose]();
    await until(async () => await shown(where) === undefined, { ...WAIT, what: "another namespace" });
    echo.send();
    const ended = await held;
    assertEquals(ended.status, 0, ended.stderr);
    assertMatch(ended.stderr, /^plugctl: container app has restarted in a new network namespace, which is not held$/m);
    await echo.isReceived();
    await echo.isReceived();
  });
});

/** Waits until each process is on its host. */
async function areIn(places: [Host, ...Process[]][]): Promise<void> {
  for (const [{ name }, ...processes] of places) {
    const identity = namespaceIdentity(name);
    const isThere = ({ pid }: Process) => namespaceIdentity(`pid:${pid}`) === identity;
    await until(() => processes.every(isThere), { ...WAIT, what: `processes on ${name}` });
  }
}

Deno.test("a pattern means several containers: what ends by itself is done in each, and what goes on is refused", async () => {
  using left = new Host();
  using right = new Host();
  using one = new Process(left);
  using two = new Process(right);
  await areIn([[left, one], [right, two]]);
  await using engine = new FakeEngine([
    { id: "aa11", name: "web-1", pid: one.pid },
    { id: "bb22", name: "web-2", pid: two.pid },
    { id: "cc33", name: "web-3", pid: 0 },
    { id: "dd44", name: "proxy", pid: Deno.pid, mode: "host" },
  ]);
  await asking(engine.path, async () => {
    const all = ["--container", "web-*"];
    const add = ["gate", "add", "syn", "lo", "--direction", "out", "--match", "udp dst port 5000"];
    assertEquals(await runHere(...add, ...all), { status: 0, stdout: "", stderr: "" });
    assertEquals((await runHere("buffer", "syn", ...all)).status, 0);
    using echo = new Echo(left.name);
    using other = new Echo(right.name);
    echo.send();
    other.send();
    const listed: Record<string, { backlogPackets: number }[]> = JSON.parse(
      (await runHere("show", "--json", ...all)).stdout,
    );
    const backlogs = Object.entries(listed).map(([name, [{ backlogPackets }]]) => [name, backlogPackets]);
    assertEquals(backlogs, [["web-1", HELD], ["web-2", HELD]]);
    const { stdout } = await runHere("gate", "list", ...all);
    assertMatch(stdout, /^web-1:\nNAME .*\nsyn .*udp dst port 5000\nweb-2:\nNAME .*\nsyn /);

    assertEquals(await runHere("hold", "syn", "--for", "1s", ...all), {
      status: 2,
      stdout: "",
      stderr: "plugctl: hold takes one container, and these are meant: web-1, web-2\n",
    });
    // One that has no network of its own is enough to do nothing in any.
    const refused = await runHere("release", "syn", "--container", "*");
    assertEquals(refused.status, 1);
    assertMatch(refused.stderr, /^plugctl: cannot enter container proxy: it uses the machine's own network/);
    assertEquals(await shown(["--container", "web-1"]), HELD);

    assertEquals((await runHere("gate", "delete", "syn", "--container", "web-1")).status, 0);
    await echo.isReceived();
    const gone = await runHere("gate", "delete", "syn", ...all);
    assertEquals(gone.status, 1);
    assertEquals(gone.stderr, "plugctl: web-1: cannot find gate syn: there is no such gate; there are none\n");
    const advised = await runHere("buffer", "lo", "--container", "web-1");
    assertMatch(advised.stderr, /; attach one with: plugctl attach lo --container web-1\n$/);
    await other.isReceived();
    // Batches and encode find containers, too.
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "gate add syn lo --direction out --container web-2\ngate delete syn\n");
    const batch = await runHere("batch", file, "--container", "web-1");
    assertEquals([batch.status, batch.stdout], [1, ""]);
    assertMatch(batch.stderr, /^plugctl: line 2: cannot find gate syn/);
    assertEquals((await runHere("recover", ...all)).stdout.split("\n").slice(0, 2), [
      "web-1:",
      "there is nothing to recover",
    ]);
    await Deno.remove(file);
  });
});

Deno.test("a user without a right to Docker's socket is told so", async () => {
  await using engine = new FakeEngine([]);
  await Deno.chmod(engine.path, 0);
  const args = [
    "--bounding-set",
    "-dac_override",
    "--inh-caps",
    "-dac_override",
    ...PLUGCTL,
    "show",
    "--container",
    "web",
  ];
  const { code, stderr } = await new Deno.Command("setpriv", { args, env: { DOCKER_HOST: engine.url } }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    4,
    `plugctl: cannot ask Docker: no permission for ${engine.path}; run it as root, or as a member of the group docker\n`,
  ]);
});

/** As `--netns` takes it. */
async function namespaceOf(name: string): Promise<string> {
  const [{ netns }] = await findSandboxes("container", [name]);
  return netns;
}
