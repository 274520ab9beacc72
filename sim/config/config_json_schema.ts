/**
 * The configuration's JSON Schema, for editors: `configs/simulation.schema.json`, which the shipped files name in their first line. To
 * write it anew: `deno run --allow-write=configs sim/config/config_json_schema.ts`.
 *
 * @module
 */
import { jsonSchemaOf } from "../../lib/config/schema_parts.ts";
import { SECTION_ALIASES } from "./config_position.ts";
import { simulationSchema } from "./config_schema.ts";
import { thresholdsJsonSchema } from "./thresholds_json_schema.ts";

/** Where it lies. */
export const JSON_SCHEMA_FILE: URL = new URL(
  "../../configs/simulation.schema.json",
  import.meta.url,
);

interface ObjectSchema {
  properties?: Record<string, ObjectSchema>;
  $defs?: Record<string, unknown>;
}

/**
 * Makes it from the one schema there is. Second spellings are in it, too.
 *
 * @returns the text of the file
 */
export function configJsonSchema(): string {
  const schema = jsonSchemaOf(simulationSchema) as ObjectSchema;
  const sections = schema.properties!;
  for (const [alias, name] of Object.entries(SECTION_ALIASES)) sections[alias] = sections[name]!;
  const group = sections["workers"]!.properties!["group"]!.properties!;
  for (const [name, value] of Object.entries(group)) group[camelCase(name)] = value;
  const { section, definitions } = thresholdsJsonSchema();
  Object.assign(sections["thresholds"]!, section);
  schema.$defs = { ...schema.$defs, ...definitions };
  return `${JSON.stringify({ title: "A parti simulation", ...schema }, null, 2)}\n`;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

if (import.meta.main) await Deno.writeTextFile(JSON_SCHEMA_FILE, configJsonSchema());
