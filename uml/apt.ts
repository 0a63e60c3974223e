/**
 * Debian packages, downloaded without root and without touching the machine's own apt state.
 *
 * @module
 */

/** Which packages are downloaded, and how. */
export interface DownloadOptions {
  /** The folder that gets the `.deb` files */
  folder: string;
  /** Debian's name of the kind of machine that they are for, such as `arm64`; this machine's own if not given */
  architecture?: string;
  /** Packages that are downloaded besides, by the name of one that depends on them, such as `linux-image-arm64` */
  dependenciesOf?: string;
  /** Whether all is downloaded besides that they depend on and this machine does not have installed */
  withDependencies?: boolean;
  /** Names of packages that are not downloaded, as they are here already */
  except?: ReadonlySet<string>;
  /** Is told what is downloaded, before it is: `User-Mode Linux, 2 packages of Debian's, 7.9 MB` */
  onDownload?: (what: string) => void;
  /** What the packages are, for `onDownload`: `User-Mode Linux` */
  what: string;
  /** What to do where they cannot be had, the end of the message */
  advice: string;
  /** Ends the download */
  signal?: AbortSignal;
}

/** This machine's lists of packages. */
const LISTS = "/var/lib/apt/lists";

/** What a run of one of Debian's tools came to. */
interface Outcome {
  success: boolean;
  output: string;
  /** Its standard error, trimmed */
  complaint: string;
}

/** A package that apt would download. */
interface Package {
  name: string;
  bytes: number;
}

/**
 * Downloads packages as `.deb` files, and says how much that is before it does. Returns the names of those that it
 * downloaded.
 *
 * This machine's lists of packages are used as they are. Where those are missing or out of date, or another kind of
 * machine's are wanted, lists of plugctl's own are fetched into the cache.
 *
 * @throws {Error} If apt-get is not there or the packages cannot be had.
 */
export async function downloadPackages(names: readonly string[], options: DownloadOptions): Promise<string[]> {
  const { architecture, onDownload, what } = options;
  const state = cacheFolder(architecture ? `apt-${architecture}` : "apt");
  const configuration = ["--quiet", "--config-file", await writeConfiguration(state, architecture)];
  const apt: Apt = (tool, ...args) => run([tool, ...configuration, ...args], { ...options, cwd: options.folder });
  const asTheyAre: Apt = (tool, ...args) => apt(tool, "--option", `Dir::State::lists=${LISTS}`, ...args);
  for (const lists of architecture ? [apt] : [asTheyAre, apt]) {
    const { success, names: got } = await downloadBy(lists, names, options);
    if (success) return got;
  }
  onDownload?.(`${what}: the lists of Debian's packages, about 10 MB, to ${state}`);
  // A broken third-party source fails the update, and need not concern these packages
  const update = await apt("apt-get", "update");
  const { success, names: got, complaint } = await downloadBy(apt, names, options);
  if (success) return got;
  const said = [update.complaint, complaint].filter(Boolean).join("\n");
  throw new Error(`Cannot download ${names.join(" ")}: apt-get said\n${said}\n${options.advice}`);
}

/** Runs one of apt's tools. */
type Apt = (tool: string, ...args: string[]) => Promise<Outcome>;

/** Tries to download packages by the lists that apt has. */
async function downloadBy(
  apt: Apt,
  names: readonly string[],
  { dependenciesOf, withDependencies, except, what, onDownload }: DownloadOptions,
): Promise<{ success: boolean; names: string[]; complaint: string }> {
  const depends = dependenciesOf ? await apt("apt-cache", "depends", "--important", dependenciesOf) : undefined;
  if (depends?.success === false) return { success: false, names: [], complaint: depends.complaint };
  const wanted = [...names, ...dependencies(depends?.output ?? "")];
  const asked = withDependencies ? ["install", "--no-install-recommends"] : ["download"];
  const plan = await apt("apt-get", ...asked, "--print-uris", ...wanted);
  const packages = parsePlan(plan.output).filter(({ name }) => !except?.has(name));
  const chosen = packages.map(({ name }) => name);
  if (!plan.success || packages.length === 0) return { success: plan.success, names: [], complaint: plan.complaint };
  const megabytes = packages.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  const count = packages.length === 1 ? "1 package" : `${packages.length} packages`;
  onDownload?.(`${what}: ${count} of Debian's, ${megabytes.toFixed(1)} MB`);
  const { success, complaint } = await apt("apt-get", "download", ...chosen);
  return { success, names: chosen, complaint };
}

