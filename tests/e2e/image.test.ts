import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { freePort } from "../../scripts/free-port.js";
import { parseDuration } from "../../server/lib/duration.ts";
import { childEnv } from "../child-env.ts";
import { ImageFolder, readImagePlan } from "../docs/image.ts";
import { root } from "../docs/page.ts";

const plan = readImagePlan();

const apiKey = "the-key-of-a-test-of-the-image-7";

describe("the image, as far as it can be tested without building it", () => {
  test("copies files that exist, and none that .dockerignore excludes", () => {
    const kept = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
    for (const { source } of plan.copies) {
      expect(existsSync(join(root, source))).toBe(true);
      expect(kept).toContain(`!${source}`);
    }
  });

  test("runs as an unprivileged user", () => {
    expect(plan.user).toBe("node");
  });

  test("refuses to start without a key, and says why", async () => {
    using folder = new ImageFolder(plan);
    expect(plan.env.HOST).toBe("0.0.0.0");
    const run = start(folder, {});
    expect(await new Response(run.stderr).text()).toContain("set API_KEY");
    expect(await run.exited).toBe(2);
  });

  test.each([
    ["OPS_PORT, which does not use TLS", { OPS_PORT: "0" }],
    ["PORT with TLS", {}],
  ])("is healthy while it serves with TLS: %s", async (_, env) => {
    using folder = new ImageFolder(plan);
    const { cert, key } = makeCertificate(folder.path);
    const opsPort = "OPS_PORT" in env ? { OPS_PORT: String(await freePort()) } : {};
    const settings = {
      API_KEY: apiKey,
      ANONYMOUS: "on",
      HOST: "127.0.0.1",
      PORT: "0",
      TLS_CERT: cert,
      TLS_KEY: key,
      ...opsPort,
    };
    const run = start(folder, settings);
    const port = await portOf(run.stdout);
    expect(await checkHealth(folder, { PORT: port, ...opsPort })).toBe(0);
    run.kill("SIGTERM");
    expect(await run.exited).toBe(0);
    expect(await checkHealth(folder, { PORT: port, ...opsPort })).toBe(1);
  });

  test("starts with its own files and production packages, is healthy, and stops on SIGTERM", async () => {
    using folder = new ImageFolder(plan);
    const credentials = { API_KEY: apiKey, JWT_SECRET: "a-secret-that-only-this-test-has" };
    const run = start(folder, { ...credentials, HOST: "127.0.0.1", PORT: "0" });
    const port = await portOf(run.stdout);
    expect(await checkHealth(folder, { PORT: port })).toBe(0);
    // Made from the sources when it is requested.
    expect((await fetch(`http://127.0.0.1:${port}/client.js`)).status).toBe(200);
    run.kill("SIGTERM");
    expect(await run.exited).toBe(0);
    expect(await checkHealth(folder, { PORT: port })).toBe(1);
  });
});

describe("compose.yaml", () => {
  const { services } = parse(readFileSync(join(root, "compose.yaml"), "utf8")) as {
    readonly services: { readonly fanfare: Service };
  };
  const { fanfare } = services;

  test("restarts it, checks its health, and gives it ten seconds more than SHUTDOWN_TIMEOUT to stop", () => {
    const { environment, restart, healthcheck, stop_grace_period } = fanfare;
    expect(restart).toBe("unless-stopped");
    expect(healthcheck.test).toEqual(["CMD", ...plan.healthCheck]);
    const roomMs = (parseDuration(stop_grace_period) ?? 0) - (parseDuration(environment.SHUTDOWN_TIMEOUT ?? "") ?? 0);
    expect(roomMs).toBe(10_000);
  });

  test("does not start without its secrets", () => {
    for (const name of ["API_KEY", "JWT_SECRET"]) expect(fanfare.environment[name]).toStartWith(`\${${name}:?`);
  });
});

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly restart: string;
  readonly stop_grace_period: string;
  readonly healthcheck: { readonly test: readonly string[] };
}

function start({ path }: ImageFolder, env: Record<string, string>) {
  return Bun.spawn([...plan.command], {
    cwd: path,
    env: childEnv({ ...plan.env, ...env }),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function checkHealth({ path }: ImageFolder, env: Record<string, string>): Promise<number> {
  return Bun.spawn([...plan.healthCheck], {
    cwd: path,
    env: childEnv({ ...plan.env, ...env }),
    stdio: ["ignore", "ignore", "ignore"],
  }).exited;
}

function makeCertificate(folder: string) {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const out = ["-keyout", key, "-out", cert];
  // For another host name, as behind a domain.
  Bun.spawnSync([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "1",
    "-subj",
    "/CN=example",
    ...out,
  ]);
  return { cert, key };
}

async function portOf(log: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of log) {
    text += decoder.decode(chunk, { stream: true });
    const [, port] = /Listening on wss?:\/\/\S+:(\d+)\//.exec(text) ?? [];
    if (port !== undefined) return port;
  }
  throw new Error(`it ended without a port: ${text}`);
}
