/**
 * Who a run is to somebody else's servers: from the configuration or the environment, given on to the children by the environment
 * alone, since everybody on a machine can read a command line.
 *
 * @module
 */
import { credsAuthenticator, nkeyAuthenticator, nkeys } from "@nats-io/nats-core";
import { PartiError } from "../../lib/errors.ts";
import type { ConnectionOptions } from "../../lib/ports/nats/world.ts";
import type { ACCESS_SECTIONS, AccessSection, NatsSection } from "../config/nats_section.ts";
import { userInfoOf } from "../config/secrets.ts";

/** What is needed to get in: the contents of files, not their names. */
export interface Access {
  /** A user's name. */
  readonly user?: string;
  /** The user's password. */
  readonly password?: string;
  /** A token. */
  readonly token?: string;
  /** A credentials file. */
  readonly credentials?: string;
  /** The seed of an NKey. */
  readonly nkey?: string;
  /** Certificates, as PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** What each role needs. */
export interface RunAccess {
  /** The coordinator. */
  readonly coordinator: Access;
  /** Workers. */
  readonly worker: Access;
  /** Producers. */
  readonly producer: Access;
}

/** Reads an environment variable. */
export type ReadEnv = (name: string) => string | undefined;

/** The environment variables that stand for keys of the configuration. They are those of the `nats` command. */
export const ACCESS_ENV = {
  credentials: "NATS_CREDS",
  nkey: "NATS_NKEY",
  user: "NATS_USER",
  password: "NATS_PASSWORD",
  token: "NATS_TOKEN",
  ca: "NATS_CA",
  cert: "NATS_CERT",
  key: "NATS_KEY",
} as const;

/** A role that may be somebody else than the rest. */
type RoleSection = (typeof ACCESS_SECTIONS)[number];

/** The variable that stands for a key; a role's has its name in it, such as `NATS_WORKERS_TOKEN`. */
function variableOf(key: keyof AccessSection, role: RoleSection | undefined): string {
  const name = ACCESS_ENV[key];
  return role === undefined ? name : name.replace("_", `_${role.toUpperCase()}_`);
}

const CHILD_ENV = "PARTI_SIM_NATS_ACCESS";
const WAYS = ["credentials", "nkey", "token", "user"] as const;
const encoder = new TextEncoder();

/** A value, and what the reader knows it by. */
interface Given {
  readonly value: string;
  readonly name: string;
}

/**
 * Finds out who the run is to the servers.
 *
 * @param nats what the configuration says; what it does not say the environment does
 * @param env reads the environment
 * @returns what each role needs; nothing for servers of our own
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for a file that cannot be read or is something else, and for what does not go together
 */
export async function readAccess(nats: NatsSection, env: ReadEnv): Promise<RunAccess> {
  if (nats.mode === "embedded") return { coordinator: {}, worker: {}, producer: {} };
  const tls = await readTls(nats, env);
  const fromUrl = userInfoOf(nats.url);
  const isNamed = WAYS.some((way) => nats[way] !== undefined);
  const own = isNamed || nats.password !== undefined ? nats : fromUrl;
  const all = { ...await readUser(own, undefined, env), ...tls };
  const other = async (role: RoleSection): Promise<Access> => {
    const section = nats[role];
    const user = await readUser(section ?? {}, role, env);
    if (Object.keys(user).length > 0) return { ...user, ...tls };
    if (section === undefined) return all;
    // Where a run is resumed, a token or a password that was written there is not there any more.
    const names = WAYS.map((way) => variableOf(way, role)).join(", ");
    throw invalid(
      `nats.${role} does not say who its processes are`,
      `set one of ${WAYS.join(", ")} there, or of ${names}; or leave nats.${role} out`,
    );
  };
  return { coordinator: all, worker: await other("workers"), producer: await other("producers") };
}

async function readUser(
  section: AccessSection,
  role: RoleSection | undefined,
  env: ReadEnv,
): Promise<Access> {
  const path = role === undefined ? "nats" : `nats.${role}`;
  const inEnv = WAYS.filter((way) => env(variableOf(way, role)));
  const written = WAYS.find((way) => section[way] !== undefined);
  const way = written ?? inEnv[0];
  if (way === undefined) return {};
  if (written === undefined && inEnv.length > 1) {
    const names = inEnv.map((other) => variableOf(other, role)).join(" and ");
    throw invalid(`${names} are both set`, "one way to say who one is is enough: unset the others");
  }
  const get = (key: keyof AccessSection): Given | undefined => {
    if (section[key] !== undefined) return { value: section[key], name: `${path}.${key}` };
    const name = variableOf(key, role);
    const value = env(name);
    return value ? { value, name } : undefined;
  };
  const given = get(way)!;
  switch (way) {
    case "credentials":
      return { credentials: await readCredentials(given) };
    case "nkey":
      return { nkey: await readSeed(given) };
    case "token":
      return { token: given.value };
    case "user": {
      const password = get("password");
      if (password !== undefined) return { user: given.value, password: password.value };
      const wanted = `${path}.password or ${variableOf("password", role)}`;
      throw invalid(`${given.name} is given and no password`, `set ${wanted}`);
    }
  }
}

async function readCredentials(given: Given): Promise<string> {
  const text = await readFile(given);
  try {
    // It looks at the file only when a server asks.
    credsAuthenticator(encoder.encode(text))("nonce");
    return text;
  } catch {
    throw invalid(
      `${given.name}: ${given.value} is no credentials file`,
      "it has a user's JWT and NKey seed between dashed lines, as nsc and nats auth write it",
    );
  }
}

async function readSeed(given: Given): Promise<string> {
  const seed = (await readFile(given)).split("\n").map((line) => line.trim())
    .find((line) => line !== "" && !line.startsWith("-")) ?? "";
  try {
    nkeys.fromSeed(encoder.encode(seed));
    return seed;
  } catch {
    throw invalid(
      `${given.name}: ${given.value} has no NKey seed in it`,
      "it is a line that begins with SU, as nk -gen user writes it",
    );
  }
}

async function readTls(nats: NatsSection, env: ReadEnv): Promise<Pick<Access, "tls">> {
  const read = async (key: "ca" | "cert" | "key") => {
    const value = nats.tls?.[key] ?? env(ACCESS_ENV[key]);
    if (!value) return {};
    const name = nats.tls?.[key] === undefined ? ACCESS_ENV[key] : `nats.tls.${key}`;
    const text = await readFile({ value, name });
    if (text.includes("-----BEGIN ")) return { [key]: text };
    throw invalid(`${name}: ${value} is no PEM file`, "it begins with -----BEGIN");
  };
  const tls = { ...await read("ca"), ...await read("cert"), ...await read("key") } as NonNullable<
    Access["tls"]
  >;
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    const [there, missing] = tls.cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw invalid(
      `nats.tls.${there} is given and no ${missing}`,
      `set nats.tls.${missing} or ${ACCESS_ENV[missing as "cert" | "key"]}`,
    );
  }
  const isAsked = Object.keys(tls).length > 0 || /(^|,)\s*tls:/.test(nats.url);
  return isAsked ? { tls } : {};
}

