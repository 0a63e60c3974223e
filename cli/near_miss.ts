import { nearest } from "../plug/nearest.ts";

/** What people call commands elsewhere, and the commands that they may mean by it. */
const COMMAND_WORDS: Readonly<Record<string, readonly string[]>> = {
  "add": ["attach", "gate add"],
  "apply": ["run"],
  "check": ["doctor"],
  "clean": ["recover"],
  "cleanup": ["recover"],
  "clear": ["recover"],
  "create": ["attach", "gate add"],
  "del": ["detach", "gate delete"],
  "delay": ["hold"],
  "delete": ["detach", "gate delete"],
  "drop": ["detach"],
  "dump": ["decode"],
  "exec": ["hold"],
  "flush": ["release"],
  "freeze": ["buffer"],
  "gates": ["gate list"],
  "go": ["release"],
  "info": ["show"],
  "list": ["show", "gate list"],
  "ls": ["show", "gate list"],
  "man": ["help"],
  "parse": ["decode"],
  "pass": ["release"],
  "pause": ["buffer"],
  "play": ["run"],
  "plug": ["attach"],
  "queue": ["buffer"],
  "release-all": ["release"],
  "remove": ["detach", "gate delete"],
  "reset": ["recover"],
  "restore": ["recover"],
  "resume": ["release"],
  "rm": ["detach", "gate delete"],
  "scenario": ["run"],
  "start": ["buffer", "release"],
  "stat": ["show", "gate list"],
  "stats": ["show", "gate list"],
  "status": ["show", "gate list"],
  "stop": ["buffer", "release"],
  "test": ["run", "doctor"],
  "thaw": ["release"],
  "unattach": ["detach"],
  "unblock": ["release"],
  "unbuffer": ["release"],
  "undo": ["recover"],
  "unfreeze": ["release"],
  "unhold": ["release"],
  "unpause": ["release"],
  "unplug": ["detach"],
  "usage": ["help"],
  "wait": ["hold"],
  "gate create": ["gate add"],
  "gate del": ["gate delete"],
  "gate detach": ["gate delete"],
  "gate info": ["gate list", "show"],
  "gate ls": ["gate list"],
  "gate new": ["gate add"],
  "gate remove": ["gate delete"],
  "gate rm": ["gate delete"],
  "gate show": ["gate list", "show"],
  "gate status": ["gate list", "show"],
};

/** What people call options elsewhere, without the dashes. */
const OPTION_WORDS: Readonly<Record<string, readonly string[]>> = {
  "device": ["dev"],
  "dir": ["direction"],
  "docker": ["container"],
  "dryrun": ["dry-run"],
  "duration": ["for", "max-hold"],
  "expr": ["match"],
  "file": ["pcap", "report"],
  "filter": ["match"],
  "i": ["dev"],
  "iface": ["dev"],
  "if": ["dev"],
  "interface": ["dev"],
  "lossless": ["expect-lossless"],
  "max": ["max-hold"],
  "namespace": ["netns"],
  "net-ns": ["netns"],
  "ns": ["netns"],
  "output": ["report", "format"],
  "podman": ["container"],
  "prio": ["priority"],
  "silent": ["quiet"],
  "size": ["limit"],
  "time": ["for", "max-hold"],
  "var": ["set"],
  "yes": ["force"],
};

/** Options for what the kernel cannot do, by command, and what does it or comes near. */
const IMPOSSIBLE: Readonly<Record<string, string>> = {
  "discard packets": "the kernel discards all packets of a queue or none; to keep the oldest, let them go before: " +
    "plugctl release NAME --packets N; to lose only some, give them a gate of their own before they come",
};

/** Why a command does not take an option that one could expect, and what to do instead. */
export function whyImpossible(word: string, command: string): string | undefined {
  const key = `${command} ${word}`;
  return Object.hasOwn(IMPOSSIBLE, key) ? IMPOSSIBLE[key] : undefined;
}

/** Whether a word is one that people know commands by elsewhere. */
export function isElsewhere(word: string): boolean {
  return Object.hasOwn(COMMAND_WORDS, word.toLowerCase());
}

/** The commands that an unknown command may mean, the likeliest first. */
export function commandsMeant(word: string, commands: readonly string[]): readonly string[] {
  return meant(word, { known: COMMAND_WORDS, names: commands });
}

/** The options that an unknown one may mean, of those that a command takes, all without their dashes. */
export function optionsMeant(word: string, options: readonly string[]): readonly string[] {
  return meant(word, { known: OPTION_WORDS, names: options });
}

function meant(
  word: string,
  { known, names }: { known: Readonly<Record<string, readonly string[]>>; names: readonly string[] },
): readonly string[] {
  const lower = word.toLowerCase();
  const byUse = Object.hasOwn(known, lower) ? known[lower].filter((name) => names.includes(name)) : [];
  if (byUse.length > 0) return byUse;
  const near = nearest(word, names);
  return near === undefined ? [] : [near];
}

/** Words as a shell takes them: those with other than plain letters in single quotes. */
export function shellText(words: readonly string[]): string {
  const quoted = (word: string) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
  return words.map(quoted).join(" ");
}
