/**
 * Why there is no connection, and what to do about it.
 *
 * @module
 */
import { AuthorizationError, UserAuthenticationExpiredError } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";

/** What is said of encryption, by the runtime or by the server, and what it means. */
const TLS_TROUBLES: readonly {
  readonly sign: RegExp;
  readonly what: (servers: string) => string;
  readonly hint: string;
}[] = [
  {
    sign: /fatal alert|ALERT_|ended the encrypted connection/i,
    what: (servers) => `${servers} refuses this client's certificate, or misses one`,
    hint: "give a certificate that the server's CA has signed, and its key (tls.cert, tls.key)",
  },
  {
    sign: /does not support 'tls'|tls.*not available on this server/i,
    what: (servers) => `${servers} does not encrypt`,
    hint: "leave the settings of tls out, or switch tls on at the server",
  },
  {
    sign: /ALTNAME|does not match certificate|NotValidForName/i,
    what: (servers) => `the certificate of ${servers} is for another name`,
    hint: "use a name or an address that is in the server's certificate",
  },
  {
    sign: /UNSUPPORTED_PROTOCOL|unsupported protocol|KEY_VALUES_MISMATCH|PEM/i,
    what: (servers) => `cannot encrypt the connection to ${servers}`,
    hint: "do tls.cert and tls.key belong together, and are they PEM files?",
  },
  {
    sign: /certificate|self.signed|UNABLE_TO_|CERT_|UnknownIssuer/i,
    what: (servers) => `the certificate of ${servers} cannot be trusted`,
    hint: "name the CA that has signed it (tls.ca)",
  },
];

/**
 * Turns what the client throws when it cannot connect into an error that a person can act on.
 *
 * @param cause what was thrown
 * @param servers where to
 * @returns the error to throw
 */
export function connectError(cause: unknown, servers: string): PartiError {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof AuthorizationError || cause instanceof UserAuthenticationExpiredError) {
    return new PartiError("PARTI_REFUSED", `${servers} refuses this user: ${text}`, {
      cause,
      value: servers,
      hint: "check user, password, token or credentials",
    });
  }
  const signs = `${(cause as { code?: unknown } | undefined)?.code ?? ""} ${text}`;
  const trouble = TLS_TROUBLES.find(({ sign }) => sign.test(signs));
  if (trouble !== undefined) {
    const { what, hint } = trouble;
    return new PartiError("PARTI_REFUSED", `${what(servers)}: ${text}`, {
      ...{ cause, value: servers, hint },
    });
  }
  return new PartiError("PARTI_DISCONNECTED", `cannot connect to ${servers}: ${text}`, {
    cause,
    value: servers,
    hint: "is nats-server running there, and is the address right?",
  });
}
