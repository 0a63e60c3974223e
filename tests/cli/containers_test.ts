import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { listContainers, sockets } from "../../cli/containers/engines.ts";
import { type Listed, pick } from "../../cli/containers/sandbox.ts";
import { FakeEngine } from "./fake_engine.ts";
import { runHere } from "./run_here.ts";

const OWN = Deno.pid;
/** More than a process can have. */
const NOWHERE = 4_194_305;
const CONTAINERS = [
  { id: `aa11${"0".repeat(60)}`, name: "web-1", pid: NOWHERE },
  { id: `aa22${"0".repeat(60)}`, name: "web-2", pid: 0 },
  { id: `bb11${"0".repeat(60)}`, name: "proxy", pid: OWN, mode: "host" },
  { id: `cc11${"0".repeat(60)}`, name: "inner", pid: OWN },
];

/** Runs a command line while a variable names a socket. */
async function runWith(host: string, ...words: string[]) {
  const before = Deno.env.get("DOCKER_HOST");
  Deno.env.set("DOCKER_HOST", host);
  try {
    return await runHere(...words);
  } finally {
    if (before === undefined) Deno.env.delete("DOCKER_HOST");
    else Deno.env.set("DOCKER_HOST", before);
  }
}

Deno.test("main() says in words why a container cannot be entered", async () => {
  await using engine = new FakeEngine(CONTAINERS);
  const cases: [words: string[], status: number, said: string][] = [
    [
      ["show", "--container", "prxoy"],
      1,
      "cannot find container prxoy: there is none of that name or ID; did you mean proxy",
    ],
    [
      ["show", "--container", "zzzzzz"],
      1,
      "cannot find container zzzzzz: there is none of that name or ID; these are running: web-1, proxy, inner",
    ],
    [
      ["show", "--container", "z*"],
      1,
      "cannot find container z*: none has such a name; these are running: web-1, proxy, inner",
    ],
    [["show", "-c", "web-2"], 1, "cannot enter container web-2: it is not running (exited); start it first"],
    [["show", "--container", "aa22"], 1, "cannot enter container web-2: it is not running (exited); start it first"],
    [["show", "--container", "*-2"], 1, "cannot enter container *-2: none of these is running: web-2"],
    [
      ["attach", "eth0", "--container", "proxy"],
      1,
      "cannot enter container proxy: it uses the machine's own network, where the packets of others are, too; without " +
      "--container proxy a gate holds those that its --match means",
    ],
    [
      ["attach", "eth0", "--container", "inner"],
      1,
      "cannot enter container inner: it is in the network namespace that plugctl is in, where the packets of others are, " +
      "too; without --container inner a gate holds those that its --match means",
    ],
    [
      ["buffer", "eth0", "--container", "web-1"],
      1,
      `cannot enter container web-1: its process ${NOWHERE} is not on this machine, or not to be seen from here; run ` +
      `plugctl where Docker (${engine.path}) runs its processes, with the machine's own /proc`,
    ],
    [["show", "--container", "a", "--netns", "b"], 2, "--netns and --container cannot be given together"],
    [["show", "--container", "a", "--pod", "b/c"], 2, "--container and --pod cannot be given together"],
    [["recover", "--all", "--container", "a"], 2, "--container and --all cannot be given together"],
    [["show", "--pod", "web"], 2, 'invalid pod "web": use NAMESPACE/NAME, such as default/web'],
    [["show", "--container"], 2, "--container needs a value: --container NAME; see: plugctl show --help"],
  ];
  for (const [words, status, said] of cases) {
    assertEquals(
      await runWith(engine.url, ...words),
      { status, stdout: "", stderr: `plugctl: ${said}\n` },
      words.join(" "),
    );
  }
});

