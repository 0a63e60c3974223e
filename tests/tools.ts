/**
 * The programs that tests use beside plugctl, of this machine or else of Debian's packages: downloaded with all that they
 * depend on and this machine lacks, unpacked in the cache, and run from there. Nothing is installed, and no root is needed.
 *
 * @module
 */

import { cacheFolder, downloadPackages, unpackPackages } from "../uml/apt.ts";
import { systemPath } from "../uml/processes.ts";

/** A program, and what it takes to run it from where it was unpacked. */
interface Tool {
  /** The package of Debian's that it comes in. */
  package: string;
  /** Another package, with its data, where the first does not depend on it. */
  data?: string;
  /** Its path in the package. Default: the one in a `bin` or `sbin` that has its name. */
  path?: string;
  /** What tells its version, to see that it starts. Default: `--version`. */
  check?: readonly string[];
  /** Variables that lead it to its data, below `root`. */
  env?: (root: string) => Record<string, string>;
  /** What starts it, where it is not a program of its own. */
  words?: readonly string[];
  /** Words before those that it is given. */
  args?: (root: string) => readonly string[];
}

/** Debian's version of PostgreSQL. */
const POSTGRESQL = debianVersion().startsWith("13") ? 17 : 15;

const TOOLS = {
  "ansible-doc": ansible("ansible-doc"),
  "ansible-galaxy": ansible("ansible-galaxy"),
  "ansible-playbook": ansible("ansible-playbook"),
  busybox: { package: "busybox-static", check: ["true"] },
  chromium: { package: "chromium", path: "usr/lib/chromium/chromium", env: fontVariables },
  conmon: { package: "conmon" },
  // With --version it makes a folder in /run.
  crun: { package: "crun", check: ["--help"] },
  curl: { package: "curl" },
  dnsmasq: { package: "dnsmasq-base" },
  etcd: { package: "etcd-server" },
  etcdctl: { package: "etcd-client", check: ["version"] },
  fish: { package: "fish" },
  go: {
    package: "golang-go",
    path: "usr/lib/go/bin/go",
    check: ["version"],
    env: (root) => ({ GOROOT: `${root}/usr/lib/go` }),
  },
  haproxy: { package: "haproxy", check: ["-v"] },
  initdb: postgresql("initdb"),
  ip: { package: "iproute2", check: ["-V"] },
  "iptables-legacy": {
    package: "iptables",
    path: "usr/sbin/xtables-legacy-multi",
    env: xtablesVariables,
    args: () => ["iptables"],
  },
  mariadb: { package: "mariadb-client-core" },
  mariadbd: { package: "mariadb-server-core" },
  // No program of this machine's: tells where one for a virtual machine is.
  "ipxe-path": { package: "ipxe", words: ["echo"], args: (root) => [`${root}/boot/ipxe.lkrn`] },
  man: { package: "man-db", env: groffVariables, args: (root) => ["-C", `${root}/etc/manpath.config`] },
  "nats-server": { package: "nats-server" },
  nft: { package: "nftables" },
  nginx: { package: "nginx", check: ["-v"] },
  "nl-qdisc-add": { package: "libnl-utils" },
  "nl-qdisc-delete": { package: "libnl-utils" },
  node: { package: "nodejs" },
  openssl: { package: "openssl", check: ["version"] },
  podman: {
    package: "podman",
    args: (root) => ["--conmon", `${root}/../bin/conmon`, "--runtime", `${root}/../bin/crun`],
  },
  postgres: postgresql("postgres"),
  psql: postgresql("psql", "-client"),
  pytest: {
    package: "python3-pytest",
    words: ["python3", "-m", "pytest"],
    env: (root) => ({ PYTHONPATH: `${root}/usr/lib/python3/dist-packages` }),
  },
  python3: { package: "python3" },
  "qemu-system-aarch64": { package: "qemu-system-arm", env: qemuVariables },
  "qemu-system-x86_64": { package: "qemu-system-x86", env: qemuVariables },
  "redis-cli": { package: "redis-tools" },
  "redis-server": { package: "redis-server", data: "redis-tools" },
  sftp: { package: "openssh-client", check: ["-h"] },
  setcap: { package: "libcap2-bin", check: ["-h"] },
  ss: { package: "iproute2", check: ["-V"] },
  ssh: { package: "openssh-client", check: ["-V"] },
  "ssh-keygen": { package: "openssh-client", check: ["-?"] },
  sshd: { package: "openssh-server", check: ["-?"] },
  strace: { package: "strace" },
  tc: { package: "iproute2", check: ["-V"], env: (root) => ({ TC_LIB_DIR: `${root}/usr/lib/tc` }) },
  tcpdump: { package: "tcpdump" },
  tmux: { package: "tmux", check: ["-V"] },
  tshark: { package: "tshark" },
  // Its modules are in it: the other looks for them in /usr/lib alone.
  zsh: { package: "zsh-static", data: "zsh-common", path: "bin/zsh-static", env: zshVariables },
} satisfies Record<string, Tool>;

