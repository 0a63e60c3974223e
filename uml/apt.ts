/**
 * Debian packages, downloaded without root and without touching the machine's own apt state.
 *
 * @module
 */

/** What a run of one of Debian's tools came to. */
interface Outcome {
  success: boolean;
  /** Its standard error, trimmed */
  complaint: string;
}

/** How packages are downloaded. */
export interface DownloadOptions {
  /** The folder that gets the `.deb` files */
  folder: string;
  /** Ends the download */
  signal?: AbortSignal;
}

/**
 * Downloads packages as `.deb` files, and fetches the package lists first where they are needed.
 *
 * Lists that are missing or out of date are fetched into a folder of their own, which is deleted
 * afterwards.
 *
 * @throws {Error} If apt-get is not there or the packages cannot be had.
 */
export async function downloadPackages(
  names: string[],
  { folder, signal }: DownloadOptions,
): Promise<void> {
  const download = (...options: string[]) =>
    run(["apt-get", ...options, "--quiet", "download", ...names], {
      cwd: folder,
      signal,
    });

  // apt would warn that its own user may not write here
  const asIs = await download("--option", "APT::Sandbox::User=root");
  if (asIs.success) return;

  const state = await Deno.makeTempDir({ dir: folder, prefix: "apt-" });
  try {
    const configuration = await writeConfiguration(state);
    const update = await run(["apt-get", "--config-file", configuration, "update"], { cwd: folder, signal });
    // A broken third-party source fails the update, and need not concern these packages
    const afresh = await download("--config-file", configuration);
    if (!afresh.success) throw cannotDownload(names, `${update.complaint}\n${afresh.complaint}`);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

/**
 * Unpacks every `.deb` file of a folder into another.
 *
 * @throws {Error} If dpkg is not there or a file cannot be unpacked.
 */
export async function unpackPackages(
  folder: string,
  into: string,
): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".deb")) continue;
    const unpacked = await run(["dpkg", "--extract", name, into], {
      cwd: folder,
    });
    if (!unpacked.success) {
      throw new Error(`Cannot unpack ${name}: ${unpacked.complaint}`);
    }
  }
}

/** Writes an apt configuration whose lists and caches are all in `state`, and returns its path. */
async function writeConfiguration(state: string): Promise<string> {
  await Deno.mkdir(`${state}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${state}/cache/archives/partial`, { recursive: true });
  const path = `${state}/apt.conf`;
  await Deno.writeTextFile(
    path,
    [
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
    ].join("\n") + "\n",
  );
  return path;
}

async function run(
  [command, ...args]: string[],
  options: { cwd: string; signal?: AbortSignal },
): Promise<Outcome> {
  try {
    const { success, stderr } = await new Deno.Command(command, {
      args,
      ...options,
      env: { LC_ALL: "C" },
      stdin: "null",
    }).output();
    options.signal?.throwIfAborted();
    return { success, complaint: new TextDecoder().decode(stderr).trim() };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `Cannot run ${command}: it is not installed; User-Mode Linux is fetched as a package of Debian or Ubuntu`,
      { cause: error },
    );
  }
}

function cannotDownload(names: string[], complaint: string): Error {
  const packages = names.join(" ");
  return new Error(
    `Cannot download ${packages}: apt-get said\n${complaint}\n` +
      `install them with: apt-get install ${packages}`,
  );
}
