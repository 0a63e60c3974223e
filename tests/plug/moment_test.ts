import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Moment, parseMoment } from "../../plug/moment.ts";

const isAbout = (moment: Moment, epochMs: number) =>
  assert(Math.abs(moment.epochMs - epochMs) < 1000, `${moment.epochMs} is not about ${epochMs}`);

Deno.test("parseMoment() takes times from now, of today, of any day, and since 1970", () => {
  isAbout(parseMoment("+2s"), Date.now() + 2000);
  isAbout(parseMoment("+0.5h"), Date.now() + 1_800_000);
  const nextMinute = Math.ceil(Date.now() / 60_000) * 60_000;
  const date = new Date(nextMinute);
  const [day, time] = date.toISOString().split("T");
  isAbout(parseMoment(date.toISOString()), nextMinute);
  isAbout(parseMoment(`${day} ${time}`), nextMinute);
  isAbout(parseMoment(`@${nextMinute / 1000}`), nextMinute);
  const midday = new Date();
  midday.setHours(12, 0, 3, 500);
  isAbout(parseMoment("12:00:03.5"), midday.getTime());
  midday.setHours(12, 0, 0, 0);
  isAbout(parseMoment("12:00"), midday.getTime());
});

Deno.test("parseMoment() refuses what is no time, and what is too far away", () => {
  for (
    const text of [
      "",
      "noon",
      "2s",
      "+2",
      "12",
      "25:00:00",
      "12:60",
      "2026-13-01T00:00:00Z",
      "2026-12-24",
      "@",
      "@-1",
      "1782302403",
    ]
  ) {
    assertThrows(() => parseMoment(text), SyntaxError);
  }
  assertThrows(() => parseMoment("2999-01-01T00:00:00Z"), RangeError, "the most is 24 days");
  assertThrows(() => parseMoment("+700h"), RangeError);
});

Deno.test("a moment is reached after it, and not before", async () => {
  const moment = Moment.at(Date.now() + 250);
  await moment.nears(new AbortController().signal);
  assert(moment.leftMs > 0);
  moment.reach();
  assert(moment.leftMs <= 0);
});

Deno.test("waiting for a moment ends when its signal is aborted", async () => {
  const controller = new AbortController();
  const waiting = Moment.in(60_000).nears(controller.signal);
  controller.abort(new Error("called off"));
  await assertRejects(() => waiting, Error, "called off");
  assertEquals(controller.signal.aborted, true);
});

Deno.test("parseMoment() is exact in a process that does nothing else before, which opens the C library for it", async () => {
  const module = new URL("../../plug/moment.ts", import.meta.url);
  const program = `import { parseMoment } from "${module}";
    const seconds = Math.floor(Date.now() / 1000) + 20;
    console.log(parseMoment("@" + seconds).epochMs - seconds * 1000);`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const args = ["run", "-A", "--no-check", file];
    const errors = await Array.fromAsync(Array.from({ length: 5 }), async () => {
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
      return Math.abs(Number(new TextDecoder().decode(stdout)));
    });
    // On a busy machine one may be kept waiting at the wrong place
    assert(Math.min(...errors) < 0.2, `${errors}`);
  } finally {
    await Deno.remove(file);
  }
});
