import type { StopBefore } from "../../scenario/run/stops.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_status.ts";
import { describeFailure } from "../failure.ts";
import type { OutputFile } from "../output_file.ts";
import type { Verdict } from "./verdict.ts";

/** What other programs read of the verdicts; loaded where it is asked for. */
export type VerdictText = typeof import("./verdict_text.ts");

/** How scenarios are run, and what is written of it. */
export interface Wanted {
  seed?: number;
  maxHoldMs?: number;
  jobs: number;
  /** The file or, of several scenarios, the folder of `--report`. */
  report?: string;
  /** Likewise of `--capture`. */
  capture?: string;
  junit?: OutputFile;
  isTap: boolean;
  /** Whether GitHub's annotations are wanted. */
  isAnnotated: boolean;
  isJson: boolean;
  isQuiet: boolean;
  /** Before what a person wants to look; absent where none does. */
  stops?: StopBefore;
}

/** Writes what others read of the verdicts. */
export async function tellOthers(
  context: Context,
  verdicts: readonly Verdict[],
  { wanted, texts }: { wanted: Wanted; texts?: VerdictText },
): Promise<number> {
  if (!texts) return EXIT.done;
  const { junit, isTap, isAnnotated } = wanted;
  if (isTap) context.print(verdicts.map((verdict, index) => texts.tapPoint(verdict, index + 1)).join(""));
  if (isAnnotated) annotate(context, wanted, verdicts.map(texts.githubAnnotation).join(""));
  return await writing(context, async () => await junit?.write(texts.junitXml(verdicts)));
}

/** GitHub reads both streams; one that another program reads is left to that. */
export function annotate(context: Context, { isJson, isTap }: Wanted, text = ""): void {
  if (isJson || isTap) context.trace(text);
  else context.print(text);
}

/** Writes a file. That it cannot be written takes nothing away from how the run has ended. */
export async function writing(context: Context, write: () => Promise<void>): Promise<number> {
  try {
    await write();
    return EXIT.done;
  } catch (error) {
    const { message, status } = describeFailure(error);
    context.trace(`plugctl: ${message}\n`);
    return status;
  }
}
