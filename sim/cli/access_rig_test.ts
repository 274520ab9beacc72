/**
 * Servers that ask who one is, and what gets one in. No test of its own.
 *
 * @module
 */
import { nkeys } from "@nats-io/nats-core";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A server's configuration, and what gets one in. */
export interface Gate {
  /** Lines for the server. */
  readonly serverConfig: string;
  /** The seed of the NKey. */
  readonly seed: string;
  /** The credentials file; empty where there is none. */
  readonly credentials: string;
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A server that knows one NKey. */
export function nkeyGate(): Gate {
  const user = nkeys.createUser();
  return {
    serverConfig: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
    seed: decoder.decode(user.getSeed()),
    credentials: "",
  };
}

/** A server with an operator, an account and a user in it, as nsc makes them. */
export function credentialsGate(): Gate {
  const operator = nkeys.createOperator();
  const system = nkeys.createAccount();
  const account = nkeys.createAccount();
  const user = nkeys.createUser();
  const unlimited = Object.fromEntries(
    ["subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage"]
      .concat("disk_storage", "streams", "consumer").map((name) => [name, -1]),
  );
  const accountOf = (key: KeyPair, more: Record<string, number>) =>
    jwt(key, operator, {
      type: "account",
      limits: { ...more, wildcards: true },
      default_permissions: { pub: {}, sub: {} },
    });
  const {
    mem_storage: _memory,
    disk_storage: _disk,
    streams: _streams,
    consumer: _consumer,
    ...core
  } = unlimited;
  const userJwt = jwt(user, account, {
    type: "user",
    pub: {},
    sub: {},
    subs: -1,
    data: -1,
    payload: -1,
  });
  const seed = decoder.decode(user.getSeed());
  return {
    serverConfig: [
      `operator: ${jwt(operator, operator, { type: "operator" })}`,
      "resolver: MEMORY",
      `system_account: ${system.getPublicKey()}`,
      "resolver_preload: {",
      `  ${system.getPublicKey()}: ${accountOf(system, core as Record<string, number>)}`,
      `  ${account.getPublicKey()}: ${accountOf(account, unlimited)}`,
      "}",
    ].join("\n"),
    seed,
    credentials: [
      "-----BEGIN NATS USER JWT-----",
      userJwt,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      seed,
      "------END USER NKEY SEED------",
      "",
    ].join("\n"),
  };
}

function jwt(subject: KeyPair, issuer: KeyPair, nats: Record<string, unknown>): string {
  const claims = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: String(nats["type"]),
    nats: { ...nats, version: 2 },
  };
  const body = [{ typ: "JWT", alg: "ed25519-nkey" }, claims]
    .map((part) => base64url(encoder.encode(JSON.stringify(part)))).join(".");
  return `${body}.${base64url(issuer.sign(encoder.encode(body)))}`;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")
    .replaceAll("=", "");
}
