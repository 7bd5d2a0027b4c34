import { createPrivateKey, X509Certificate } from "node:crypto";
import type { TLSOptions } from "bun";

/** The settings of TLS. All paths are those of PEM files. */
export interface TlsSettings {
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Who must have signed the certificates of clients; undefined: clients need none. */
  readonly tlsClientCa: string | undefined;
  readonly tlsMinVersion: "1.2" | "1.3";
}

/** The contents of the files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** The files that belong to TLS, by the names of their settings. Empty without TLS. */
export function tlsFiles({ tlsCert, tlsKey, tlsClientCa }: TlsSettings): Readonly<Record<string, string>> {
  if (tlsCert === undefined || tlsKey === undefined) return {};
  return { TLS_CERT: tlsCert, TLS_KEY: tlsKey, ...(tlsClientCa === undefined ? {} : { TLS_CLIENT_CA: tlsClientCa }) };
}

/**
 * Reads the files.
 * @returns undefined without TLS
 * @throws Error that names the setting of a file that is missing, no PEM, or does not belong to the others
 */
export function readCertificate(
  settings: TlsSettings,
  readText: (path: string) => string | undefined,
): Certificate | undefined {
  const files = Object.entries(tlsFiles(settings));
  if (files.length === 0) return undefined;
  const [cert = "", key = "", clientCa] = files.map(([name, path]) => readPem(name, path, readText));
  const certificate = attempted(() => new X509Certificate(cert));
  const privateKey = attempted(() => createPrivateKey(key));
  if (certificate === undefined) throw new Error("TLS_CERT: expected a certificate in the file");
  if (privateKey === undefined) throw new Error("TLS_KEY: expected a private key without a password in the file");
  if (!certificate.checkPrivateKey(privateKey)) throw new Error("TLS_KEY: not the key of the certificate in TLS_CERT");
  if (clientCa !== undefined && attempted(() => new X509Certificate(clientCa)) === undefined) {
    throw new Error("TLS_CLIENT_CA: expected the certificate of a certificate authority in the file");
  }
  return { cert, key, clientCa };
}

/** For `Bun.serve`. Clients without a certificate of the authority are refused in the TLS handshake. */
export function serveOptions({ cert, key, clientCa }: Certificate, { tlsMinVersion }: TlsSettings): TLSOptions {
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  // Missing in the types. The runtime takes a number (RFC 8446 §4.1.2), and no name such as `TLSv1.3`.
  const options = { cert, key, minVersion: versions[tlsMinVersion], ...clients };
  return options;
}

const versions = { "1.2": 0x0303, "1.3": 0x0304 } as const;

/** When a certificate ends, for the log: `2026-12-01T00:00:00.000Z`. */
export function endOf({ cert }: Certificate): string {
  return new Date(new X509Certificate(cert).validTo).toISOString();
}

/** @throws Error. Another text than PEM would be reported by the runtime only with an error number. */
function readPem(name: string, path: string, readText: (path: string) => string | undefined): string {
  let text: string | undefined;
  try {
    text = readText(path);
  } catch (error) {
    throw new Error(`${name}: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text?.includes("-----BEGIN ")) return text;
  throw new Error(`${name}: expected the path of a PEM file, got ${JSON.stringify(path)}`);
}

function attempted<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined; // the caller reports the problem
  }
}
