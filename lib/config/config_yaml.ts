/**
 * The group's configuration from a YAML or JSON text. Reading the file is the application's part.
 *
 * @module
 */
import { type GroupConfig, resolveConfigFrom } from "./config.ts";
import { readYaml } from "./yaml_source.ts";

/**
 * Reads and completes a configuration.
 *
 * @param text the YAML or JSON text
 * @param fileName its name, for errors
 * @returns the configuration: complete, checked, frozen
 * @throws {PartiError} `PARTI_INVALID_CONFIG`: one message with every problem's file, line, column, key, value and what is
 *   allowed; `value` is the list of problems
 */
export function parseConfigYaml(text: string, fileName: string): GroupConfig {
  const source = readYaml(text, fileName);
  return resolveConfigFrom(source.value, source);
}
