import { assert, assertEquals, assertMatch } from "@std/assert";
import { runHere } from "../cli/run_here.ts";
import { concat } from "../codec/bytes.ts";
import { REPLIES, REQUESTS } from "../codec/captured.ts";
import { isThere } from "./availability.ts";
import { CHROMIUM, Chromium, type Page } from "./chromium.ts";
import { Installed } from "./installed.ts";
import { Served } from "./served.ts";

/** What tcpdump captured of plugctl while it attached, buffered, released, detached, and made and deleted a gate. */
const CAPTURE = new URL("../codec/vectors/plug_and_gate.pcap", import.meta.url).pathname;
const FILES = [
  "explain_message/explain.mjs",
  "nlmon_capture/decode_capture.mjs",
  "message_page/index.html",
  "message_page/page.css",
  "message_page/page.mjs",
].map((file) => `examples/${file}`);

const CHANGE = REQUESTS[2].bytes;
const REFUSAL = REPLIES[2].replies[0];
const hasNode = await isThere("Node", ["node"], "apt-get install nodejs");
const hasChromium = await isThere("Chromium", [CHROMIUM], "deno task test --level runtimes, which fetches it");

/** What is explained of `tc qdisc change dev lo root plug block`. */
const EXPLAINED = `
    0                              struct nlmsghdr
    0  3c 00 00 00                   nlmsg_len  60
    4  24 00                         nlmsg_type  36  is RTM_NEWQDISC
    6  05 00                         nlmsg_flags  5  is REQUEST|ACK
    8  9c 31 01 6b                   nlmsg_seq  1795240348
   12  00 00 00 00                   nlmsg_pid  0
   16  00                            tcm_family  0  is AF_UNSPEC
   17  00                            tcm__pad1  0
   18  00 00                         tcm__pad2  0
   20  01 00 00 00                   tcm_ifindex  1
   24  00 00 00 00                   tcm_handle  0  is 0:
   28  ff ff ff ff                   tcm_parent  4294967295  is root
   32  00 00 00 00                   tcm_info  0
   36  09 00 01 00 70 6c 75 67 00    TCA_KIND  "plug"
   45  00 00 00                      padding
   48  0c 00 02 00                   TCA_OPTIONS
   52  00 00 00 00                     action  0  is TCQ_PLUG_BUFFER
   56  00 00 00 00                     limit  0
`.slice(1);

/** That message as other programs show it. */
const SHOWN = [
  CHANGE.toHex(),
  `sendto(3, "${CHANGE.toHex().replaceAll(/../g, "\\x$&")}", 60, 0, NULL, 0) = 60`,
  `sendmsg(3, {msg_name={sa_family=AF_NETLINK}, msg_iov=[{iov_base=[{nlmsg_len=60, nlmsg_type=RTM_NEWQDISC, ...
 * 60 bytes in buffer 0
 | 00000  3c 00 00 00 24 00 05 00  9c 31 01 6b 00 00 00 00  <...$....1.k.... |
 | 00010  00 00 00 00 01 00 00 00  00 00 00 00 ff ff ff ff  ................ |
 | 00020  00 00 00 00 09 00 01 00  70 6c 75 67 00 00 00 00  ........plug.... |
 | 00030  0c 00 02 00 00 00 00 00  00 00 00 00              ............     |
`,
  `00000000  3c 00 00 00 24 00 05 00  9c 31 01 6b 00 00 00 00  |<...$....1.k....|
00000010  00 00 00 00 01 00 00 00  00 00 00 00 ff ff ff ff  |................|
00000020  00 00 00 00 09 00 01 00  70 6c 75 67 00 00 00 00  |........plug....|
00000030  0c 00 02 00 00 00 00 00  00 00 00 00              |............|
0000003c
`,
  `00000000: 3c00 0000 2400 0500 9c31 016b 0000 0000  <...$....1.k....
00000010: 0000 0000 0100 0000 0000 0000 ffff ffff  ................
00000020: 0000 0000 0900 0100 706c 7567 0000 0000  ........plug....
00000030: 0c00 0200 0000 0000 0000 0000            ............
`,
];

