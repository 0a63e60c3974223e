import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OutputFile, OutputStream } from "../../cli/output_file.ts";

/** Does something in a folder that is gone afterwards, and returns what is in it then. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-output-" });
  try {
    await work(folder);
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("OutputFile writes nothing before the run is over, and then one file", async () => {
  const left = await inFolder(async (folder) => {
    const file = await OutputFile.prepare(`${folder}/report.html`, "the report");
    assertEquals([...Deno.readDirSync(folder)], []);
    await file.write("new");
  });
  assertEquals(left, ["report.html"]);
});

Deno.test("OutputFile replaces what a link leads to, and leaves the link", async () => {
  const left = await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/old.html`, "old");
    await Deno.symlink("old.html", `${folder}/link.html`);
    await (await OutputFile.prepare(`${folder}/link.html`, "the report")).write("new");
    assertEquals(await Deno.readTextFile(`${folder}/old.html`), "new");
    assertEquals((await Deno.lstat(`${folder}/link.html`)).isSymlink, true);
  });
  assertEquals(left, ["link.html", "old.html"]);
});

Deno.test("OutputFile.prepare() refuses what could not be written, before anything is done", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertRejects(
      () => OutputFile.prepare(folder, "the report"),
      Error,
      `Cannot write the report ${folder}: it is a folder`,
    );
    for (const path of [`${folder}/nosuch/report.html`, `${folder}/file/report.html`]) {
      await assertRejects(() => OutputFile.prepare(path, "the report"), Error, "there is no folder");
    }
    // Nobody can make a file there, root neither.
    await assertRejects(
      () => OutputFile.prepare("/proc/report.html", "the report"),
      Error,
      "Cannot write the report /proc/report.html: ",
    );
  });
});

Deno.test("OutputFile says that a device is full, and leaves it where it is", async () => {
  const file = await OutputFile.prepare("/dev/full", "the report");
  const { message } = await assertRejects(() => file.write("new"), Error);
  assertEquals(message, "Cannot write the report /dev/full: No space left on device (os error 28)");
  assertEquals((await Deno.stat("/dev/full")).isCharDevice, true);
});

Deno.test("OutputStream grows while it is read, and writes the rest when it is closed", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/packets`;
    await Deno.writeTextFile(path, "old and longer");
    const read = () => Deno.readTextFileSync(path);
    const bytes = (text: string) => new TextEncoder().encode(text);
    {
      using stream = new OutputStream(path);
      assertEquals(read(), "");
      stream.write(bytes("one "));
      stream.write(bytes("two "));
      stream.flush();
      assertEquals(read(), "one two ");
      stream.write(bytes("three"));
    }
    assertEquals(read(), "one two three");
  });
});

Deno.test("OutputStream says where nothing can be written", () => {
  assertThrows(() => new OutputStream("/nosuch/packets"), Error, "Cannot write /nosuch/packets: No such file");
  const { message } = assertThrows(() => {
    using stream = new OutputStream("/dev/full");
    stream.write(new Uint8Array(1));
    stream.flush();
  }, Error);
  assertEquals(message, "Cannot write /dev/full: No space left on device (os error 28)");
});
