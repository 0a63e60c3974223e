import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { makeTarball } from "../../package/archive.ts";
import { compileBinary } from "../../package/binary.ts";
import { makeDebianPackage } from "../../package/debian.ts";
import { layout } from "../../package/layout.ts";
import { sourceDate } from "../../package/source_date.ts";
import { writeSums } from "../../package/sums.ts";
import { findTarget } from "../../package/targets.ts";
import { BINARY, run } from "./binary.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const { version } = config;
const ARCHITECTURE = findTarget().debian;

/** A folder for one test. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-package-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a program, and returns what it printed. */
async function done(program: string, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(words, { program });
  assertEquals(status, 0, `${program} ${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** Every path in a folder, from it on. */
async function paths(folder: string, ...conditions: string[]): Promise<string[]> {
  return (await done("find", folder, "-mindepth", "1", ...conditions, "-printf", "%P\n")).split("\n").filter(Boolean)
    .sort();
}

/** A task of deno.json, run in the project. */
async function task(name: string, ...words: string[]): Promise<void> {
  const args = ["run", "-A", "--no-check", `package/${name}.ts`, ...words];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: PROJECT }).output();
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test("compileBinary() makes the same bytes of the same sources", async () => {
  await inFolder(async (folder) => {
    await compileBinary(`${folder}/other`);
    await done("cmp", BINARY, `${folder}/other`);
  });
});

Deno.test("makeTarball() and makeDebianPackage() make the same bytes at another time in another place", async () => {
  await inFolder(async (folder) => {
    const stand = `${folder}/stand-in`;
    await Deno.writeTextFile(stand, "#!/bin/sh\n");
    const date = await sourceDate();
    for (const place of ["one", "other"]) {
      await Deno.mkdir(`${folder}/${place}`);
      const contents = { version, date, files: layout(stand) };
      await makeTarball(`${folder}/${place}/plugctl.tar.gz`, contents);
      await makeDebianPackage(`${folder}/${place}/plugctl.deb`, { ...contents, architecture: ARCHITECTURE });
      await Deno.utime(stand, 0, 0);
    }
    for (const name of ["plugctl.tar.gz", "plugctl.deb"]) {
      await done("cmp", `${folder}/one/${name}`, `${folder}/other/${name}`);
    }
    await writeSums(`${folder}/one`);
    await done("sh", "-c", `cd ${folder}/one && sha256sum --check --strict SHA256SUMS`);
    await done("tar", "--extract", "--file", `${folder}/one/plugctl.tar.gz`, "--directory", folder);
    assertEquals(await paths(`${folder}/plugctl`, "-type", "f"), layout(stand).map(({ path }) => path).sort());
  });
});

Deno.test("dpkg installs and runs the Debian package, and removes it with nothing left behind", async () => {
  await inFolder(async (folder) => {
    const root = `${folder}/root`;
    const dpkg = (...words: string[]) => done("dpkg", "--force-not-root", `--root=${root}`, ...words);
    await done("mkdir", "-p", `${root}/var/lib/dpkg/info`, `${root}/var/lib/dpkg/updates`);
    // What it depends on is there, as on every Debian.
    await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, await done("dpkg-query", "--status", "libc6", "libgcc-s1"));
    const outside = (folder: string) => paths(folder, "!", "-path", "*/var*");
    assertEquals(await outside(root), []);

    const file = `${folder}/plugctl.deb`;
    const files = layout(BINARY, { debian: true });
    await makeDebianPackage(file, { version, files, date: await sourceDate(), architecture: ARCHITECTURE });
    await dpkg("--install", file);
    assertEquals(await dpkg("--verify", "plugctl"), "");
    const { stdout } = await run(["version"], { program: `${root}/usr/bin/plugctl` });
    assert(stdout.startsWith(`plugctl ${version} `));
    for (const { path } of files) assert((await outside(root)).some((there) => there.startsWith(`usr/${path}`)), path);

    await dpkg("--purge", "plugctl");
    assertEquals(await outside(root), []);
    assertEquals(await paths(`${root}/var/lib/dpkg/info`, "-name", "plugctl*"), []);
  });
});

Deno.test("install puts the binary, its completions and its manual page under a prefix, and uninstall takes them away", async () => {
  await inFolder(async (folder) => {
    await task("install", "--prefix", folder, "--binary", BINARY);
    assertEquals(await paths(folder, "-type", "f"), layout(BINARY).map(({ path }) => path).sort());
    await done("cmp", BINARY, `${folder}/bin/plugctl`);
    await task("install", "--prefix", folder, "--binary", `${folder}/bin/plugctl`);
    assertEquals((await run(["version"], { program: `${folder}/bin/plugctl` })).status, 0);
    await task("uninstall", "--prefix", folder);
    assertEquals(await paths(folder, "-type", "f"), []);
    await task("uninstall", "--prefix", folder);
  });
});
