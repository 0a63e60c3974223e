// On a kernel with plug, as root: real.ts HOSTS PLUGCTL.JS. So many network namespaces with an agent each, held at one moment five times;
// prints how late each was after the moment, by its kernel's clock, in milliseconds.
const [text, main] = Deno.args;
const hosts = Array.from({ length: Number(text) }, (_, index) => index + 1);
const plugctl: [string, ...string[]] = [Deno.execPath(), "run", "-A", "--no-check", main];
const ROUNDS = 5;
const BROKER = "10.0.0.1";
const URL_OF_BROKER = `nats://${BROKER}`;
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });

await batch([
  "link add br0 type bridge",
  `addr add ${BROKER}/16 dev br0`,
  "link set br0 up",
  "link set lo up",
  ...hosts.flatMap((host) => [
    `netns add h${host}`,
    `link add v${host} type veth peer name eth0 netns h${host}`,
    `link set v${host} master br0 up`,
  ]),
]);
const children = [start("nats-server", "-a", BROKER, "-l", `${folder}/nats.log`)];
await new Promise((resolve) => setTimeout(resolve, 1000));
for (const host of hosts) {
  await batch([`addr add 10.0.1.${host}/16 dev eth0`, "link set eth0 up", "link set lo up"], `h${host}`);
  const agent = ["agent", "--nats", URL_OF_BROKER, "--name", `h${host}`, "--state", `${folder}/h${host}`];
  children.push(start("ip", "netns", "exec", `h${host}`, ...plugctl, ...agent));
}
while (
  (JSON.parse(await output(...plugctl, "fleet", "list", "--json", "--nats", URL_OF_BROKER)) as unknown[]).length <
    hosts.length
) {
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
for (let round = 0; round < ROUNDS; round++) {
  const words = ["--on", "*", "--match", "udp dst port 9", "--for", "500ms", "--max-skew", "1s", "--lease", "20s"];
  const told: { told?: { lateMs?: number } }[] = JSON.parse(
    await output(...plugctl, "fleet", "hold", "eth0", ...words, "--json", "--nats", URL_OF_BROKER, "--quiet"),
  );
  console.log(JSON.stringify({ late: told.map(({ told }) => told?.lateMs) }));
}
for (const child of children) child.kill("SIGKILL");

function start(program: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

/** What a command prints, whatever its exit status. */
async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const text = new TextDecoder().decode(stdout);
  if (text !== "") return text;
  throw new Error(new TextDecoder().decode(stderr));
}

async function batch(lines: readonly string[], netns?: string): Promise<void> {
  const file = `${folder}/batch`;
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  const args = [...netns ? ["-n", netns] : [], "-b", file];
  const { success, stderr } = await new Deno.Command("ip", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