/** A program that tests use. */
export type ToolName = keyof typeof TOOLS;

/** What the scenarios in `examples/` run. */
export const EXAMPLE_TOOLS: readonly ToolName[] = [
  "curl",
  "dnsmasq",
  "etcd",
  "etcdctl",
  "haproxy",
  "initdb",
  "ip",
  "ipxe-path",
  "mariadb",
  "mariadbd",
  "nginx",
  "node",
  "openssl",
  "postgres",
  "psql",
  "python3",
  "qemu-system-x86_64",
  "redis-cli",
  "redis-server",
  "ss",
];

/** How tools are provided. */
export interface ProvideOptions {
  /** Is told what is downloaded, and how much, before it is. */
  onDownload: (what: string) => void;
  /** Ends the download. */
  signal: AbortSignal;
}

const ADVICE = "where this is not Debian, or has no network, install what is missing";
/** What every Debian has: what is linked with another version of it than the loader ends at once. */
const NEVER: readonly string[] = ["libc6", "libc-bin"];

/**
 * Sees to it that these programs start, by `PATH`, in what this process starts from now on.
 *
 * @throws {Error} Where one cannot be had; the message says what to do.
 */
export async function provideTools(names: readonly ToolName[], { onDownload, signal }: ProvideOptions): Promise<void> {
  const folder = cacheFolder(`tools-${debianVersion()}`);
  // Those of this machine come first: only what it lacks is taken from the cache.
  Deno.env.set("PATH", `${systemPath()}:${folder}/bin`);
  Deno.env.set("PLUGCTL_TOOLS", `${folder}/root`);
  await provide(names, folder, { onDownload, signal });
  provideLibpcap(names, `${folder}/root`);
  if (names.includes("chromium") && isThere(`${folder}/root`)) writeFontList(`${folder}/root`);
}

/** Where tcpdump is from the cache, so is the libpcap that plugctl opens, in what is started from now on. */
function provideLibpcap(names: readonly ToolName[], root: string): void {
  if (!names.includes("tcpdump") || !isThere(root)) return;
  const folders = [...libraryFolders(root)];
  if (folders.some((folder) => isThere(`${folder}/libpcap.so.0.8`))) Deno.env.set("LD_LIBRARY_PATH", folders.join(":"));
}

async function provide(
  names: readonly ToolName[],
  folder: string,
  { onDownload, signal }: ProvideOptions,
): Promise<void> {
  if (missing(names).length === 0) return;
  await Deno.mkdir(`${folder}/bin`, { recursive: true });
  using lock = await Deno.open(`${folder}/lock`, { create: true, write: true });
  await lock.lock(true);
  const wanted = missing(names);
  if (wanted.length === 0) return;
  await fetchTools(wanted, { folder, onDownload, signal });
  const left = missing(wanted);
  if (left.length === 0) return;
  throw new Error(
    `Cannot run ${left.join(", ")} from ${folder}: ${complaintOf(left[0])}; delete it to fetch them anew`,
  );
}

