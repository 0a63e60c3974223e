/**
 * What other programs read of how scenarios have ended: JUnit's XML, the Test Anything Protocol, GitHub's annotations.
 *
 * @module
 */

import { describeMistake, type ScenarioError } from "../../scenario/mistake.ts";
import type { Verdict } from "./verdict.ts";

/** What XML 1.0 cannot hold, not even escaped. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;
const XML_ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** JUnit's XML: a suite of all scenarios, a test case each. */
export function junitXml(verdicts: readonly Verdict[]): string {
  const count = (test: (verdict: Verdict) => boolean) => verdicts.filter(test).length;
  const attributes = xmlAttributes({
    name: "plugctl",
    tests: verdicts.length,
    failures: count(({ outcome }) => outcome === "unmet"),
    errors: count(({ outcome }) => outcome === "failed" || outcome === "aborted"),
    skipped: count(({ outcome }) => outcome === "skipped"),
    time: verdicts.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3),
  });
  const [first] = verdicts;
  const place = first ? xmlAttributes({ timestamp: first.time, hostname: first.hostname }) : "";
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes}>`,
    `<testsuite${attributes}${place}>`,
    ...verdicts.map(junitCase),
    "</testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function junitCase({ name, file, line, seconds, outcome, said, last, shown }: Verdict): string {
  const attributes = xmlAttributes({
    name,
    classname: file.replace(/\.ya?ml$/, ""),
    file,
    line,
    time: seconds.toFixed(3),
  });
  const why = xmlAttributes({ message: said[0] ?? outcome, type: outcome });
  const text = xmlText([...last, ...said].join("\n"));
  const endings = {
    done: [],
    unmet: [`<failure${why}>${text}</failure>`],
    failed: [`<error${why}>${text}</error>`],
    aborted: [`<error${why}>${text}</error>`],
    skipped: [`<skipped${xmlAttributes({ message: "a signal ended the run before" })}/>`],
  };
  const output = shown === "" ? [] : [`<system-out>${xmlText(shown)}</system-out>`];
  return [`<testcase${attributes}>`, ...endings[outcome], ...output, "</testcase>"].join("\n");
}

function xmlAttributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values).map(([name, value]) =>
    // A line end in an attribute would be read as a space.
    value === undefined ? "" : ` ${name}="${xmlText(String(value)).replaceAll("\n", "&#10;")}"`
  ).join("");
}

function xmlText(text: string): string {
  return text.replaceAll(NOT_XML, "\ufffd").replaceAll(/[&<>"]/g, (letter) => XML_ENTITIES[letter]);
}

/** What begins a stream of the Test Anything Protocol, version 14. */
export function tapHead(count: number): string {
  return `TAP version 14\n1..${count}\n`;
}

/** A test point of it, with what is known of a failure in YAML. */
export function tapPoint(verdict: Verdict, number: number): string {
  const { name, file, line, seconds, outcome, said, last } = verdict;
  const isOk = outcome === "done" || outcome === "skipped";
  // In a description # begins a directive, and a backslash escapes.
  const description = name.replaceAll(/[\\#]/g, "\\$&").replaceAll(/\s+/g, " ");
  const point = `${isOk ? "ok" : "not ok"} ${number} - ${description}${
    outcome === "skipped" ? " # SKIP by a signal" : ""
  }`;
  if (isOk) return `${point}\n`;
  // Every text is a JSON string, which YAML reads as it is meant.
  const known = {
    message: said.join("\n"),
    severity: outcome === "unmet" ? "fail" : "error",
    file,
    line,
    duration_ms: Math.round(seconds * 1000),
    last: last.length > 0 ? last : undefined,
  };
  const entries = Object.entries(known).flatMap(([key, value]) =>
    value === undefined ? [] : [`  ${key}: ${JSON.stringify(value)}`]
  );
  return [point, "  ---", ...entries, "  ...", ""].join("\n");
}

/** Where GitHub looks for the file: below the folder in which plugctl runs. */
function fromHere(file: string): string {
  const here = `${Deno.cwd()}/`;
  return (file.startsWith(here) ? file.slice(here.length) : file).replace(/^(?:\.\/)+/, "");
}

/** GitHub's annotation of a scenario that has failed, at the line of the step that did; empty for any other. */
export function githubAnnotation({ file, line, name, said, outcome }: Verdict): string {
  if (outcome === "done" || outcome === "skipped") return "";
  return annotation({ file: fromHere(file), line, title: name }, said.join("\n") || outcome);
}

/** GitHub's annotations of what is wrong in a scenario's file, one each. */
export function githubMistakes({ file, mistakes }: ScenarioError): string {
  return mistakes.map((mistake) => {
    const place = { file: fromHere(mistake.file ?? file), line: mistake.line, col: mistake.column, title: "plugctl" };
    return annotation(place, describeMistake(mistake));
  }).join("");
}

function annotation(properties: Readonly<Record<string, string | number | undefined>>, text: string): string {
  const given = Object.entries(properties).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${escaped(String(value)).replaceAll(":", "%3A").replaceAll(",", "%2C")}`]
  );
  return `::error ${given.join(",")}::${escaped(text)}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
