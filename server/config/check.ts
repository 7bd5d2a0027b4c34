import { createPrivateKey, X509Certificate } from "node:crypto";
import { ApiKeys } from "../auth/api-key.ts";
import { makeTokenVerifier } from "../auth/token.ts";
import { formatByteSize } from "../lib/byte-size.ts";
import { TrustedProxies } from "../lib/client-address.ts";
import { formatDuration } from "../lib/duration.ts";
import { parseRedisUrl } from "../lib/redis/address.ts";
import type { Settings } from "./settings.ts";
import type { ConfigInputs } from "./sources.ts";

/** What the rules between fields found. */
export interface Checked {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** What the checks may look at beside the settings. */
export interface CheckInputs {
  /** How the person wrote an option (by its key), or undefined where they did not. */
  writtenOf(key: string): string | undefined;
  /** The same, but undefined for what has its default value. */
  changedOf(key: string): string | undefined;
  readonly readText: ConfigInputs["readText"];
}

/** The rules that no single option can know. */
export function checkSettings(settings: Settings, { writtenOf, changedOf, readText }: CheckInputs): Checked {
  const problems = [
    ...storage(settings, writtenOf),
    ...processes(settings, process.platform),
    ...reach(settings, writtenOf("host") ?? "HOST"),
    ...refusals(settings),
    ...times(settings, writtenOf),
    ...sizes(settings),
    ...paths(settings),
    ...certificate(settings, readText),
  ];
  return { problems, warnings: [...doubts(settings), ...withoutEffect(settings, changedOf)] };
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || /^127(\.[0-9]{1,3}){3}$/.test(name);
}

/** Redis is one history for all machines, so nothing beside it keeps another. */
function storage(settings: Settings, writtenOf: (key: string) => string | undefined): string[] {
  const { redisUrl, dataDir } = settings;
  const written = writtenOf("redisUrl") ?? writtenOf("redisHost") ?? "REDIS_URL";
  if (redisUrl === undefined) return [];
  const address = parseRedisUrl(redisUrl);
  const problems = typeof address === "string" ? [`${written}: ${address}`] : [];
  if (dataDir !== undefined) {
    problems.push(
      `${writtenOf("dataDir") ?? "DATA_DIR"} and ${written}: history is in one place: leave one of them out`,
    );
  }
  if (writtenOf("redisUrl") !== undefined && writtenOf("redisHost") !== undefined) {
    problems.push(`${writtenOf("redisHost")} and ${written}: both name a Redis: leave one of them out`);
  }
  return problems;
}

/** Only Linux spreads the connections of one port over several processes. */
function processes({ workers }: Settings, platform: string): string[] {
  if (platform === "linux" || typeof workers !== "number" || workers === 1) return [];
  return [`WORKERS: several processes share one port on Linux only: expected 1 or auto here, got ${workers}`];
}

/** An open server stays on this machine, and somebody must be able to connect. */
function reach(settings: Settings, writtenHost: string): string[] {
  const { isSecured, insecure, host, trustUserId, anonymous, ...rest } = settings;
  const problems: string[] = [];
  if (!isSecured && !insecure && !isLoopback(host)) {
    problems.push(
      `${writtenHost}: anyone who reaches ${host} could do anything, since no credential is configured: set API_KEY (and JWT_SECRET, ` +
        "JWT_PUBLIC_KEY or JWKS_URL for users), or say --insecure (INSECURE=on)",
    );
  }
  const hasTokens = rest.jwtSecret !== undefined || rest.jwtPublicKey !== undefined || rest.jwksUrl !== undefined;
  if (!hasTokens && !trustUserId && !anonymous) {
    problems.push(
      "nobody could connect: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL so that users come with tokens, or ANONYMOUS=on to " +
        "let anyone listen, or TRUST_USER_ID=on to believe ?user_id=",
    );
  }
  return problems;
}

/** Their users say themselves what is wrong with them; they name the setting and never show a key. */
function refusals({ apiKeys, isSecured, trustedProxies, jwtSecret, jwtPublicKey, jwksUrl }: Settings): string[] {
  return [
    () => new ApiKeys(apiKeys, { isSecured }),
    () => makeTokenVerifier({ secret: jwtSecret, publicKey: jwtPublicKey, jwksUrl }),
    () => new TrustedProxies(trustedProxies),
  ].flatMap(complaintOf);
}

function complaintOf(attempt: () => unknown): string[] {
  try {
    attempt();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function times(settings: Settings, writtenOf: (key: string) => string | undefined): string[] {
  const { drainDelayMs, drainWindowMs, shutdownTimeoutMs } = settings;
  const problems: string[] = [];
  const timeout = `SHUTDOWN_TIMEOUT (${formatDuration(shutdownTimeoutMs)})`;
  if (drainWindowMs > shutdownTimeoutMs) {
    const written = writtenOf("drainWindow") ?? "DRAIN_WINDOW";
    problems.push(`${written} (${formatDuration(drainWindowMs)}): expected at most ${timeout}`);
  }
  if (drainDelayMs > 0 && drainDelayMs >= shutdownTimeoutMs) {
    const written = writtenOf("drainDelay") ?? "DRAIN_DELAY";
    problems.push(`${written} (${formatDuration(drainDelayMs)}): expected less than ${timeout}`);
  }
  return problems;
}

function sizes({ maxMessageBytes, maxBodyBytes, historyBytes, historyBytesTotal }: Settings): string[] {
  const problems: string[] = [];
  if (maxMessageBytes > maxBodyBytes) {
    const body = `MAX_BODY_BYTES (${formatByteSize(maxBodyBytes)})`;
    problems.push(`MAX_MESSAGE_BYTES (${formatByteSize(maxMessageBytes)}): expected at most ${body}: raise that too`);
  }
  if (historyBytes > historyBytesTotal) {
    const total = `HISTORY_BYTES_TOTAL (${formatByteSize(historyBytesTotal)})`;
    problems.push(`HISTORY_BYTES (${formatByteSize(historyBytes)}): expected at most ${total}`);
  }
  return problems;
}

/** What the server answers itself; the paths of others must not hide it. */
const ownPaths = ["/", "/sse", "/health", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs"];

function paths({ wsPath, ssePath, sseBatchPath }: Settings): string[] {
  const all = { WS_PATH: wsPath, SSE_PATH: ssePath, SSE_BATCH_PATH: sseBatchPath };
  const seen = new Map<string, string>();
  return Object.entries(all).flatMap(([name, path]) => {
    const other = seen.get(path);
    seen.set(path, name);
    if (other !== undefined) return [`${name}: ${path} is ${other} already: expected another path`];
    // A WebSocket handshake on / is taken anyway, and asks for no path of its own.
    const isTaken = (ownPaths.includes(path) && !(name === "WS_PATH" && path === "/")) || /^\/v1(\/|$)/.test(path);
    return isTaken ? [`${name}: ${path} is the server's own: expected another path`] : [];
  });
}

function certificate({ tlsCert, tlsKey }: Settings, readText: ConfigInputs["readText"]): string[] {
  if (tlsCert === undefined && tlsKey === undefined) return [];
  if (tlsCert === undefined) return ["TLS_KEY is set without TLS_CERT: both are needed"];
  if (tlsKey === undefined) return ["TLS_CERT is set without TLS_KEY: both are needed"];
  const texts: string[] = [];
  const problems = Object.entries({ TLS_CERT: tlsCert, TLS_KEY: tlsKey }).flatMap(([name, path]) => {
    try {
      const text = readText(path) ?? "";
      texts.push(text);
      return text.includes("-----BEGIN ")
        ? []
        : [`${name}: expected the path of a PEM file, got ${JSON.stringify(path)}`];
    } catch (error) {
      return [`${name}: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
  const [cert = "", key = ""] = texts;
  return problems.length > 0 ? problems : pair(cert, key);
}

/** Both are PEM by their looks; the runtime would refuse what is wrong inside of them with a number only. */
function pair(cert: string, key: string): string[] {
  const certificate = attempted(() => new X509Certificate(cert));
  const privateKey = attempted(() => createPrivateKey(key));
  if (certificate === undefined) return ["TLS_CERT: what stands in the file is no certificate"];
  if (privateKey === undefined) return ["TLS_KEY: what stands in the file is no private key without a password"];
  return certificate.checkPrivateKey(privateKey) ? [] : ["TLS_KEY: not the key of the certificate in TLS_CERT"];
}

function attempted<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined; // the caller says what is wrong, in words
  }
}

function doubts({ isSecured, insecure, apiKeys, historySize, historyBytes, maxMessageBytes }: Settings): string[] {
  const warnings: string[] = [];
  if (isSecured && insecure)
    warnings.push("INSECURE has no effect: a credential is configured, so the server is secured");
  if (isSecured && apiKeys.length === 0) warnings.push("no API_KEY is set: nobody can push over HTTP");
  if (historySize > 0 && historyBytes < maxMessageBytes) {
    warnings.push("HISTORY_BYTES is less than MAX_MESSAGE_BYTES: a message of the full size is not kept in history");
  }
  return warnings;
}

/** What says something about a store that is not there. */
function withoutEffect({ redisUrl }: Settings, changedOf: (key: string) => string | undefined): string[] {
  const [keys, reason] =
    redisUrl === undefined
      ? [["redisPort", "redisPrefix", "redisWait"], "neither REDIS_URL nor REDIS_HOST is set"]
      : [["historyBytesTotal"], "Redis's own maxmemory bounds what all channels keep together"];
  return keys.flatMap((key) => {
    const written = changedOf(key);
    return written === undefined ? [] : [`${written} has no effect: ${reason}`];
  });
}