/** Those that do not start. */
function missing(names: readonly ToolName[]): ToolName[] {
  return names.filter((name) => complaintOf(name) !== undefined);
}

/** What is in the way of a program's start, if anything. */
function complaintOf(name: ToolName): string | undefined {
  const { check = ["--version"] }: Tool = TOOLS[name];
  try {
    const { code, stderr } = new Deno.Command(name, { args: [...check], stdin: "null" }).outputSync();
    // So a shell says that there is no such program, and the loader that there is no such library.
    return code === 127 ? new TextDecoder().decode(stderr).trim() : undefined;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "there is no such program";
  }
}

/** Downloads and unpacks the packages of some tools, and writes what starts each. */
async function fetchTools(
  names: readonly ToolName[],
  { folder, ...options }: ProvideOptions & { folder: string },
): Promise<void> {
  const packages = [...new Set(names.flatMap(packagesOf))];
  const unpacked = await readLines(`${folder}/packages`);
  const debs = await Deno.makeTempDir({ dir: folder, prefix: "debs-" });
  try {
    const got = await downloadPackages(packages, {
      ...options,
      folder: debs,
      withDependencies: true,
      except: new Set([...unpacked, ...NEVER]),
      what: `What tests use (${packages.join(", ")})`,
      advice: ADVICE,
    });
    await unpackPackages(debs, `${folder}/root`);
    await Deno.writeTextFile(`${folder}/packages`, [...unpacked, ...got].map((name) => `${name}\n`).join(""));
  } finally {
    await Deno.remove(debs, { recursive: true });
  }
  // There fish looks for its settings, from its program on.
  await linkOnce("../etc", `${folder}/root/usr/etc`);
  const libraries = [...libraryFolders(`${folder}/root`)].join(":");
  for (const name of names) await writeStarter(name, { folder, libraries });
}

function packagesOf(name: ToolName): string[] {
  const tool: Tool = TOOLS[name];
  return tool.data ? [tool.package, tool.data] : [tool.package];
}

/** Writes a program that starts one where it was unpacked, with its libraries. */
async function writeStarter(
  name: ToolName,
  { folder, libraries }: { folder: string; libraries: string },
): Promise<void> {
  const root = `${folder}/root`;
  const { words: start, env, args }: Tool = TOOLS[name];
  const variables = { LD_LIBRARY_PATH: libraries, ...env?.(root) };
  const words = [...start ?? [programOf(name, root)], ...args?.(root) ?? []].map(quote).join(" ");
  const lines = [
    "#!/bin/sh",
    ...Object.entries(variables).map(([key, value]) => `export ${key}=${quote(value)}`),
    `exec ${words} "$@"`,
  ];
  const starter = `${folder}/bin/${name}`;
  await Deno.writeTextFile(`${starter}.new`, `${lines.join("\n")}\n`, { mode: 0o755 });
  await Deno.rename(`${starter}.new`, starter);
}