Deno.test("main() says in words why Docker or Podman cannot be asked", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-engine-" });
  // Nobody listens on a plain file either.
  const silent = `${folder}/silent.sock`;
  await Deno.writeTextFile(silent, "");
  for (
    const [host, said] of [
      [
        `unix://${folder}/none.sock`,
        `cannot ask Docker: there is no socket ${folder}/none.sock, which DOCKER_HOST names`,
      ],
      [`unix://${silent}`, `cannot ask Docker: nobody listens on ${silent}; start it with: systemctl start docker`],
      [
        "ssh://root@other",
        "cannot ask for containers at DOCKER_HOST=ssh://root@other: only a Unix socket of this machine can be asked, such " +
        "as unix:///run/docker.sock; run plugctl on the machine of the containers",
      ],
    ]
  ) {
    assertEquals(await runWith(host, "show", "--container", "web"), {
      status: 4,
      stdout: "",
      stderr: `plugctl: ${said}\n`,
    });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() repeats what Docker answers instead of containers", async () => {
  await using engine = new FakeEngine([]);
  const ask = () => runWith(engine.url, "show", "--container", "web");
  const at = `plugctl: cannot ask Docker: it answers on ${engine.path}: `;
  for (
    const [answer, said] of [
      [() => Response.json({ message: "page not found" }, { status: 500 }), "page not found"],
      [() => new Response("<html>", { status: 502 }), "status 502 without JSON"],
      [() => Response.json({ any: 1 }), "no list of containers"],
      [() => Response.json([{ Id: 3 }]), "a container without Id and State"],
    ] as const
  ) {
    engine.instead.set("/containers/json", answer);
    assertEquals(await ask(), { status: 1, stdout: "", stderr: `${at}${said}\n` });
  }
  engine.instead.clear();
  assertMatch((await ask()).stderr, /there is none of that name or ID; there is no container at all\n$/);
});

Deno.test("main() asks nobody for what it does not send", async () => {
  const host = "unix:///nosuch.sock";
  const { status, stdout, stderr } = await runWith(host, "buffer", "--dev", "lo", "--container", "web", "--dry-run");
  assertEquals(status, 0, stderr);
  assertMatch(stdout, /TCQ_PLUG_BUFFER/);
  assertMatch(stderr, /the index of lo is shown as 0/);
  assertEquals((await runWith(host, "encode", "buffer", "--dev", "lo", "-c", "web")).status, 0);
});

Deno.test("sockets() are those that variables name, or else those of the machine, of this user and of sudo's", () => {
  const of = (variables: Record<string, string>) =>
    sockets((name) => variables[name]).map(({ engine, path }) => `${engine} ${path}`);
  assertEquals(of({}), ["Docker /run/docker.sock", "Podman /run/podman/podman.sock"]);
  assertEquals(of({ XDG_RUNTIME_DIR: "/run/user/7", SUDO_UID: "8" }).slice(2), [
    "Docker /run/user/7/docker.sock",
    "Podman /run/user/7/podman/podman.sock",
    "Docker /run/user/8/docker.sock",
    "Podman /run/user/8/podman/podman.sock",
  ]);
  assertEquals(of({ DOCKER_HOST: "unix:///a", CONTAINER_HOST: "unix:///b" }), ["Podman /b", "Docker /a"]);
  assertEquals(of({ DOCKER_HOST: "", CONTAINER_HOST: "" }), of({}));
  assertThrows(() => of({ CONTAINER_HOST: "tcp://10.0.0.1:2375" }), Error, "CONTAINER_HOST=tcp://10.0.0.1:2375");
});

Deno.test("listContainers() takes what answers of the usual sockets, and each container once", async () => {
  await using engine = new FakeEngine(CONTAINERS);
  await using other = new FakeEngine([...CONTAINERS.slice(0, 2), { id: "dd11", name: "shop", pid: 0 }]);
  const places = [
    { engine: "Docker", path: engine.path },
    { engine: "Podman", path: "/nosuch/podman.sock" },
    { engine: "Podman", path: other.path },
  ] as const;
  const listed = await listContainers(places);
  assertEquals(listed.map(({ name, state, isRunning }) => [name, state, isRunning]), [
    ["web-1", "running", true],
    ["web-2", "exited", false],
    ["proxy", "running", true],
    ["inner", "running", true],
    ["shop", "exited", false],
  ]);
  assertEquals(listed.map(({ by }) => by.split(" ")[0]), ["Docker", "Docker", "Docker", "Docker", "Podman"]);
  const nowhere = [{ engine: "Docker", path: "/nosuch/a" }, { engine: "Podman", path: "/nosuch/b" }] as const;
  await assertRejects(() => listContainers(nowhere), Error, "there is no socket /nosuch/a, /nosuch/b; start one with");
});

Deno.test("a container that shares the network of another is entered where that is, whether it has restarted or not", async () => {
  await using engine = new FakeEngine([
    { id: "aaaa", name: "app", pid: 11, mode: "container:bbbb" },
    { id: "bbbb", name: "pause", pid: 22, key: "/run/netns/pod" },
    { id: "cccc", name: "orphan", pid: 33, mode: "container:dddd" },
    { id: "eeee", name: "one", pid: 44, mode: "container:eeee" },
  ]);
  const listed = await listContainers([{ engine: "Docker", path: engine.path }]);
  const networks = await Promise.all(listed.map(({ network }) => network()));
  assertEquals(networks.map((network) => network && [network.pid, network.path]), [
    [22, "/run/netns/pod"],
    [22, "/run/netns/pod"],
    [33, undefined],
    [44, undefined],
  ]);
});

