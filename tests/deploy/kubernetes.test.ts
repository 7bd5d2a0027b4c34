import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { examineSettings } from "../../server/config/load.ts";
import { declarations } from "../../server/config/options.ts";
import { startServer } from "../e2e/server.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { check } from "../schema/check.ts";
import { kindSchemas } from "./kubernetes-schema.ts";

// biome-ignore lint/suspicious/noExplicitAny: the schema above is what describes these objects.
type Manifest = any;

const root = join(import.meta.dir, "..", "..");
const read = (file: string) => readFileSync(join(root, "deploy", file), "utf8");

function parse(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

const faultsOf = (manifest: Manifest) =>
  check(kindSchemas[manifest.kind] ?? { const: "a known kind" }, manifest, {
    resolve: () => ({}),
    isStrict: true,
  });

const manifests = parse(read("kubernetes.yaml"));
const kind = (name: string): Manifest => manifests.find((it) => it.kind === name);
const pod = kind("Deployment").spec.template.spec;
const [container] = pod.containers;
const env: Readonly<Record<string, string>> = {
  // Set by the image.
  HOST: "0.0.0.0",
  ...kind("Secret").stringData,
  ...Object.fromEntries(container.env.map((it: Manifest) => [it.name, it.value])),
};

/** In place of those that an operator has to replace. */
const secrets: Readonly<Record<string, string>> = {
  API_KEY: "77b2c0de93a14f6508e1",
  JWT_SECRET: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
};

const folder = mkdtempSync(join(tmpdir(), "fanfare-deploy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the manifests are a Secret, a Deployment, a Service and a PodDisruptionBudget, without unknown fields", () => {
  expect(manifests.map((it) => it.kind)).toEqual(["Secret", "Deployment", "Service", "PodDisruptionBudget"]);
  expect(manifests.flatMap(faultsOf)).toEqual([]);
});

test.each([
  ["misspelt", "readinessProbe", "readynessProbe", ".readynessProbe is not allowed"],
  ["in the wrong place", "      terminationGracePeriodSeconds: 120\n", "", "lacks terminationGracePeriodSeconds"],
  ["of the wrong type", "replicas: 2", 'replicas: "2"', "replicas is not of type integer"],
])("a field that is %s is found", (_, from, to, fault) => {
  const faults = parse(read("kubernetes.yaml").replace(from, to)).flatMap(faultsOf);
  expect(faults).toContainEqual(expect.stringContaining(fault));
});

test("selectors, ports, volumes and the secret refer to what exists", () => {
  const { labels } = kind("Deployment").spec.template.metadata;
  const selectors = [kind("Deployment"), kind("PodDisruptionBudget")].map((it) => it.spec.selector.matchLabels);
  expect([...selectors, kind("Service").spec.selector]).toEqual([labels, labels, labels]);
  const ports = container.ports.map((it: Manifest) => it.name);
  const used = [container.startupProbe, container.livenessProbe, container.readinessProbe].map((it) => it.httpGet.port);
  expect(ports).toEqual(expect.arrayContaining([...used, kind("Service").spec.ports[0].targetPort]));
  expect(pod.volumes.map((it: Manifest) => it.name)).toEqual(container.volumeMounts.map((it: Manifest) => it.name));
  expect(container.envFrom[0].secretRef.name).toBe(kind("Secret").metadata.name);
});

test("the settings exist and are valid, and the ports are those of the server", () => {
  const known = declarations.flatMap(({ names, fileNames }) => [...names, ...fileNames]);
  expect(Object.keys(env).filter((name) => !known.includes(name))).toEqual([]);
  const examine = (its: typeof env) =>
    examineSettings({ env: its, flags: new Map(), configPath: undefined, readText: () => undefined });
  const examined = examine({ ...env, ...secrets });
  expect(examined.problems).toEqual([]);
  // Without other values, the server refuses to start.
  expect(examine(env).problems.map(String)).toEqual([
    expect.stringMatching(/^API_KEY.*placeholder/),
    expect.stringMatching(/^JWT_SECRET.*placeholder/),
  ]);
  const { port, opsPort } = examined.settings;
  expect(container.ports.map((it: Manifest) => it.containerPort)).toEqual([port, opsPort]);
  // Closing the last clients takes up to 5 s after SHUTDOWN_TIMEOUT.
  expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(examined.settings.shutdownTimeoutMs + 10_000);
});

test("a new pod is ready before an old one stops, and a pod stays when nodes are drained", () => {
  const { replicas, strategy } = kind("Deployment").spec;
  expect(strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  expect(kind("PodDisruptionBudget").spec.minAvailable).toBeLessThan(replicas);
  expect(kind("Secret").stringData).toHaveProperty("REDIS_URL"); // otherwise two pods would be two servers
});

test("the preStop hook drains a server with these settings, and the SIGTERM after it is not a second signal", async () => {
  const { REDIS_URL: _, OPS_PORT: __, HOST: ___, ...settings } = { ...env, ...secrets };
  const short = { DRAIN_DELAY: "0", DRAIN_WINDOW: "1s", NOTICES: "off", ANONYMOUS: "on" };
  await using server = await startServer({ env: { ...settings, ...short, TMPDIR: folder } });
  const client = await SocketUnderTest.open(server.wsUrl);
  const [program, ...args] = container.lifecycle.preStop.exec.command;
  await using hook = Bun.spawn([program, ...args], {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", TMPDIR: folder, PORT: String(server.port), ...settings },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await client.until(({ event }) => event === "draining");
  server.signal("SIGTERM");
  client.send({ type: "ping", ref: 1 });
  expect(await client.until(({ ref }) => ref === 1)).toMatchObject({ type: "pong" });
  client.close();
  expect(await Promise.all([hook.exited, server.exited])).toEqual([0, 0]);
  expect(server.output).toContain('"forced":0');
});