function programOf(name: ToolName, root: string): string {
  const { path, package: from }: Tool = TOOLS[name];
  const places = path ? [path] : ["usr/bin", "bin", "usr/sbin", "sbin"].map((place) => `${place}/${name}`);
  const program = places.map((place) => `${root}/${place}`).find(isFile);
  if (!program) throw new Error(`Cannot use ${from}: there is no ${name} in it`);
  return program;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Every folder below that has shared libraries in it. */
function* libraryFolders(folder: string): Generator<string> {
  const entries = Array.from(Deno.readDirSync(folder));
  if (entries.some(({ name }) => /^lib.*\.so(\.\d|$)/.test(name))) yield folder;
  for (const { name, isDirectory } of entries) {
    if (isDirectory) yield* libraryFolders(`${folder}/${name}`);
  }
}

/** Every folder below that has files in it. */
function* foldersWithFiles(folder: string): Generator<string> {
  const entries = Array.from(Deno.readDirSync(folder));
  if (entries.some(({ isFile }) => isFile)) yield folder;
  for (const { name, isDirectory } of entries) {
    if (isDirectory) yield* foldersWithFiles(`${folder}/${name}`);
  }
}

function fontVariables(root: string): Record<string, string> {
  return { FONTCONFIG_FILE: fontList(root), XDG_DATA_DIRS: `${root}/usr/share:/usr/local/share:/usr/share` };
}

function fontList(root: string): string {
  return `${root}/fonts.conf`;
}

/** Lists the fonts that were unpacked and those of this machine, of which one has been enough for none to be fetched. */
function writeFontList(root: string): void {
  const fonts = [`${root}/usr/share/fonts`, "/usr/share/fonts"].map((folder) => `<dir>${folder}</dir>`).join("");
  const list = `<?xml version="1.0"?>\n<fontconfig>${fonts}<cachedir>${root}/fonts</cachedir></fontconfig>\n`;
  Deno.writeTextFileSync(fontList(root), list);
}

/** It is Python: what it imports is found from where it was unpacked. */
function ansible(program: string): Tool {
  return {
    package: "ansible-core",
    words: ["python3"],
    env: (root) => ({ PYTHONPATH: `${root}/usr/lib/python3/dist-packages` }),
    args: (root) => [`${root}/usr/bin/${program}`],
  };
}

function postgresql(program: string, side = ""): Tool {
  return { package: `postgresql${side}-${POSTGRESQL}`, path: `usr/lib/postgresql/${POSTGRESQL}/bin/${program}` };
}

function groffVariables(root: string): Record<string, string> {
  const [folder] = Array.from(Deno.readDirSync(`${root}/usr/share/groff`), ({ name }) => name)
    .filter((name) => /^\d/.test(name)).map((name) => `${root}/usr/share/groff/${name}`);
  return {
    PATH: `${root}/usr/bin:${root}/bin:/usr/bin:/bin`,
    GROFF_FONT_PATH: `${folder}/font`,
    GROFF_TMAC_PATH: `${folder}/tmac:${root}/etc/groff`,
  };
}

function qemuVariables(root: string): Record<string, string> {
  const [modules = root] = Array.from(Deno.readDirSync(`${root}/usr/lib`), ({ name }) => `${root}/usr/lib/${name}/qemu`)
    .filter(isThere);
  return { QEMU_MODULE_DIR: modules };
}

function xtablesVariables(root: string): Record<string, string> {
  const [modules = root] = Array.from(
    Deno.readDirSync(`${root}/usr/lib`),
    ({ name }) => `${root}/usr/lib/${name}/xtables`,
  )
    .filter(isThere);
  return { XTABLES_LIBDIR: modules };
}

function zshVariables(root: string): Record<string, string> {
  return { FPATH: [...foldersWithFiles(`${root}/usr/share/zsh/functions`)].join(":") };
}

function isFile(path: string): boolean {
  return isThere(path) && Deno.statSync(path).isFile;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

async function linkOnce(target: string, path: string): Promise<void> {
  if (!isThere(path)) await Deno.symlink(target, path);
}

async function readLines(path: string): Promise<string[]> {
  return isThere(path) ? (await Deno.readTextFile(path)).split("\n").filter(Boolean) : [];
}

/** The version of this machine's Debian, such as `12.11`, as part of a file's name. */
function debianVersion(): string {
  return isThere("/etc/debian_version")
    ? Deno.readTextFileSync("/etc/debian_version").trim().replaceAll("/", "-")
    : "0";
}

// For a shell: `tools.ts NAME...` prints what puts these programs on its PATH.
if (import.meta.main) {
  const names = Deno.args.filter((name): name is ToolName => name in TOOLS);
  await provideTools(names, {
    signal: new AbortController().signal,
    onDownload: (what) => console.error(`Downloading ${what}`),
  });
  console.log(`export PATH=${quote(Deno.env.get("PATH") ?? "")}`);
}
