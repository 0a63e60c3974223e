import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { PROBLEM_STATUSES } from "./answer.ts";
import { type Route, ROUTES } from "./routes.ts";

/** What can be asked, as OpenAPI 3.1 describes it. */
export function openApi(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of ROUTES) (paths[route.path] ??= {})[route.method] = describe(route);
  return {
    openapi: "3.1.0",
    info: {
      title: "plugctl",
      version,
      summary: "Hold and release packets on Linux",
      description:
        "What goes wrong is told as RFC 9457 has it, with a code, and with the kernel's errno where it refused.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
    security: [{}, { token: [] }],
  };
}

function describe({ method, path, summary, body, query, status = 200, type = "application/json" }: Route): unknown {
  const content = (schema: unknown, kind = "application/json") => ({ [kind]: { schema } });
  return {
    operationId: [method, ...path.match(/\w+/g) ?? []].join("-"),
    summary,
    parameters: [
      ...path.includes("{name}") ? [{ name: "name", in: "path", required: true, schema: { type: "string" } }] : [],
      ...Object.entries(query ? schemaOf(query).properties ?? {} : {}).map(([name, schema]) => ({
        name,
        in: "query",
        schema,
      })),
    ],
    ...body ? { requestBody: { required: true, content: content(schemaOf(body)) } } : {},
    responses: {
      [status]: { description: "It was done", content: content({}, type) },
      ...Object.fromEntries(PROBLEM_STATUSES.map((problem) => [
        problem,
        {
          description: "It was not",
          content: content({ $ref: "#/components/schemas/Problem" }, "application/problem+json"),
        },
      ])),
    },
  };
}

/** What may be sent, before it is turned into what is worked with. */
function schemaOf(schema: v.GenericSchema): { properties?: Record<string, unknown> } {
  const { $schema: _, ...rest } = toJsonSchema(schema, { typeMode: "input", errorMode: "ignore" });
  return rest as { properties?: Record<string, unknown> };
}

const PROBLEM = {
  type: "object",
  required: ["type", "title", "status", "detail", "code"],
  properties: {
    type: { type: "string", description: "urn:plugctl:problem: and the code" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What went wrong, in a sentence" },
    code: { type: "string", description: "What kind of problem it is, for programs" },
    errno: { type: "integer", description: "What the kernel answered, where it refused" },
    field: { type: "string", description: "Where in the request the mistake is" },
  },
};
