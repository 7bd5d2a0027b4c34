import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { isLoopback } from "./check.ts";
import { examineSettings } from "./load.ts";

const key = "5f3a9c1e7b2d4068";
const secret = "a secret of more than 32 bytes, for tests";
const pem = "-----BEGIN CERTIFICATE-----";
/** A certificate for localhost, made for these tests. Its key was not kept. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUaBZxLGiJQV3pnh1nOaXJNfhUSYEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA4MjYyM1oYDzIxMjYxMDI4
MDgyNjIzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASTBVzV56DK+pK7U8bjHNjAEovG0BGVLEK4hhTYEl8zwgkT9P5ulAPz
q06c6d9uSd6885+A6G4FIKpkTmw9JBcKo1MwUTAdBgNVHQ4EFgQUmMUn6m1huh6/
erwiSWf2dJC0dv8wHwYDVR0jBBgwFoAUmMUn6m1huh6/erwiSWf2dJC0dv8wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAuKnLoc8xKQmZkCJ2FYZZ
aEnwpgG3TITGpdQAqAEXYS8CIGZIsZ4ddbUHywu81d3pEZLMkDXXKYmaeuUPLyr9
L9Vk
-----END CERTIFICATE-----`;

function examine(env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) {
  return examineSettings({ env, flags: new Map(), configPath: undefined, readText: (path) => files[path] });
}

const problemsOf = (env: Readonly<Record<string, string>>, files?: Readonly<Record<string, string>>) =>
  examine(env, files).problems;

describe("an open server", () => {
  test.each([["127.0.0.1"], ["127.8.9.1"], ["localhost"], ["::1"], ["[::1]"]])("may listen on %s", (host) => {
    expect(isLoopback(host)).toBe(true);
    expect(problemsOf({ HOST: host })).toEqual([]);
  });

  test.each([["0.0.0.0"], ["::"], ["192.168.1.5"], ["127.0.0.1.example.com"], ["localhost.example.com"]])(
    "may not listen on %s, and the error names both solutions",
    (host) => {
      expect(isLoopback(host)).toBe(false);
      const [problem = "", ...others] = problemsOf({ HOST: host });
      expect(others).toEqual([]);
      expect(problem).toStartWith("HOST: ");
      for (const solution of ["API_KEY", "JWT_SECRET", "--insecure", "INSECURE=on"])
        expect(problem).toContain(solution);
    },
  );

  test("may listen anywhere with INSECURE", () => {
    expect(problemsOf({ HOST: "0.0.0.0", INSECURE: "on" })).toEqual([]);
  });
});

describe("a secured server", () => {
  test.each([
    [{ JWT_SECRET: secret }],
    [{ API_KEY: key, JWT_SECRET: secret }],
    [{ API_KEY: key, ANONYMOUS: "on" }],
    [{ API_KEY: key, TRUST_USER_ID: "on" }],
    [{ JWKS_URL: "https://id.example.com/keys" }],
  ])("may listen anywhere: %j", (env) => {
    expect(problemsOf({ HOST: "0.0.0.0", ...env })).toEqual([]);
  });

  test("that no client could connect to is an error that says what to set", () => {
    const [problem = ""] = problemsOf({ API_KEY: key });
    expect(problem).toStartWith("no client could connect: ");
    for (const solution of ["JWT_SECRET", "JWT_PUBLIC_KEY", "JWKS_URL", "ANONYMOUS=on", "TRUST_USER_ID=on"]) {
      expect(problem).toContain(solution);
    }
  });

  test("without a key warns that nobody can push", () => {
    expect(examine({ JWT_SECRET: secret }).warnings).toContain("no API_KEY is set: nobody can push over HTTP");
  });

  test.each([
    [{ API_KEY: "short" }, /^API_KEY, key 1: expected at least 16 characters/],
    [{ API_KEY: `${key},reed@${key}x` }, /^API_KEY, key 2: expected only scopes/],
    [{ API_KEY: `${key},${key}` }, /^API_KEY: the same key is listed twice/],
    [{ JWT_SECRET: "short" }, /^JWT_SECRET: expected at least 32 bytes/],
  ])("with an unusable credential is an error: %j", (env, problem) => {
    expect(problemsOf({ ANONYMOUS: "on", ...env })).toEqual([expect.stringMatching(problem)]);
  });
});

test("TRUSTED_PROXIES must be valid addresses", () => {
  expect(problemsOf({ TRUSTED_PROXIES: "10.0.0.0/8, ::1" })).toEqual([]);
  expect(problemsOf({ TRUSTED_PROXIES: "999.1" })).toEqual([
    'TRUSTED_PROXIES: expected addresses or ranges such as 10.0.0.0/8, got "999.1"',
  ]);
});

describe("certificate and key", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

  test.each([
    ["the key of another certificate", other, "TLS_KEY: not the key of the certificate in TLS_CERT"],
    ["no key", certificate, "TLS_KEY: expected a private key without a password in the file"],
  ])("must belong together: %s", (_, key, problem) => {
    expect(problemsOf({ TLS_CERT: "c", TLS_KEY: "k" }, { c: certificate, k: key })).toEqual([problem]);
  });
});

describe("rules between settings", () => {
  test.each([
    [{ DRAIN_WINDOW: "60", SHUTDOWN_TIMEOUT: "60" }, { DRAIN_WINDOW: "61", SHUTDOWN_TIMEOUT: "60" }, "DRAIN_WINDOW"],
    [{ DRAIN_DELAY: "59", SHUTDOWN_TIMEOUT: "60" }, { DRAIN_DELAY: "60", SHUTDOWN_TIMEOUT: "60" }, "DRAIN_DELAY"],
    [{ MAX_MESSAGE_BYTES: "1MiB" }, { MAX_MESSAGE_BYTES: "1048577" }, "MAX_MESSAGE_BYTES"],
    [
      { HISTORY_BYTES: "2MiB", HISTORY_BYTES_TOTAL: "2MiB" },
      { HISTORY_BYTES: "3MiB", HISTORY_BYTES_TOTAL: "2MiB" },
      "HISTORY_BYTES",
    ],
  ])("accept the limit and reject the next value: %j, %j", (atLimit, past, name) => {
    expect(problemsOf(atLimit)).toEqual([]);
    expect(problemsOf(past)).toEqual([
      expect.stringMatching(new RegExp(`^${name} \\(.*\\): expected (at most|less than)`)),
    ]);
  });

  test.each([
    [{ WS_PATH: "/x", SSE_PATH: "/x" }, "SSE_PATH: /x is already used by WS_PATH; choose another path"],
    [{ WS_PATH: "/health" }, "WS_PATH: /health is used by the server itself; choose another path"],
    [{ SSE_PATH: "/v1/push" }, "SSE_PATH: /v1/push is used by the server itself; choose another path"],
    [{ SSE_PATH: "/" }, "SSE_PATH: / is used by the server itself; choose another path"],
    ...["/admin", "/admin/x", "/page/main.js", "/client.js", "/client.0f3a.js", "/asyncapi.json", "/sse", "/v1"].map(
      (path) => [{ WS_PATH: path }, `WS_PATH: ${path} is used by the server itself; choose another path`] as const,
    ),
    ...["/..", "/a/../b", "/a/."].map((path) => {
      const reason = "because URLs resolve . and ..; choose another path";
      return [{ SSE_PATH: path }, `SSE_PATH: no client can request ${path}, ${reason}`] as const;
    }),
    [{ OPS_PORT: "8000" }, "OPS_PORT: 8000 is already used by PORT; choose another port"],
  ])("are refused if paths or ports collide: %j", (env, problem) => {
    expect(problemsOf(env)).toEqual([problem]);
  });

  test("WS_PATH may be /, where WebSockets are accepted anyway", () => {
    expect(problemsOf({ WS_PATH: "/" })).toEqual([]);
  });

  test.each([
    [{ TLS_CERT: "c" }, { c: pem }, "TLS_CERT is set without TLS_KEY: both are needed"],
    [{ TLS_KEY: "k" }, { k: pem }, "TLS_KEY is set without TLS_CERT: both are needed"],
    [{ TLS_CERT: "c", TLS_KEY: "k" }, { c: pem }, 'TLS_KEY: expected the path of a PEM file, got "k"'],
    [{ TLS_CERT: "c", TLS_KEY: "k" }, { c: "x", k: pem }, 'TLS_CERT: expected the path of a PEM file, got "c"'],
    [{ TLS_CERT: "c", TLS_KEY: "k" }, { c: pem, k: pem }, "TLS_CERT: expected a certificate in the file"],
  ])("require certificate and key together: %j", (env, files, problem) => {
    expect(problemsOf(env, files)).toEqual([problem]);
  });
});

describe("hooks", () => {
  const HOOK_SECRET = "whsec_oC0hdAwDWHq2xC4vTkVTCpRlSz8AOx4/hDZjf9ONn/8=";
  const CONNECT_HOOK_URL = "https://app.example.com/connect";
  const SUBSCRIBE_HOOK_URL = "https://app.example.com/subscribe";
  const rules = { "fanfare.config.yaml": "channels: [{ match: 'a', subscribe: hook }]" };
  const secured = { API_KEY: key, ANONYMOUS: "on" };

  test("may be public URLs with a secret", () => {
    expect(examine({ ...secured, HOOK_SECRET, CONNECT_HOOK_URL, SUBSCRIBE_HOOK_URL }, rules)).toMatchObject({
      problems: [],
      warnings: [],
    });
  });

  test.each([
    [{ CONNECT_HOOK_URL }, "CONNECT_HOOK_URL is set without HOOK_SECRET"],
    [{ HOOK_SECRET: "whsec_short" }, "HOOK_SECRET: expected whsec_ and 24 to 64 bytes"],
    [{ HOOK_SECRET, CONNECT_HOOK_URL: "https://u:p@app.example.com/" }, "without a user or password"],
    [{ HOOK_SECRET, CONNECT_HOOK_URL: "ftp://app.example.com/" }, "CONNECT_HOOK_URL: expected a URL such as"],
    [{ HOOK_SECRET, CONNECT_HOOK_URL: "http://10.0.0.1/" }, "10.0.0.1 is not a public address"],
    [{ HOOK_SECRET, CONNECT_HOOK_URL: "http://2130706433/" }, "127.0.0.1 is not a public address"],
    [{ HOOK_SECRET, SUBSCRIBE_HOOK_URL: "http://localhost:80/" }, "localhost is not a public address"],
    [{ HOOK_TIMEOUT: "1ms" }, "HOOK_TIMEOUT: expected a time from 100ms"],
  ])("with %j are an error: %s", (env, problem) => {
    expect(problemsOf({ ...secured, ...env }).join()).toContain(problem);
  });

  test("may be private URLs on an open server, or if a setting says so", () => {
    const env = { HOOK_SECRET, CONNECT_HOOK_URL: "http://127.0.0.1:9000/" };
    expect([problemsOf(env), problemsOf({ ...secured, ...env, HOOK_PRIVATE_ADDRESSES: "on" })]).toEqual([[], []]);
  });

  test("that a rule depends on must be set, and one without such a rule has no effect", () => {
    expect(problemsOf(secured, rules)).toEqual([
      'the rule for "a" says subscribe: hook, so SUBSCRIBE_HOOK_URL must be set',
    ]);
    expect(examine({ ...secured, HOOK_SECRET, SUBSCRIBE_HOOK_URL }).warnings).toEqual([
      "SUBSCRIBE_HOOK_URL has no effect: no channel rule says subscribe: hook",
    ]);
    expect(examine({ ...secured, HOOK_FAILURE: "allow" }).warnings).toEqual([
      "HOOK_FAILURE has no effect: neither CONNECT_HOOK_URL nor SUBSCRIBE_HOOK_URL is set",
    ]);
  });
});

describe("traces", () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318";

  test("have settings with text in UTF-8, and no message shows a header", () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: "authorization=%FFsecret" };
    expect(problemsOf(env)).toEqual(["OTEL_EXPORTER_OTLP_HEADERS: expected percent-encoded UTF-8 after each %"]);
    expect(problemsOf({ OTEL_EXPORTER_OTLP_HEADERS: "secret" }).join()).not.toMatch(/got|"secret"/);
    expect(problemsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })).toEqual([
      'OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf or http/json, got "grpc"',
    ]);
  });

  test("have settings that are reported if they have no effect", () => {
    const share = { OTEL_TRACES_SAMPLER_ARG: "0.1" };
    const unset = "no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT is not set, or they are switched off";
    const none = "OTEL_TRACES_SAMPLER is neither traceidratio nor parentbased_traceidratio";
    expect(examine(share).warnings).toEqual([`OTEL_TRACES_SAMPLER_ARG has no effect: ${unset}`]);
    expect(examine({ ...share, OTEL_EXPORTER_OTLP_ENDPOINT }).warnings).toEqual([
      `OTEL_TRACES_SAMPLER_ARG has no effect: ${none}`,
    ]);
    const used = { ...share, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: "parentbased_traceidratio" };
    expect(examine(used).warnings).toEqual([]);
    expect(examine({ OTEL_SERVICE_NAME: "push" }).warnings).toEqual([]); // often set for all programs of a machine
  });
});

describe("settings of tokens and TLS without either", () => {
  const tokens = "no tokens are accepted: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL";

  test.each([
    [{ JWT_ISSUER: "https://id.example.com" }, `JWT_ISSUER has no effect: ${tokens}`],
    [{ JWT_AUDIENCE: "chat" }, `JWT_AUDIENCE has no effect: ${tokens}`],
    [{ COOKIE_SAME_SITE: "lax" }, `COOKIE_SAME_SITE has no effect: ${tokens}`],
    [{ TLS_MIN_VERSION: "1.3" }, "TLS_MIN_VERSION has no effect: TLS_CERT is not set"],
  ])("have no effect, which a start logs: %j", (env, warning) => {
    expect(examine(env)).toMatchObject({ problems: [], warnings: [warning] });
    const { warnings } = examine({ ...env, JWT_SECRET: secret });
    expect(warnings.includes(warning)).toBe(warning.includes("TLS_CERT"));
  });
});

test("a periodic message that is too large is refused, and one that is never sent is not", () => {
  const env = { NOTIFICATION_MESSAGE: "é".repeat(200), MAX_MESSAGE_BYTES: "300" };
  expect(problemsOf(env)).toEqual(["NOTIFICATION_MESSAGE has 400 bytes: expected at most MAX_MESSAGE_BYTES (300)"]);
  expect(problemsOf({ ...env, NOTIFICATION_INTERVAL: "0" })).toEqual([]);
});
