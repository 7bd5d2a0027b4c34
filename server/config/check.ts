import { ApiKeys } from "../auth/api-key.ts";
import { makeTokenVerifier } from "../auth/token.ts";
import { privateAddressIn } from "../hooks/public-address.ts";
import { HookSecrets } from "../hooks/signature.ts";
import { readCertificate } from "../http/certificate.ts";
import { formatByteSize } from "../lib/byte-size.ts";
import { TrustedProxies } from "../lib/client-address.ts";
import { formatDuration } from "../lib/duration.ts";
import { parseRedisUrl } from "../lib/redis/address.ts";
import { tooLittleMemory } from "../limits/memory-limit.ts";
import { tracesUrl } from "../telemetry/open-tracing.ts";
import { pairsOf } from "../telemetry/pairs.ts";
import type { Settings } from "./settings.ts";
import type { ConfigInputs } from "./sources.ts";

/** The result of the checks. */
export interface Checked {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Dependencies of the checks. */
export interface CheckInputs {
  /** The name under which an option (by its key) was set, such as `--port`; undefined if it was not set. */
  writtenOf(key: string): string | undefined;
  /** The same, but also undefined if the option was set to its default value. */
  changedOf(key: string): string | undefined;
  readonly readText: ConfigInputs["readText"];
}

/** Checks the rules that involve more than one option, files or the platform. */
export function checkSettings(settings: Settings, { writtenOf, changedOf, readText }: CheckInputs): Checked {
  const problems = [
    ...storage(settings, writtenOf),
    ...processes(settings, process.platform),
    ...reach(settings, writtenOf("host") ?? "HOST"),
    ...credentials(settings),
    ...times(settings, writtenOf),
    ...sizes(settings),
    ...paths(settings),
    ...ports(settings),
    ...hooks(settings),
    ...tls(settings, readText),
    ...telemetry(settings),
  ];
  const warnings = [...suspicious(settings), ...tooLittleMemory(settings), ...withoutEffect(settings, changedOf)];
  return { problems, warnings };
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || /^127(\.[0-9]{1,3}){3}$/.test(name);
}

/** Redis keeps the history for all machines, so there must be no second history. */
function storage(settings: Settings, writtenOf: (key: string) => string | undefined): string[] {
  const { redisUrl, dataDir } = settings;
  const written = writtenOf("redisUrl") ?? writtenOf("redisHost") ?? "REDIS_URL";
  if (redisUrl === undefined) return [];
  const address = parseRedisUrl(redisUrl);
  const problems = typeof address === "string" ? [`${written}: ${address}`] : [];
  if (dataDir !== undefined) {
    problems.push(
      `${writtenOf("dataDir") ?? "DATA_DIR"} and ${written}: history is stored in one place only; set only one of them`,
    );
  }
  if (writtenOf("redisUrl") !== undefined && writtenOf("redisHost") !== undefined) {
    problems.push(`${writtenOf("redisHost")} and ${written}: both name a Redis server; set only one of them`);
  }
  return problems;
}

/** Only on Linux several processes can share a port. */
function processes({ workers }: Settings, platform: string): string[] {
  if (platform === "linux" || typeof workers !== "number" || workers === 1) return [];
  return [`WORKERS: expected 1 or auto, because several processes can share a port only on Linux; got ${workers}`];
}

/** An open server may listen on loopback only. At least one kind of client must be able to connect. */
function reach(settings: Settings, writtenHost: string): string[] {
  const { isSecured, insecure, host, trustUserId, anonymous } = settings;
  const problems: string[] = [];
  if (!isSecured && !insecure && !isLoopback(host)) {
    problems.push(
      `${writtenHost}: no credential is configured, so anyone who can reach ${host} could do anything: set API_KEY (and JWT_SECRET, ` +
        "JWT_PUBLIC_KEY or JWKS_URL for users), or pass --insecure (INSECURE=on)",
    );
  }
  if (!acceptsTokens(settings) && !trustUserId && !anonymous) {
    problems.push(
      "no client could connect: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL to accept tokens, ANONYMOUS=on to accept clients " +
        "without a user, or TRUST_USER_ID=on to accept ?user_id=",
    );
  }
  return problems;
}

function acceptsTokens({ jwtSecret, jwtPublicKey, jwksUrl }: Settings): boolean {
  return jwtSecret !== undefined || jwtPublicKey !== undefined || jwksUrl !== undefined;
}

/** Credentials and proxies. Their own parsers report the problems, which name the setting and never contain a key. */
function credentials({ apiKeys, isSecured, trustedProxies, jwtSecret, jwtPublicKey, jwksUrl }: Settings): string[] {
  return [
    () => new ApiKeys(apiKeys, { isSecured }),
    () => makeTokenVerifier({ secret: jwtSecret, publicKey: jwtPublicKey, jwksUrl }),
    () => new TrustedProxies(trustedProxies),
  ].flatMap(problemOf);
}

function problemOf(attempt: () => unknown): string[] {
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

function sizes({ maxMessageBytes, maxBodyBytes, historyBytes, historyBytesTotal, ...rest }: Settings): string[] {
  const problems: string[] = [];
  const noticeBytes = rest.notificationIntervalMs > 0 ? Buffer.byteLength(rest.notificationMessage) : 0;
  if (noticeBytes > maxMessageBytes) {
    const most = `MAX_MESSAGE_BYTES (${formatByteSize(maxMessageBytes)})`;
    problems.push(`NOTIFICATION_MESSAGE has ${noticeBytes} bytes: expected at most ${most}`);
  }
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

/** The server's own paths, which a configured path must not hide. */
const ownPaths =
  /^\/$|^\/(sse|health|livez|readyz|metrics|openapi\.json|asyncapi\.json|docs|client(\.[0-9a-f]+)?\.js)$|^\/(v1|admin|page)(\/|$)/;

function paths({ wsPath, ssePath, sseBatchPath }: Settings): string[] {
  const all = { WS_PATH: wsPath, SSE_PATH: ssePath, SSE_BATCH_PATH: sseBatchPath };
  const seen = new Map<string, string>();
  return Object.entries(all).flatMap(([name, path]) => {
    const other = seen.get(path);
    seen.set(path, name);
    if (other !== undefined) return [`${name}: ${path} is already used by ${other}; choose another path`];
    if (URL.parse(`http://host${path}`)?.pathname !== path) {
      return [`${name}: no client can request ${path}, because URLs resolve . and ..; choose another path`];
    }
    // WS_PATH may be /, because WebSocket handshakes are accepted there anyway.
    const isTaken = ownPaths.test(path) && !(name === "WS_PATH" && path === "/");
    return isTaken ? [`${name}: ${path} is used by the server itself; choose another path`] : [];
  });
}

/** 0 chooses a free port, so it can be there twice. */
function ports({ port, opsPort }: Settings): string[] {
  return port === opsPort && port !== 0 ? [`OPS_PORT: ${port} is already used by PORT; choose another port`] : [];
}

/** Hooks are signed, go to public addresses unless allowed, and are asked by the rules that leave the decision to them. */
function hooks(settings: Settings): string[] {
  const { connectHookUrl, subscribeHookUrl, webhookUrl, hookSecret, hookPrivateAddresses, channelRules } = settings;
  const urls = Object.entries({
    CONNECT_HOOK_URL: connectHookUrl,
    SUBSCRIBE_HOOK_URL: subscribeHookUrl,
    WEBHOOK_URL: webhookUrl,
  });
  const used = urls.flatMap(([name, url]) => (url === undefined ? [] : [{ name, url }]));
  const problems = problemOf(() => new HookSecrets(hookSecret));
  for (const { name, url } of used) {
    const target = URL.parse(url);
    if (hookSecret.length === 0) problems.push(`${name} is set without HOOK_SECRET, which signs the requests`);
    if (target === null) problems.push(`${name}: expected a URL, got ${JSON.stringify(url)}`);
    else if (!hookPrivateAddresses && privateAddressIn(target)) {
      problems.push(`${name}: ${target.hostname} is not a public address: set HOOK_PRIVATE_ADDRESSES=on to allow it`);
    }
  }
  const asking = channelRules.find(({ subscribe }) => subscribe === "hook");
  if (asking !== undefined && subscribeHookUrl === undefined) {
    problems.push(
      `the rule for ${JSON.stringify(asking.match)} says subscribe: hook, so SUBSCRIBE_HOOK_URL must be set`,
    );
  }
  return problems;
}

function tls(settings: Settings, readText: ConfigInputs["readText"]): string[] {
  const { tlsCert, tlsKey, tlsClientCa } = settings;
  if (tlsCert === undefined && tlsKey !== undefined) return ["TLS_KEY is set without TLS_CERT: both are needed"];
  if (tlsCert !== undefined && tlsKey === undefined) return ["TLS_CERT is set without TLS_KEY: both are needed"];
  if (tlsCert === undefined && tlsClientCa !== undefined) {
    return ["TLS_CLIENT_CA is set without TLS_CERT and TLS_KEY: clients send a certificate only over TLS"];
  }
  return problemOf(() => readCertificate(settings, readText));
}

/** Checks the encoding, which the patterns of these settings cannot. No value is shown, because headers are secret. */
function telemetry({ otelExporterOtlpHeaders, otelResourceAttributes }: Settings): string[] {
  const lists = {
    OTEL_EXPORTER_OTLP_HEADERS: otelExporterOtlpHeaders,
    OTEL_RESOURCE_ATTRIBUTES: otelResourceAttributes,
  };
  return Object.entries(lists).flatMap(([name, pairs]) =>
    problemOf(() => pairsOf(pairs)).map(() => `${name}: expected percent-encoded UTF-8 after each %`),
  );
}

function suspicious({
  isSecured,
  insecure,
  apiKeys,
  historySize,
  historyBytes,
  maxMessageBytes,
  ...rest
}: Settings): string[] {
  const warnings: string[] = [];
  if (rest.jwksUrl !== undefined && rest.jwtAudience === undefined) {
    warnings.push(
      "JWKS_URL is set without JWT_AUDIENCE: every token that this provider signs is accepted, also those for other services",
    );
  }
  if (rest.jwksUrl !== undefined && rest.jwtIssuer === undefined) {
    warnings.push("JWKS_URL is set without JWT_ISSUER: tokens of every tenant of that key set are accepted");
  }
  if (isSecured && insecure)
    warnings.push("INSECURE has no effect: a credential is configured, so the server is secured");
  if (isSecured && apiKeys.length === 0) warnings.push("no API_KEY is set: nobody can push over HTTP");
  if (historySize > 0 && historyBytes < maxMessageBytes) {
    warnings.push(
      "HISTORY_BYTES is less than MAX_MESSAGE_BYTES: messages of the maximum size are not stored in history",
    );
  }
  return warnings;
}

/** Settings of something that is not used. */
function withoutEffect(settings: Settings, changedOf: (key: string) => string | undefined): string[] {
  const { redisUrl, connectHookUrl, subscribeHookUrl, webhookUrl, channelRules } = settings;
  const asksApplication = connectHookUrl !== undefined || subscribeHookUrl !== undefined;
  const unused: [keys: readonly string[], reason: string][] = [];
  if (redisUrl === undefined) {
    unused.push([["redisPort", "redisPrefix", "redisWait"], "neither REDIS_URL nor REDIS_HOST is set"]);
  }
  if (!acceptsTokens(settings)) {
    const reason = "no tokens are accepted: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL";
    unused.push([["jwtIssuer", "jwtAudience", "cookieSameSite"], reason]);
  }
  if (settings.tlsCert === undefined) unused.push([["tlsMinVersion"], "TLS_CERT is not set"]);
  if (!asksApplication) {
    unused.push([["hookTimeout", "hookFailure"], "neither CONNECT_HOOK_URL nor SUBSCRIBE_HOOK_URL is set"]);
  }
  if (webhookUrl === undefined) {
    const keys = ["Events", "Channels", "Timeout", "RetryTime", "QueueSize", "QueueBytes"].map((it) => `webhook${it}`);
    unused.push([keys, "WEBHOOK_URL is not set"]);
  }
  if (!channelRules.some(({ subscribe }) => subscribe === "hook")) {
    unused.push([["subscribeHookUrl"], "no channel rule says subscribe: hook"]);
  }
  if (tracesUrl(settings) === undefined) {
    const keys = [
      "ExporterOtlpHeaders",
      "ExporterOtlpProtocol",
      "ExporterOtlpTimeout",
      "TracesSampler",
      "TracesSamplerArg",
    ];
    unused.push([
      keys.map((it) => `otel${it}`),
      "no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT is not set, or they are switched off",
    ]);
  } else if (!settings.otelTracesSampler.endsWith("traceidratio")) {
    unused.push([["otelTracesSamplerArg"], "OTEL_TRACES_SAMPLER is neither traceidratio nor parentbased_traceidratio"]);
  }
  return unused.flatMap(([keys, reason]) =>
    keys.flatMap((key) => {
      const written = changedOf(key);
      return written === undefined ? [] : [`${written} has no effect: ${reason}`];
    }),
  );
}
