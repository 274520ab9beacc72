/**
 * What a configuration says that nobody else may see: it is taken out before anything is run, and no message shows it.
 *
 * @module
 */
import type { SimulationConfig } from "./config_schema.ts";
import { nearest } from "./nearest.ts";
import { ACCESS_SECTIONS, type AccessSection, urlsOf } from "./nats_section.ts";

/** What is shown instead. */
const HIDDEN = "(not shown)";
const SECRET_KEYS = ["password", "token"];
/** What others call the same. */
const SECRET_WORDS = /pass|pwd|secret|token/i;
/** Whatever stands before the host. A password may hold anything, also a slash that should have been written as %2F, up to the next address. */
const USER_INFO = /\/\/(?:(?!\w+:\/\/)\S)*@/g;

/**
 * Hides user and password in addresses.
 *
 * @param text a text in which there may be some
 * @returns the text without them
 */
export function hideUserInfo(text: string): string {
  return text.replaceAll(USER_INFO, "//");
}

/**
 * A value of the configuration, as a message may show it.
 *
 * @param path where it stands
 * @param value the value
 * @returns the text
 */
export function showValue(path: readonly (string | number)[], value: unknown): string {
  if (value === undefined) return "nothing";
  if (path[0] !== "nats") return JSON.stringify(value);
  const isHidden = SECRET_KEYS.includes(String(path.at(-1))) || typeof value === "object";
  return isHidden && value !== null ? HIDDEN : hideUserInfo(JSON.stringify(value));
}

/**
 * What was set on the command line, as a message may show it.
 *
 * @param set such as `nats.password=…`
 * @returns the same without secrets
 */
export function showSet(set: string): string {
  const [key = "", value] = set.split(/=(.*)/s);
  if (!/^nats\b/.test(key) || value === undefined) return set;
  const last = key.split(".").at(-1)!;
  const isSection = /[{[:]/.test(value) && last !== "url";
  // A slip for one of them is none to be shown either.
  const isSecret = SECRET_WORDS.test(last) || nearest(last, SECRET_KEYS) !== undefined;
  const isHidden = isSecret || isSection;
  return `${key}=${isHidden ? HIDDEN : hideUserInfo(value)}`;
}

/** User and password, or the token, that an address names. */
export function userInfoOf(url: string): Pick<AccessSection, "user" | "password" | "token"> {
  const info = urlsOf(url).map((one) => /\/\/(.*)@/.exec(one)?.[1]).find((found) => found);
  if (info === undefined) return {};
  const [first = "", password] = info.split(/:(.*)/s).map(decode);
  return password === undefined ? { token: first } : { user: first, password };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * A configuration without its secrets: this one may be written, printed, and given to processes as an argument.
 *
 * @param config the configuration
 * @returns the same without them, and the keys that were left out
 */
export function withoutSecrets(
  config: SimulationConfig,
): { readonly config: SimulationConfig; readonly hidden: readonly string[] } {
  const hidden: string[] = [];
  const nats = structuredClone(config.nats) as Record<string, unknown>;
  const strip = (section: Record<string, unknown>, prefix: string) => {
    for (const key of SECRET_KEYS) {
      if (section[key] === undefined) continue;
      delete section[key];
      hidden.push(`${prefix}.${key}`);
    }
  };
  strip(nats, "nats");
  for (const role of ACCESS_SECTIONS) {
    const section = nats[role] as Record<string, unknown> | undefined;
    if (section !== undefined) strip(section, `nats.${role}`);
  }
  const url = hideUserInfo(config.nats.url);
  if (url !== config.nats.url) hidden.push("user and password in nats.url");
  return { config: { ...config, nats: { ...nats, url } as SimulationConfig["nats"] }, hidden };
}
