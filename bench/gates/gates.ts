// Makes 200 gates in a namespace that it may spoil, and prints what that took. With the argument `record` it prints
// what the kernel answered, too, as a line `recording|...`.
import { openSocket } from "../../linux/socket.ts";
import { RecordingSocket } from "./recording.ts";
import { DEVICE, measureWorks } from "./works.ts";

tool("link", "add", DEVICE, "type", "dummy");
const recording = Deno.args[0] === "record" ? new RecordingSocket(openSocket()) : undefined;
const gates = measureWorks(recording ?? openSocket());
if (recording) console.log(`recording|${await recording.text()}`);
for (const gate of gates) await gate.close();
tool("link", "delete", DEVICE);

function tool(...words: string[]): void {
  const { success } = new Deno.Command("ip", { args: words, stderr: "inherit" }).outputSync();
  if (!success) throw new Error(`ip ${words.join(" ")} failed`);
}
