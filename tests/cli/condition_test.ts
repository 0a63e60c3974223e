import { assertEquals, assertThrows } from "@std/assert";
import { parseCondition } from "../../cli/values.ts";
import { UsageError } from "../../cli/exit_status.ts";

const COUNTS = { backlogPackets: 10, backlogBytes: 65536, sentPackets: 3, sentBytes: 300, drops: 0 };

for (
  const [text, isMet] of [
    ["backlog>=10", true],
    ["backlog>=11", false],
    ["backlog > 9", true],
    ["backlog>10", false],
    ["backlog==10", true],
    ["backlog<=10", true],
    ["backlog<10", false],
    ["backlog=10", true],
    ["backlog!=10", false],
    ["backlog-bytes>=64k", true],
    ["backlog-bytes>64KiB", false],
    ["sent==3", true],
    ["sent-bytes < 0.5k", true],
    ["drops==0", true],
    ["drops>0", false],
    ["sent-bytes>0", true],
  ] as const
) {
  Deno.test(`parseCondition() understands ${text}`, () => assertEquals(parseCondition(text).isMet(COUNTS), isMet));
}

Deno.test("parseCondition() refuses what is no condition, and names it", () => {
  const mistakes = [
    "",
    "backlog",
    "backlog>=",
    ">=10",
    "backlog=>10",
    "backlog>=1.5",
    "backlog>=10k",
  ];
  const others = [
    "drops-bytes>1",
    "packets>=1",
    "constructor>=1",
    "backlog>=-1",
    "backlog>=1e3",
    "Backlog>=1",
    "sent-bytes>=1x",
    "sent-bytes>=0.3",
  ];
  for (const text of [...mistakes, ...others]) {
    const { message } = assertThrows(() => parseCondition(text), UsageError);
    assertEquals(
      message.startsWith(`invalid condition ${JSON.stringify(text)}: use backlog, backlog-bytes, sent,`),
      true,
      text,
    );
  }
});

Deno.test("a condition may stand among spaces, and a slip in its counter is named", () => {
  assertEquals(parseCondition(" backlog >= 10 ").text, "backlog>=10");
  const { message } = assertThrows(() => parseCondition("backlg>=1"), UsageError);
  assertEquals(message.endsWith('then a number; did you mean "backlog"?'), true, message);
});
