import { Guardian } from "../../guardian/guardian.ts";
import { numberOf } from "../../plug/quantity.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { EXIT, Interrupted, interruptible, whenAborted } from "../exit_status.ts";
import { shellText } from "../near_miss.ts";
import { OutputFile } from "../output_file.ts";
import { namedTargets, namespaceOf, openConnection, resolveTargets } from "../targets.ts";
import { positiveDuration } from "../values.ts";
import { commandsOf, describeDeed, scenarioOf } from "../watch/recorded.ts";
import { Recorder } from "../watch/recorder.ts";

/** How often it is looked at what waits, in milliseconds. */
const LOOK_MS = 40;
/** After what time all parts of a command have been heard, and after what a release has settled, in milliseconds. */
const WHOLE_MS = 300;
const SETTLED_MS = 150;

/** `plugctl record` */
export async function run(context: Context): Promise<number> {
  const { operands, values } = context.arguments;
  const isNamed = operands.length > 0 || values.has("dev") || values.has("gate");
  const named = isNamed ? namedTargets(context) : undefined;
  const forMs = positiveDuration(context, "for") ?? Infinity;
  const path = valueOf(context, "output") ?? "-";
  const netns = namespaceOf(context);
  const file = path === "-" ? undefined : await OutputFile.prepare(path, "the scenario");
  using connection = await openConnection(context);
  const targets = named && resolveTargets(connection, named);
  const names = targets ? [...targets.gates, ...targets.places.map(({ dev }) => dev)] : [];
  const fromMs = Date.now();
  using guardian = Guardian.start();
  using recorder = new Recorder(connection, { names, netns, guardian });
  await record(context, recorder, { fromMs, forMs });
  const steps = commandsOf(recorder.deeds).filter(({ what }) => what !== "there");
  if (steps.length === 0) {
    context.trace("plugctl: nothing was asked of a plug or a gate meanwhile, so that there is no scenario\n");
    return EXIT.failed;
  }
  const text = scenarioOf(recorder.deeds, { fromMs, netns });
  if (!file) context.print(text);
  else {
    await file.write(text);
    context.note(`${numberOf(steps.length, "command")} recorded; run it: ${shellText(["plugctl", "run", path])}`);
  }
  const byName = (["container", "pod"] as const).find((option) => isGiven(context, option));
  if (byName !== undefined) {
    context.note(`its host is ${netns}, the ${byName} as it runs now: change that once it has started again`);
  }
  return EXIT.done;
}

/** Records until a signal, or for so long. */
async function record(
  context: Context,
  recorder: Recorder,
  { fromMs, forMs }: { fromMs: number; forMs: number },
): Promise<void> {
  let told = 0;
  /** Tells of commands, once all parts of them have been heard. */
  const tell = (untilMs: number) => {
    for (const deed of commandsOf(recorder.deeds).filter(({ atMs }) => atMs <= untilMs).slice(told)) {
      told++;
      context.note(`${((deed.atMs - fromMs) / 1000).toFixed(3)} s ${describeDeed(deed)}`);
    }
  };
  const endMs = performance.now() + forMs;
  await interruptible(async (signal) => {
    const aborted = whenAborted(signal);
    aborted.catch(() => {});
    recorder.update(Date.now());
    context.note(`recording; ${forMs === Infinity ? "Ctrl-C ends it" : "it ends by itself"}`);
    while (performance.now() < endMs) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const due = new Promise<void>((resolve) => timer = setTimeout(resolve, LOOK_MS));
      await Promise.race([due, recorder.announced(), aborted]);
      clearTimeout(timer);
      recorder.update(Date.now());
      tell(Date.now() - WHOLE_MS);
    }
  }).catch((error) => {
    // Ctrl-C is how it is ended
    if (!(error instanceof Interrupted)) throw error;
  });
  // What was released at the end has settled by then.
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
  recorder.update(Date.now());
  tell(Infinity);
}
