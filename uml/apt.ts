/**
 * Debian packages, downloaded without root and without touching the machine's own apt state.
 *
 * @module
 */

/** Which packages are downloaded, and how. */
export interface DownloadOptions {
  /** The folder that gets the `.deb` files */
  folder: string;
  /** Ends the download */
  signal?: AbortSignal;
}

/** What a run of one of Debian's tools came to. */
interface Outcome {
  success: boolean;
  /** Its standard error, trimmed */
  complaint: string;
}

/**
 * Downloads packages as `.deb` files, and fetches the package lists first where they are needed.
 *
 * Lists that are missing or out of date are fetched into a folder of their own, which is deleted
 * afterwards.
 *
 * @throws {Error} If apt-get is not there or the packages cannot be had.
 */
export async function downloadPackages(names: string[], options: DownloadOptions): Promise<void> {
  const { folder, signal } = options;
  const apt = (...args: string[]) => run(["apt-get", "--quiet", ...args], { cwd: folder, signal });
  // Without the option apt warns that a user of its own may not write here
  const asIs = await apt("--option", "APT::Sandbox::User=root", "download", ...names);
  if (asIs.success) return;
  const state = await Deno.makeTempDir({ dir: folder, prefix: "apt-" });
  try {
    const configuration = ["--config-file", await writeConfiguration(state)];
    // A broken third-party source fails the update, and need not concern these packages
    const update = await apt(...configuration, "update");
    const download = await apt(...configuration, "download", ...names);
    if (!download.success) throw cannotDownload(names, [update.complaint, download.complaint]);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
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
async function writeConfiguration(state: string): Promise<string> {
  await Deno.mkdir(`${state}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${state}/cache/archives/partial`, { recursive: true });
  const settings = [
    `Dir::State "${state}";`,
    `Dir::State::lists "${state}/lists";`,
    `Dir::State::status "/var/lib/dpkg/status";`,
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

async function run(
  [command, ...args]: string[],
  options: { cwd: string; signal?: AbortSignal },
): Promise<Outcome> {
  try {
    const { success, stderr } = await new Deno.Command(command, {
      ...options,
      args,
      env: { LC_ALL: "C" },
      stdin: "null",
    }).output();
    options.signal?.throwIfAborted();
    return { success, complaint: new TextDecoder().decode(stderr).trim() };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `Cannot run ${command}: it is not installed; User-Mode Linux is fetched as a package of Debian's`,
      { cause: error },
    );
  }
}

function cannotDownload(names: string[], complaints: string[]): Error {
  const packages = names.join(" ");
  return new Error(
    `Cannot download ${packages}: apt-get said\n${complaints.filter(Boolean).join("\n")}\n` +
      `install what is missing with: apt-get install ${packages}\n` +
      "on Ubuntu, which has no user-mode-linux, let its own kernel do it: " +
      "apt-get install linux-modules-extra-$(uname -r) && modprobe sch_plug",
  );
}