/** The packages of `--print-uris`, of which each is a line: `'URI' NAME_VERSION_ARCHITECTURE.deb SIZE HASH`. */
function parsePlan(printed: string): Package[] {
  return printed.matchAll(/^'[^']*' ([^_ ]+)_\S+\.deb (\d+)( |$)/gm)
    .map(([, name, bytes]) => ({ name, bytes: Number(bytes) })).toArray();
}

/** The names of packages that `apt-cache depends` printed. */
function dependencies(printed: string): string[] {
  return printed.matchAll(/^ *Depends: (\S+)$/gm).map(([, name]) => name).toArray();
}

/**
 * Unpacks every `.deb` file of a folder into another.
 *
 * @throws {Error} If dpkg is not there or a file cannot be unpacked.
 */
export async function unpackPackages(folder: string, into: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".deb")) continue;
    const { success, complaint } = await run(["dpkg", "--extract", name, into], { cwd: folder });
    if (!success) throw new Error(`Cannot unpack ${name}: ${complaint}`);
  }
}

/** Writes an apt configuration whose lists and caches are all in `state`, and returns its path. */
async function writeConfiguration(state: string, architecture?: string): Promise<string> {
  await Deno.mkdir(`${state}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${state}/cache/archives/partial`, { recursive: true });
  await Deno.writeTextFile(`${state}/status`, "");
  const settings = [
    `Dir::State::status "${architecture ? `${state}/status` : "/var/lib/dpkg/status"}";`,
    ...architecture ? architectureSettings(architecture) : [],
    `Dir::State "${state}";`,
    `Dir::State::lists "${state}/lists";`,
    `Dir::Cache "${state}/cache";`,
    `Dir::Log "${state}/log";`,
    // Without the option apt warns that a user of its own may not write here
    `APT::Sandbox::User "root";`,
    `Acquire::Languages "none";`,
    `Debug::NoLocking "true";`,
    // These run commands that change the machine, or fail without root
    "#clear APT::Update::Pre-Invoke;",
    "#clear APT::Update::Post-Invoke;",
    "#clear APT::Update::Post-Invoke-Success;",
    "#clear DPkg::Pre-Install-Pkgs;",
  ];
  const path = `${state}/apt.conf`;
  const text = settings.join("\n") + "\n";
  await Deno.writeTextFile(`${path}.${Deno.pid}`, text);
  await Deno.rename(`${path}.${Deno.pid}`, path);
  return path;
}

function architectureSettings(architecture: string): string[] {
  return [
    `APT::Architecture "${architecture}";`,
    "#clear APT::Architectures;",
    `APT::Architectures "${architecture}";`,
  ];
}

async function run(
  [command, ...args]: string[],
  options: { cwd: string; signal?: AbortSignal },
): Promise<Outcome> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      cwd: options.cwd,
      signal: options.signal,
      args,
      env: { LC_ALL: "C" },
      stdin: "null",
    }).output();
    options.signal?.throwIfAborted();
    const [output, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    return { success, output, complaint };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot run ${command}: it is not installed; it fetches packages of Debian's`, { cause: error });
  }
}

/**
 * What is fetched once: folders in `plugctl` in `XDG_CACHE_HOME`, or else in `~/.cache`.
 *
 * @module
 */

/**
 * The path of a folder of the cache, which need not be there.
 *
 * @throws {Error} If the environment names no folder for it.
 */
export function cacheFolder(name: string): string {
  const home = Deno.env.get("HOME");
  const base = Deno.env.get("XDG_CACHE_HOME") || (home && `${home}/.cache`);
  if (!base) {
    throw new Error(
      "Cannot choose a cache folder: neither XDG_CACHE_HOME nor HOME is set",
    );
  }
  return `${base}/plugctl/${name}`;
}

/**
 * Fills a folder of the cache in one step, by a rename: an interrupted download leaves nothing half done.
 *
 * @param fill Is given a folder to work in, which is deleted afterwards, and makes the folder `root` in it.
 */
export async function fillCache(cache: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const end = cache.lastIndexOf("/");
  const parent = cache.slice(0, end);
  await Deno.mkdir(parent, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: parent, prefix: `${cache.slice(end + 1)}-` });
  try {
    await fill(folder);
    await Deno.rename(`${folder}/root`, cache);
  } catch (error) {
    if (!isFilled(error)) throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Tells whether a rename failed because another process has filled the cache meanwhile. */
function isFilled(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    error.code === "ENOTEMPTY";
}