async function readFile({ name, value }: Given): Promise<string> {
  try {
    return await Deno.readTextFile(value);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw invalid(`${name}: cannot read ${value}: ${why}`, "name an existing file", cause);
  }
}

function invalid(message: string, hint: string, cause?: unknown): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", message, { hint, cause });
}

/**
 * How to connect with it.
 *
 * @param access what is needed to get in
 * @returns options for the connection
 */
export function connectionOptionsOf(access: Access): ConnectionOptions {
  const { user, password, token, credentials, nkey, tls } = access;
  return {
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(credentials === undefined
      ? {}
      : { authenticator: credsAuthenticator(encoder.encode(credentials)) }),
    ...(nkey === undefined ? {} : { authenticator: nkeyAuthenticator(encoder.encode(nkey)) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/**
 * The environment that gives it to a child.
 *
 * @param access what the child needs
 * @returns environment variables
 */
export function accessEnv(access: Access): Record<string, string> {
  return { [CHILD_ENV]: JSON.stringify(access) };
}

/**
 * What the parent has given, read once: whoever is started from here does not get it.
 *
 * @returns what this process needs to get in
 */
export function takeAccess(): Access {
  const text = Deno.env.get(CHILD_ENV);
  Deno.env.delete(CHILD_ENV);
  return text === undefined ? {} : JSON.parse(text);
}
