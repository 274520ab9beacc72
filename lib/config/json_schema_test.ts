import assert from "node:assert/strict";
import * as v from "valibot";
import { jsonSchemaOf } from "./json_schema.ts";
import { strictObject } from "./schema_objects.ts";

Deno.test("a schema's limits, defaults and descriptions are told", () => {
  const number = v.pipe(v.pipe(v.number(), v.integer()), v.minValue(1), v.description("how many"));
  const list = v.pipe(v.array(v.picklist(["a", "b"])), v.maxLength(3));
  assert.deepEqual(jsonSchemaOf(strictObject({ number, list: v.optional(list, []) })), {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      number: { type: "integer", minimum: 1, description: "how many" },
      list: {
        ...{ default: [], type: "array", maxItems: 3 },
        items: { type: "string", enum: ["a", "b"] },
      },
    },
    required: ["number"],
    additionalProperties: false,
  });
});

Deno.test("what it does not know is refused, rather than left out", () => {
  assert.throws(() => jsonSchemaOf(v.date()), /no JSON Schema for "date"/);
  const email = v.pipe(v.string(), v.email());
  assert.throws(() => jsonSchemaOf(strictObject({ email })), /no JSON Schema for "email"/);
});
