import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { makeTarball, sourceDate, writeSums } from "../../package/archive.ts";
import { compileBinary, findTarget, TARGETS } from "../../package/binary.ts";
import { makeDebianPackage } from "../../package/debian.ts";
import { asBinary, asBundle, layout, LIBRARY } from "../../package/layout.ts";
import { BINARY, BUNDLE, run } from "./binary.ts";

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

/** A task of deno.json, run in the project. Returns what it complains about, or nothing where it succeeds. */
async function task(name: string, words: string[], env: Record<string, string> = {}): Promise<string> {
  const args = ["run", "-A", "--no-check", `package/${name}.ts`, ...words];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, env, cwd: PROJECT }).output();
  return success ? "" : new TextDecoder().decode(stderr);
}

Deno.test("compileBinary() makes the same bytes of the same sources", async () => {
  await inFolder(async (folder) => {
    await compileBinary(`${folder}/other`);
    await done("cmp", BINARY, `${folder}/other`);
  });
});

Deno.test("the program uses nothing that the Deno it is compiled with has not", async () => {
  const deno = Deno.env.get("DENO_FOR_COMPILE") ?? Deno.execPath();
  const certificates = Deno.env.get("NODE_EXTRA_CA_CERTS");
  const env = { DENO_TLS_CA_STORE: "mozilla,system", ...certificates && { DENO_CERT: certificates } };
  const args = ["check", "--quiet", "--no-lock", "mod.ts", "cli/main.ts"];
  const { success, stderr } = await new Deno.Command(deno, { args, env, cwd: PROJECT }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("compile refuses a denort for another machine, an unknown target and an unknown option", async () => {
  await inFolder(async (folder) => {
    const output = ["--output", `${folder}/plugctl`];
    const [other] = TARGETS.filter(({ triple }) => triple !== Deno.build.target);
    assertEquals(
      await task("compile", ["--target", other.triple, ...output], { DENORT_BIN: BINARY }),
      `compile: Cannot compile for ${other.triple}: DENORT_BIN is a program for another machine ` +
        `(e_machine ${findTarget().elfMachine})\n`,
    );
    assertEquals(
      await task("compile", ["--target", "m68k", ...output]),
      `compile: Cannot compile for m68k: there are ${TARGETS.map(({ triple }) => triple).join(" and ")}\n`,
    );
    assertEquals(
      await task("compile", ["--targets"]),
      'compile: Cannot understand "--targets": there are --target, --output\n',
    );
    assertEquals(await paths(folder), []);
  });
});

Deno.test("makeTarball() and makeDebianPackage() make the same bytes at another time in another place", async () => {
  await inFolder(async (folder) => {
    const stand = `${folder}/stand-in`;
    await Deno.writeTextFile(stand, "#!/bin/sh\n");
    const date = await sourceDate();
    for (const place of ["one", "other"]) {
      await Deno.mkdir(`${folder}/${place}`);
      const contents = { version, date, files: await layout(asBinary(stand)) };
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
    assertEquals(
      await paths(`${folder}/plugctl`, "-type", "f"),
      (await layout(asBinary(stand))).map(({ path }) => path).sort(),
    );
  });
});

Deno.test("package makes a Debian package that dpkg installs, and removes with nothing left behind", async () => {
  await inFolder(async (folder) => {
    const root = `${folder}/root`;
    // As root it would write to this machine's log
    const own = ["--force-not-root", `--root=${root}`, "--log=/dev/null"];
    const dpkg = (...words: string[]) => done("dpkg", ...own, ...words);
    await done("mkdir", "-p", `${root}/var/lib/dpkg/info`, `${root}/var/lib/dpkg/updates`);
    // What it depends on is there, as on every Debian.
    await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, await done("dpkg-query", "--status", "libc6", "libgcc-s1"));
    const outside = (folder: string) => paths(folder, "!", "-path", "*/var*");
    assertEquals(await outside(root), []);

    assertEquals(await task("package", ["--folder", folder]), "");
    await done("sh", "-c", `cd ${folder} && sha256sum --check --strict SHA256SUMS`);
    for (const name of [findTarget().machine, "deno"]) {
      await done("tar", "--extract", "--file", `${folder}/plugctl-${version}-${name}.tar.gz`, "--directory", folder);
    }
    const unpacked = `${folder}/plugctl-${version}`;
    await done("cmp", BINARY, `${unpacked}-${findTarget().machine}/bin/plugctl`);
    await done("diff", "--recursive", BUNDLE, `${unpacked}-deno/${LIBRARY}`);
    await dpkg("--install", `${folder}/plugctl_${version}_${ARCHITECTURE}.deb`);
    assertEquals(await dpkg("--verify", "plugctl"), "");
    const { stdout } = await run(["version"], { program: `${root}/usr/bin/plugctl` });
    assert(stdout.startsWith(`plugctl ${version} `));
    await done("cmp", BINARY, `${root}/usr/bin/plugctl`);
    const installed = await outside(root);
    for (const { path } of await layout(asBinary(BINARY), { debian: true })) {
      assert(installed.some((there) => there.startsWith(`usr/${path}`)), path);
    }

    const licences = await Deno.readTextFile(`${root}/usr/share/doc/plugctl/copyright`);
    for (const name of ["The plugctl authors", "the Deno authors", "uplot", "valibot", "yaml"]) {
      assert(licences.includes(name), name);
    }

    await dpkg("--purge", "plugctl");
    assertEquals(await outside(root), []);
    assertEquals(await paths(`${root}/var/lib/dpkg/info`, "-name", "plugctl*"), []);
  });
});

Deno.test("install puts the binary, its completions and its manual page under a prefix, and uninstall takes them away", async () => {
  await inFolder(async (folder) => {
    assertEquals(await task("install", ["--prefix", folder, "--program", BINARY]), "");
    assertEquals(await paths(folder, "-type", "f"), (await layout(asBinary(BINARY))).map(({ path }) => path).sort());
    await done("cmp", BINARY, `${folder}/bin/plugctl`);
    assertEquals(await task("install", ["--prefix", folder, "--program", `${folder}/bin/plugctl`]), "");
    assertEquals((await run(["version"], { program: `${folder}/bin/plugctl` })).status, 0);
    for (let time = 0; time < 2; time++) {
      assertEquals(await task("uninstall", ["--prefix", folder]), "");
      assertEquals(await paths(folder, "-type", "f"), []);
    }
  });
});

Deno.test("install puts a bundle under a prefix, in place of another program and of another bundle", async () => {
  await inFolder(async (folder) => {
    const program = `${folder}/bin/plugctl`;
    const installed = (await layout(asBundle(BUNDLE))).map(({ path }) => path).sort();
    const env = { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/bin:/bin` };
    for (const before of [["--program", BINARY], ["--program", BUNDLE]]) {
      assertEquals(await task("install", ["--prefix", folder, ...before]), "");
      await Deno.mkdir(`${folder}/${LIBRARY}`, { recursive: true });
      await Deno.writeTextFile(`${folder}/${LIBRARY}/chunk-OF_ANOTHER.js`, "");
      assertEquals(await task("install", ["--prefix", folder, "--program", BUNDLE]), "");
      assertEquals(await paths(folder, "-type", "f"), installed);
      const { stdout, ...ended } = await run(["version"], { program, env });
      assertEquals(ended, { status: 0, stderr: "" });
      assert(stdout.startsWith(`plugctl ${version} `));
    }
    assertEquals(await task("install", ["--prefix", folder, "--program", BINARY]), "");
    assertEquals(await paths(folder, "-type", "f"), (await layout(asBinary(BINARY))).map(({ path }) => path).sort());

    assertEquals(await task("install", ["--prefix", folder, "--program", BUNDLE]), "");
    assertEquals(await task("uninstall", ["--prefix", folder]), "");
    assertEquals(await paths(folder, "-type", "f"), []);
  });
});

Deno.test("the bundle runs by a link to it or to its folder, by its bare name, and from a path that is no URL", async () => {
  await inFolder(async (folder) => {
    const prefix = `${folder}/a b%41#é?`;
    assertEquals(await task("install", ["--prefix", prefix, "--program", BUNDLE]), "");
    await Deno.symlink(`${prefix}/bin/plugctl`, `${folder}/link`);
    await Deno.symlink(`${prefix}/bin`, `${folder}/programs`);
    // A prefix whose folder of programs is a link to one without a library beside it.
    await Deno.mkdir(`${folder}/apart/programs`, { recursive: true });
    await Deno.mkdir(`${folder}/prefix`);
    await Deno.symlink(`${folder}/apart/programs`, `${folder}/prefix/bin`);
    assertEquals(await task("install", ["--prefix", `${folder}/prefix`, "--program", BUNDLE]), "");
    const env = { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/bin:/bin` };
    for (
      const command of [
        `"${prefix}/bin/plugctl" version`,
        `"${folder}/link" version`,
        `"${folder}/programs/plugctl" version`,
        `"${folder}/prefix/bin/plugctl" version`,
        `cd "${prefix}/bin" && sh plugctl version`,
      ]
    ) {
      const { stdout, ...ended } = await run(["-c", command], { program: "sh", env });
      assertEquals(ended, { status: 0, stderr: "" }, command);
      assert(stdout.startsWith(`plugctl ${version} `));
    }
  });
});

Deno.test("a run of the bundle ends as it should though the bundle is taken away meanwhile", async () => {
  await inFolder(async (folder) => {
    const env = { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/bin:/bin` };
    const ending = async (command: string) => {
      assertEquals(await task("install", ["--prefix", folder, "--program", BUNDLE]), "");
      await Deno.writeTextFile(`${folder}/taken.yaml`, `name: taken\nsteps:\n  - run: rm -r lib && ${command}\n`);
      const words = ["run", `${folder}/taken.yaml`, "--quiet", "--report", `${folder}/report.html`];
      return await run(words, { program: `${folder}/bin/plugctl`, env });
    };
    const { status, stderr } = await ending("true");
    assertEquals([status, stderr], [0, ""]);
    assert((await Deno.readTextFile(`${folder}/report.html`)).endsWith("</html>\n"));
    assertEquals((await ending("kill -TERM $PPID; sleep 60")).status, 143);
  });
});

Deno.test("the bundle says what is missing where there is no Deno", async () => {
  await inFolder(async (folder) => {
    assertEquals(await task("install", ["--prefix", folder, "--program", BUNDLE]), "");
    assertEquals(await run(["version"], { program: `${folder}/bin/plugctl`, env: { PATH: "/usr/bin:/bin" } }), {
      status: 4,
      stdout: "",
      stderr:
        "plugctl: Deno is not installed, or not on PATH; install it, or the binary of plugctl, which needs none\n",
    });
  });
});

Deno.test("install refuses a prefix that is empty, which would be the root", async () => {
  await inFolder(async (folder) => {
    // Of a program that is not there, so that nothing is installed should it not be refused.
    for (const words of [["--prefix"], ["--prefix="]]) {
      const program = ["--program", `${folder}/nosuch`];
      assertEquals(
        await task("install", [...program, ...words]),
        "install: Cannot understand --prefix: it needs a value\n",
      );
    }
  });
});

Deno.test("install refuses what is no program, and a folder that is no bundle", async () => {
  await inFolder(async (folder) => {
    const prefix = ["--prefix", `${folder}/prefix`];
    await Deno.writeTextFile(`${folder}/text`, "", { mode: 0o644 });
    assertEquals(
      await task("install", [...prefix, "--program", `${folder}/text`]),
      `install: Cannot install ${folder}/text: it is not a program; one is made with: deno task compile\n`,
    );
    const refused =
      `install: Cannot install ${folder}/some: it is not a bundle of plugctl; one is made with: deno task bundle\n`;
    await Deno.mkdir(`${folder}/some`);
    assertEquals(await task("install", [...prefix, "--program", `${folder}/some`]), refused);
    await Deno.mkdir(`${folder}/some/inner`);
    await Deno.writeTextFile(`${folder}/some/plugctl.js`, "");
    assertEquals(await task("install", [...prefix, "--program", `${folder}/some`]), refused);
    assertEquals(await paths(folder, "-path", "*prefix*"), []);
  });
});

Deno.test("install says what makes the program that is not there", async () => {
  await inFolder(async (folder) => {
    assertEquals(
      await task("install", ["--prefix", folder, "--program", `${folder}/nosuch`]),
      `install: Cannot install ${folder}/nosuch: it is not there; make it with: deno task compile, or for dist/bundle ` +
        "with: deno task bundle\n",
    );
    assertEquals(await paths(folder), []);
  });
});
