/**
 * From schemas to JSON Schema, for editors: what may be written, as far as JSON Schema can tell. It knows what the schemas here are
 * made of, and refuses what it does not know.
 *
 * @module
 */
import type { GenericSchema } from "valibot";

/** A JSON Schema. */
export type JsonSchema = Record<string, unknown>;

/** What is looked at of a schema, or of a step of its pipe. */
interface Part {
  readonly type: string;
  readonly pipe?: readonly Part[];
  readonly requirement?: unknown;
  readonly description?: string;
  readonly default?: unknown;
  readonly wrapped?: Part;
  readonly item?: Part;
  readonly value?: Part;
  readonly entries?: Readonly<Record<string, Part>>;
  readonly options?: readonly unknown[];
}

/**
 * Makes the JSON Schema of what a schema takes.
 *
 * @param schema the schema
 * @returns a fresh JSON Schema (draft 2020-12)
 */
export function jsonSchemaOf(schema: GenericSchema): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...convert(schema as unknown as Part),
  };
}

function convert(part: Part): JsonSchema {
  if (part.pipe === undefined) return convertSchema(part);
  const [first, ...steps] = part.pipe;
  return steps.reduce((made, step) => ({ ...made, ...convertStep(step, made) }), convert(first!));
}

function convertSchema(part: Part): JsonSchema {
  switch (part.type) {
    case "string":
    case "number":
    case "boolean":
      return { type: part.type };
    case "unknown":
      return {};
    case "picklist":
      return { type: typeof part.options![0], enum: part.options };
    case "union":
      return { anyOf: part.options!.map((option) => convert(option as Part)) };
    case "array":
      return { type: "array", items: convert(part.item!) };
    case "record":
      return {
        ...{ type: "object", propertyNames: { type: "string" } },
        additionalProperties: convert(part.value!),
      };
    case "optional":
      return {
        ...part.default === undefined ? {} : { default: part.default },
        ...convert(part.wrapped!),
      };
    case "strict_object":
      return convertObject(part.entries!);
  }
  throw new TypeError(`no JSON Schema for "${part.type}"`);
}

function convertObject(entries: Readonly<Record<string, Part>>): JsonSchema {
  const list = Object.entries(entries);
  const required = list.filter(([, { type }]) => type !== "optional").map(([key]) => key);
  return {
    type: "object",
    properties: Object.fromEntries(list.map(([key, entry]) => [key, convert(entry)])),
    ...required.length === 0 ? {} : { required },
    additionalProperties: false,
  };
}

function convertStep({ type, requirement, description }: Part, made: JsonSchema): JsonSchema {
  switch (type) {
    case "description":
      return { description };
    case "integer":
      return { type: "integer" };
    case "min_value":
      return { minimum: requirement };
    case "gt_value":
      return { exclusiveMinimum: requirement };
    case "max_value":
      return { maximum: requirement };
    case "min_length":
      return { minLength: requirement };
    case "max_length":
      return made["type"] === "array" ? { maxItems: requirement } : { maxLength: requirement };
    case "regex":
      return { pattern: (requirement as RegExp).source };
    case "check":
    case "finite":
    case "metadata":
    case "raw_transform":
      return {};
  }
  throw new TypeError(`no JSON Schema for "${type}"`);
}
