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
  /** What to do where they cannot be had, the end of the message */
  advice: string;
  /** Ends the download */
  signal?: AbortSignal;
}

/** What a run of one of Debian's tools came to. */
interface Outcome {
  success: boolean;
  output: string;
  /** Its standard error, trimmed */
  complaint: string;
}

/**
 * Downloads packages as `.deb` files, and fetches the package lists first where they are needed.
 *
 * Lists that are missing or out of date, or another kind of machine's, are fetched into a folder of their own, which is
 * deleted afterwards.
 *
 * @throws {Error} If apt-get is not there or the packages cannot be had.
 */
export async function downloadPackages(names: string[], options: DownloadOptions): Promise<void> {
  const { architecture, dependenciesOf, folder } = options;
  // Without the option apt warns that a user of its own may not write here
  const asIs = ["apt-get", "--quiet", "--option", "APT::Sandbox::User=root", "download", ...names];
  if (!architecture && !dependenciesOf && (await run(asIs, { ...options, cwd: folder })).success) return;
  const state = await Deno.makeTempDir({ dir: folder, prefix: "apt-" });
  try {
    const configuration = ["--quiet", "--config-file", await writeConfiguration(state, architecture)];
    const apt = (tool: string, ...args: string[]) =>
      run([tool, ...configuration, ...args], { ...options, cwd: folder });
    // A broken third-party source fails the update, and need not concern these packages
    const update = await apt("apt-get", "update");
    const depends = dependenciesOf ? await apt("apt-cache", "depends", "--important", dependenciesOf) : undefined;
    const wanted = [...names, ...dependencies(depends?.output ?? "")];
    const download = await apt("apt-get", "download", ...wanted);
    const complaints = [update, depends, download].map((outcome) => outcome?.complaint ?? "");
    if (!download.success || depends?.success === false) throw cannotDownload(wanted, complaints, options);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
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
    `APT::Sandbox::User "root";`,
    `Acquire::Languages "none";`,
    // These run commands that change the machine, or fail without root
    "#clear APT::Update::Pre-Invoke;",
    "#clear APT::Update::Post-Invoke;",
    "#clear APT::Update::Post-Invoke-Success;",
  ];
  await Deno.writeTextFile(`${state}/apt.conf`, settings.join("\n") + "\n");
  return `${state}/apt.conf`;
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

function cannotDownload(names: string[], complaints: string[], { advice }: DownloadOptions): Error {
  const said = complaints.filter(Boolean).join("\n");
  return new Error(`Cannot download ${names.join(" ")}: apt-get said\n${said}\n${advice}`);
}
