// Does on this machine's processor what was done in a kernel elsewhere, and prints what that took: `replay.ts FILE`,
// the recording that gates.ts made there.
import { ReplayingSocket } from "./recording.ts";
import { measureWorks } from "./works.ts";

measureWorks(await ReplayingSocket.of(await Deno.readTextFile(Deno.args[0])));
