import * as v from "valibot";
import type { ConditionKind, Look } from "../step.ts";
import { type Condition, fitsText, type TextTest } from "../plan.ts";
import { hostOf, mistake } from "../source/context.ts";
import { FLAG, SOME_TEXT, TEXT_TEST } from "../source/scalar.ts";

/** A file that is there, or is not, or holds a text. */
export interface FileCondition extends Condition {
  about: "file";
  /** From the folder of the scenario's file; on a host that is another machine, from `/`. */
  path: string;
  exists: boolean;
  text?: TextTest;
}

const ENTRIES = { file: SOME_TEXT, exists: v.optional(FLAG), text: v.optional(TEXT_TEST) };

/** Whether a file is there, and what it holds. */
export const FILE_CONDITION: ConditionKind<FileCondition, typeof ENTRIES> = {
  about: "file",
  entries: ENTRIES,
  expected: "a condition: { file: server.pid }",
  isOnHost: true,
  plan({ fields: { file, exists = true, text }, tree, label, given, context }) {
    const host = hostOf(given, context);
    if (!text || exists) return { condition: { about: "file", path: file, exists, text }, host };
    const what = `${label} asks for no file and for its text`;
    return mistake(tree, { what, expected: "exists: false, or text" }, context);
  },
  describe({ path, exists, text }) {
    if (text) return `${path} has ${text.source} in it`;
    return exists ? `${path} is there` : `${path} is not there`;
  },
  async look({ path, exists, text }, { stage: { folder } }): Promise<Look> {
    const found = await readIfThere(path.startsWith("/") ? path : `${folder}/${path}`, text !== undefined);
    if (text && found !== undefined) {
      return {
        holds: fitsText(found, text),
        found: `it is there without that, and ends with ${JSON.stringify(found.slice(-200))}`,
      };
    }
    return { holds: (found !== undefined) === exists, found: `it is ${found === undefined ? "not " : ""}there` };
  },
};

/** What a file holds, or an empty text where that is not asked for; `undefined` where there is none. */
async function readIfThere(path: string, isWanted: boolean): Promise<string | undefined> {
  try {
    await Deno.stat(path);
    return isWanted ? await Deno.readTextFile(path) : "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
