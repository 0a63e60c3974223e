import { assertEquals, assertRejects } from "@std/assert";
import { ReportFile } from "../../../scenario/report/report_file.ts";
import { MADE_LOG } from "./made_log.ts";

/** Does something in a folder that is gone afterwards, and returns what is in it then. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-report-" });
  try {
    await work(folder);
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function filled(path: string): Promise<ReportFile> {
  const file = await ReportFile.prepare(path);
  for (const event of MADE_LOG) file.add(event);
  return file;
}

Deno.test("ReportFile writes nothing before the run is over, and then one file", async () => {
  const left = await inFolder(async (folder) => {
    const file = await filled(`${folder}/report.html`);
    assertEquals([...Deno.readDirSync(folder)], []);
    await file.write();
  });
  assertEquals(left, ["report.html"]);
});

Deno.test("ReportFile replaces what a link leads to, and leaves the link", async () => {
  const left = await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/old.html`, "old");
    await Deno.symlink("old.html", `${folder}/link.html`);
    await (await filled(`${folder}/link.html`)).write();
    assertEquals((await Deno.readTextFile(`${folder}/old.html`)).startsWith("<!doctype html>"), true);
    assertEquals((await Deno.lstat(`${folder}/link.html`)).isSymlink, true);
  });
  assertEquals(left, ["link.html", "old.html"]);
});

Deno.test("ReportFile.prepare() refuses what could not be written, before anything is done", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertRejects(() => ReportFile.prepare(folder), Error, `Cannot write the report ${folder}: it is a folder`);
    for (const path of [`${folder}/nosuch/report.html`, `${folder}/file/report.html`]) {
      await assertRejects(() => ReportFile.prepare(path), Error, "there is no folder");
    }
  });
});

Deno.test("ReportFile says that a device is full, and leaves it where it is", async () => {
  const file = await filled("/dev/full");
  const { message } = await assertRejects(() => file.write(), Error);
  assertEquals(message, "Cannot write the report /dev/full: No space left on device (os error 28)");
  assertEquals((await Deno.stat("/dev/full")).isCharDevice, true);
});
