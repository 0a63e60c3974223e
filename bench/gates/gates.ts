// Makes 200 gates in a namespace that it may spoil, and prints what that took. `gates.ts record` prints what the kernel
// answered, too, as a line `recording|...`; `gates.ts replay FILE` does the same work over such a recording, made in a
// kernel elsewhere, on this machine's processor.
import { openSocket } from "../../linux/socket.ts";
import { RecordingSocket, ReplayingSocket } from "./recording.ts";
import { DEVICE, measureWorks } from "./works.ts";

const [mode, file] = Deno.args;
if (mode === "replay") measureWorks(await ReplayingSocket.of(await Deno.readTextFile(file)));
else await measureKernel(mode === "record" ? new RecordingSocket(openSocket()) : undefined);

async function measureKernel(recording?: RecordingSocket): Promise<void> {
  tool("link", "add", DEVICE, "type", "dummy");
  const gates = measureWorks(recording ?? openSocket());
  if (recording) console.log(`recording|${await recording.text()}`);
  for (const gate of gates) await gate.close();
  tool("link", "delete", DEVICE);
}

function tool(...words: string[]): void {
  const { success } = new Deno.Command("ip", { args: words, stderr: "inherit" }).outputSync();
  if (!success) throw new Error(`ip ${words.join(" ")} failed`);
}