Deno.test("the examples of the packed codec run in Node and in Chromium", async (t) => {
  await using installed = await Installed.with(...FILES);

  await t.step({
    name: "explain.mjs explains hex, strace's strings and dumps, and those of hexdump and xxd",
    ignore: !hasNode,
    fn: async () => {
      for (const shown of SHOWN) assertEquals(await installed.run("node", "explain.mjs", shown), EXPLAINED);
      const refusal = await installed.run("node", "explain.mjs", REFUSAL.toHex());
      assertMatch(refusal, /^ {3}16 {2}fe ff ff ff {19}error {2}-2 {2}is ENOENT$/m);
      assertMatch(refusal, /NLMSGERR_ATTR_MSG {2}"Qdisc not found\. To create specify NLM_F_CREATE flag"$/m);
    },
  });

  await t.step({
    name: "decode_capture.mjs prints what plugctl decode --pcap --brief prints, and an object a line with --json",
    ignore: !hasNode,
    fn: async () => {
      const expected = (await runHere("decode", "--brief", "--pcap", CAPTURE)).stdout;
      assertEquals(await installed.run("node", "decode_capture.mjs", CAPTURE), expected);
      const json = await installed.run("node", "decode_capture.mjs", CAPTURE, "--json");
      const objects = json.trim().split("\n").map((line) => JSON.parse(line));
      assertEquals(objects.length, expected.trim().split("\n").length);
      assertEquals(objects[0].fields[0], "RTM_NEWQDISC, 60 bytes");
    },
  });

  await t.step({
    name: "the page draws what is pasted, in light and dark, wide and narrow",
    ignore: !hasChromium,
    fn: async () => {
      await using served = new Served(installed.folder);
      await using chromium = await Chromium.start();
      const page = await chromium.open(`${served.url}index.html`);
      await checkDrawing(page);
      await checkMistakes(page);
      for (const scheme of ["light", "dark"] as const) {
        for (const width of [400, 1200]) {
          await page.look({ scheme, width, height: 800 });
          for (const text of [concat(CHANGE, REFUSAL).toHex(), `${CHANGE.toHex()}00`]) await checkLegible(page, text);
        }
      }
      assertEquals(chromium.complaints, []);
    },
  });
});

/** Pastes a text, as a user does. */
async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate(`{
    const input = document.querySelector("#hex");
    input.value = ${JSON.stringify(text)};
    input.dispatchEvent(new Event("input"));
  }`);
}

/** The texts of the elements that a selector finds, without those of elements that hold no text. */
async function texts(page: Page, selector: string): Promise<string[]> {
  const all = `[...document.querySelectorAll(${JSON.stringify(selector)})].map(({ textContent }) => textContent)`;
  return await page.evaluate<string[]>(`${all}.filter(Boolean)`);
}

async function checkDrawing(page: Page): Promise<void> {
  await paste(page, concat(CHANGE, REFUSAL).toHex());
  assertEquals((await texts(page, ".bytes span")).join(""), CHANGE.toHex() + REFUSAL.toHex());
  assertEquals(await texts(page, "h2"), ["RTM_NEWQDISC, 60 bytes", `NLMSG_ERROR, ${REFUSAL.length} bytes`]);
  assertEquals(await texts(page, "section:first-child h3"), [
    "struct nlmsghdr",
    "struct tcmsg",
    "TCA_KIND",
    "TCA_OPTIONS",
  ]);
  const boxes = await texts(page, ".box");
  for (const box of ["3c000000nlmsg_len 60", "2400nlmsg_type RTM_NEWQDISC (36)", "fefffffferror ENOENT (-2)"]) {
    assert(boxes.includes(box), `${box} is none of ${boxes.join(", ")}`);
  }
  assert(boxes.includes("0100nla_type TCA_KIND (1)"));
  assert(boxes.includes("706c7567KIND “plug”"));
  assert(boxes.includes("00000000action TCQ_PLUG_BUFFER (0)"));
}

async function checkMistakes(page: Page): Promise<void> {
  await paste(page, "3cg0");
  assertEquals(await texts(page, "#fault, .box"), ["“g” is not a hex digit"]);
  await paste(page, "3c0");
  assertEquals(await texts(page, "#fault, .box"), ["A digit is missing: there must be two for each byte"]);
  await paste(page, `${CHANGE.toHex().slice(0, 96)}0300${CHANGE.toHex().slice(100)}`);
  assertEquals(await texts(page, "#fault"), ["Cannot decode attribute at offset 48: length is 3, must be at least 4"]);
  assertEquals(await texts(page, ".fault"), ["03000200here "]);
  await paste(page, "");
  assertEquals(await texts(page, "#fault, .box, h2"), []);
}

/** Contrast that is legible at any size, by WCAG 2.2. */
const CONTRAST_MIN = 4.5;

/** Checks that nothing is wider than the page, and that every text stands out from what is behind it. */
async function checkLegible(page: Page, text: string): Promise<void> {
  await paste(page, text);
  const [needed, width] = await page.evaluate<number[]>("[document.documentElement.scrollWidth, innerWidth]");
  assert(needed <= width, `the page needs ${needed} pixels of ${width}`);
  const worst = await page.evaluate<{ contrast: number; text: string }>(`{
    const luminance = (color) => {
      const [red, green, blue] = color.match(/[0-9.]+/g).map((part) => {
        const value = part / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element) => {
      const color = getComputedStyle(element).backgroundColor;
      return color === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : color;
    };
    const contrast = (element) => {
      const [low, high] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const holdsText = ({ childNodes }) => [...childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const shown = [...document.querySelectorAll("body *")].filter((each) => holdsText(each) || each.matches("textarea"));
    const each = shown.map((element) => ({ contrast: contrast(element), text: element.textContent.slice(0, 40) }));
    each.sort((a, b) => a.contrast - b.contrast)[0];
  }`);
  assert(worst.contrast >= CONTRAST_MIN, `${worst.text} has a contrast of ${worst.contrast}`);
}