Deno.test("pick() takes a name before an ID, patterns for what runs, and refuses to guess", () => {
  const one = (name: string, id: string, isRunning = true): Listed => ({
    name,
    id,
    isRunning,
    state: isRunning ? "running" : "exited",
    by: "Docker",
    network: () => Promise.resolve(undefined),
  });
  const listed = [one("ab", "cd11"), one("cd", "ab22"), one("x.1", "cd33"), one("xy1", "ef44", false)];
  const ids = (text: string) => pick("container", text, listed).map(({ id }) => id);
  assertEquals(ids("ab"), ["cd11"]);
  assertEquals(ids("cd"), ["ab22"]);
  assertEquals(ids("cd1"), ["cd11"]);
  assertEquals(ids("x?1"), ["cd33"]);
  assertEquals(ids("*"), ["cd11", "ab22", "cd33"]);
  assertThrows(() => ids("x.*2"), Error, "none has such a name");
  const twice = [one("web", "11"), one("web", "22")];
  assertThrows(
    () => pick("container", "web", twice),
    Error,
    "Cannot tell which container web is: web of Docker, 11; web of Docker, 22; use the ID",
  );
  // Of a pod that has begun anew the old sandbox is listed for a while.
  const pods = [one("default/web", "11", false), one("default/web", "22")];
  assertEquals(pick("pod", "default/web", pods).map(({ id }) => id), ["22"]);
  assertThrows(() => pick("pod", "other/wbe", [one("other/web", "1")]), Error, "did you mean other/web");
});

/** What crictl prints of two pods, of which one has the machine's network. */
const CRICTL = `#!/bin/sh
case "$1 $2 $3" in
"pods --output json") cat <<'END'
{"items":[
{"id":"aa","metadata":{"name":"web","namespace":"default","attempt":0},"state":"SANDBOX_READY","labels":{}},
{"id":"bb","metadata":{"name":"proxy","namespace":"kube-system","attempt":0},"state":"SANDBOX_READY","labels":{}},
{"id":"cc","metadata":{"name":"old","namespace":"default","attempt":0},"state":"SANDBOX_NOTREADY","labels":{}}]}
END
;;
"inspectp --output json") [ "$4" = bb ] && network=NODE || network=POD
cat <<END
{"status":{"id":"$4","linux":{"namespaces":{"options":{"ipc":"POD","network":"$network","pid":"CONTAINER"}}}},
"info":{"pid":PID,"runtimeSpec":{"linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/run/netns/nosuch"}]}}}}
END
;;
*) echo 'level=fatal msg="connect: no such file"' >&2; exit 1;;
esac
`;

Deno.test("main() says in words why a pod cannot be entered", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-crictl-" });
  const path = Deno.env.get("PATH") ?? "";
  const ask = async (pod: string) => (await runHere("show", "--pod", pod)).stderr.replace(/^plugctl: |\n$/g, "");
  try {
    Deno.env.set("PATH", folder);
    assertEquals(await ask("default/web"), "cannot find pods: there is no crictl; it comes with Kubernetes' cri-tools");
    Deno.env.set("PATH", `${folder}:${path}`);
    await Deno.writeTextFile(`${folder}/crictl`, CRICTL.replace("PID", String(NOWHERE)), { mode: 0o755 });
    assertMatch(await ask("default/web"), /^cannot enter pod default\/web: its process \d+ is not on this machine/);
    assertMatch(await ask("kube-system/p*"), /^cannot enter pod kube-system\/proxy: .* is not on this machine/);
    assertEquals(
      await ask("default/old"),
      "cannot enter pod default/old: it is not running (not ready); start it first",
    );
    assertMatch(await ask("kube-system/web"), /none of that name or ID; did you mean default\/web$/);
    await Deno.writeTextFile(`${folder}/crictl`, CRICTL.replace("PID", String(OWN)), { mode: 0o755 });
    assertMatch(
      await ask("kube-system/proxy"),
      /^cannot enter pod kube-system\/proxy: it uses the machine's own network,/,
    );
    await Deno.writeTextFile(`${folder}/crictl`, CRICTL.replace("pods --output", "no"), { mode: 0o755 });
    assertEquals(
      await ask("default/web"),
      'cannot find pods: crictl pods failed: level=fatal msg="connect: no such file"',
    );
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(folder, { recursive: true });
  }
});
