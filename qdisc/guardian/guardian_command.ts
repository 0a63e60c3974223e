const PROGRAM = new URL("main.ts", import.meta.url).href;
/** The main module of plugctl as a single binary, which is bundled: this module is then beside it. */
const PLUGCTL = new URL("plugctl.js", import.meta.url).href;

/** The first word by which plugctl as a single binary becomes a guardian. */
const GUARDIAN_WORD = "guardian:";

/**
 * The words that start a guardian: Deno and a small program, or in plugctl as a single binary that binary.
 *
 * It is given all permissions. Deno asks for all of them to look into `/proc`, where the processes to be ended are
 * found; and FFI, by which it speaks to the kernel, is as much.
 *
 * @throws {TypeError} in another program made by `deno compile`, which would start itself anew
 */
export function guardianCommand(): string[] {
  if (!Deno.build.standalone) {
    return [Deno.execPath(), "run", "--quiet", "--no-check", "--no-config", "--no-lock", "--no-prompt", "-A", PROGRAM];
  }
  if (Deno.mainModule === PLUGCTL) return [Deno.execPath(), GUARDIAN_WORD];
  throw new TypeError(
    "Cannot start a guardian from a program made by deno compile: say by `command` what starts one, for instance " +
      `["/usr/bin/plugctl", "${GUARDIAN_WORD}"]`,
  );
}
