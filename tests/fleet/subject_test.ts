/** Where messages of a fleet go, and whom they mean. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  ALL,
  answerer,
  answerSubject,
  checkName,
  inboxOf,
  isMeant,
  parseRequest,
  requestSubject,
  subjectsOf,
  teller,
  tellingSubject,
} from "../../fleet/subject.ts";

Deno.test("requestSubject() has five parts, whatever the names, and parseRequest() reads them", () => {
  const address = { group: "db", host: "db1", who: "alice", operation: "arm" };
  assertEquals(requestSubject(address), "plugctl.db.db1.alice.arm");
  const odd = { group: "a.b", host: "*", who: "@all", operation: "x y>\t%41é\u3000\u0000" };
  const subject = requestSubject(odd);
  assertEquals(subject, "plugctl.a%2Eb.%2A.%40all.x%20y%3E%09%2541é%E3%80%80%00");
  assertEquals(parseRequest(subject), odd);
});

Deno.test("requestSubject() means all hosts by what no host can be called", () => {
  const address = { group: "db", host: ALL, who: "alice", operation: "renew" };
  assertEquals(requestSubject(address), "plugctl.db.@all.alice.renew");
  assertEquals(subjectsOf({ group: "db", host: "@all" }), ["plugctl.db.%40all.*.*", "plugctl.db.@all.*.*"]);
  assertEquals(parseRequest("plugctl.db.%40all.x.y").host, "@all");
});

Deno.test("parseRequest() takes as it stands what nobody has written so", () => {
  assertEquals(parseRequest("plugctl.db.%zz.%E3.x").host, "%zz");
  assertEquals(teller("plugctl.db.%E3%28.log"), "%E3%28");
});

Deno.test("tellingSubject() is of one host, or of any", () => {
  assertEquals(tellingSubject("log", { group: "db", host: "db.1" }), "plugctl.db.db%2E1.log");
  assertEquals(tellingSubject("here", { group: "db", host: "*" }), "plugctl.db.%2A.here");
  assertEquals(tellingSubject("here", { group: "db" }), "plugctl.db.*.here");
  assertEquals(teller("plugctl.db.db%2E1.log"), "db.1");
});

Deno.test("answerSubject() ends with who answers, which answerer() reads", () => {
  assertEquals(inboxOf("users", "a.b"), "_INBOX.users.a%2Eb");
  const subject = answerSubject(`${inboxOf("users", "alice")}.N1`, "db.example");
  assertEquals(subject, "_INBOX.users.alice.N1.db%2Eexample");
  assertEquals(answerer(subject), "db.example");
});

Deno.test("checkName() refuses what a pattern would mean otherwise", () => {
  checkName("--name", "db1.example");
  const wrong = [
    ["", "must be 1 to 200"],
    ["x".repeat(201), "must be 1 to 200"],
    ["db*", "for patterns"],
    [
      "a=b",
      "for",
    ],
    ["@all", "must not begin with @"],
    ["db\n1", "control characters"],
  ];
  for (const [name, says] of wrong) assertThrows(() => checkName("--name", name), SyntaxError, says);
});

Deno.test("isMeant() knows a host by its name or its labels, with stars", () => {
  const labels = ["role=db", "zone=eu-1"];
  const meant = (...patterns: string[]) => isMeant(patterns, "db1.example", labels);
  assertEquals([meant("db1.example"), meant("db*"), meant("*"), meant("*.example")], [true, true, true, true]);
  assertEquals([meant("db1"), meant("b1"), meant("db?.example"), meant()], [false, false, false, false]);
  assertEquals([meant("role=db"), meant("role=*"), meant("zone=eu*"), meant("role=d")], [true, true, true, false]);
  assertEquals([meant("web*", "role=db"), meant("db1xexample")], [true, false]);
});
