/**
 * Certificates for tests, made by openssl and thrown away.
 *
 * @module
 */

import { note } from "./console.ts";

/** A CA, and certificates that it has signed; all are paths of PEM files. */
export interface TestCertificates extends Disposable {
  /** The CA of server and client. */
  readonly ca: string;
  /** Another CA, which has nothing to do with them. */
  readonly otherCa: string;
  /** The server's certificate for 127.0.0.1, and its key. */
  readonly server: { readonly cert: string; readonly key: string };
  /** A client's. */
  readonly client: { readonly cert: string; readonly key: string };
  /** One of a client whom the other CA has signed. */
  readonly stranger: { readonly cert: string; readonly key: string };
  /** Lines for a nats-server's configuration. */
  serverConfig(options?: { readonly verify?: boolean }): string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const DAYS = ["-days", "2"];

/**
 * Makes them.
 *
 * @returns the certificates; undefined, with a word on why, where there is no openssl
 */
export async function makeTestCertificates(): Promise<TestCertificates | undefined> {
  const dir = await Deno.makeTempDir({ prefix: "parti-tls-test-" });
  try {
    await Deno.writeTextFile(`${dir}/names`, "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    for (const ca of ["ca", "other"]) await selfSigned(dir, ca);
    await signed(dir, "server", "ca");
    await signed(dir, "client", "ca");
    await signed(dir, "stranger", "other");
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    note("no openssl is installed: tests of TLS are left out");
    return undefined;
  }
  const pair = (name: string) => ({ cert: `${dir}/${name}.pem`, key: `${dir}/${name}.key` });
  const text = JSON.stringify;
  return {
    ca: `${dir}/ca.pem`,
    otherCa: `${dir}/other.pem`,
    server: pair("server"),
    client: pair("client"),
    stranger: pair("stranger"),
    serverConfig: ({ verify = false } = {}) =>
      `tls { cert_file: ${text(`${dir}/server.pem`)}, key_file: ${text(`${dir}/server.key`)}, ` +
      `ca_file: ${text(`${dir}/ca.pem`)}, verify: ${verify} }`,
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

function selfSigned(dir: string, name: string): Promise<void> {
  const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
  const isCa = ["-addext", "basicConstraints=critical,CA:TRUE"];
  return openssl(dir, [
    "req",
    "-x509",
    ...NEW_KEY,
    ...files,
    "-subj",
    `/CN=${name}`,
    ...DAYS,
    ...isCa,
  ]);
}

async function signed(dir: string, name: string, ca: string): Promise<void> {
  const files = ["-keyout", `${name}.key`, "-out", `${name}.csr`];
  await openssl(dir, ["req", ...NEW_KEY, ...files, "-subj", `/CN=${name}`]);
  const by = ["-CA", `${ca}.pem`, "-CAkey", `${ca}.key`, "-CAcreateserial"];
  const request = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", "names"];
  await openssl(dir, ["x509", "-req", ...request, ...by, ...DAYS]);
}

async function openssl(cwd: string, args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("openssl", { args, cwd }).output();
  if (code !== 0) throw new Error(`openssl: ${new TextDecoder().decode(stderr)}`);
}
