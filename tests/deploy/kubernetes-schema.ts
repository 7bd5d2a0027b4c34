import type { Schema } from "../schema/check.ts";

const text: Schema = { type: "string", minLength: 1 };
const count: Schema = { type: "integer", minimum: 0 };
const flag: Schema = { type: "boolean" };
const texts: Schema = { type: "object", properties: {}, additionalProperties: text };
const list = (items: Schema): Schema => ({ type: "array", minItems: 1, items });

/** An object with these fields and no others. Fields with a `?` are optional. */
function fields(described: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(described).map(([name, schema]) => [name.replace("?", ""), schema] as const);
  const required = Object.keys(described).filter((name) => !name.endsWith("?"));
  return { type: "object", required, properties: Object.fromEntries(entries), additionalProperties: false };
}

const metadata = fields({ name: text, "labels?": texts });
const selector = fields({ matchLabels: texts });
const http = fields({ path: { type: "string", pattern: "^/" }, port: text });
const probe = fields({ httpGet: http, "periodSeconds?": count, "timeoutSeconds?": count, "failureThreshold?": count });
const quantities = fields({ "cpu?": text, "memory?": text });

const container = fields({
  name: text,
  image: text,
  ports: list(fields({ name: text, containerPort: count })),
  envFrom: list(fields({ secretRef: fields({ name: text }) })),
  env: list(fields({ name: text, value: { type: "string" } })),
  lifecycle: fields({ preStop: fields({ exec: fields({ command: list(text) }) }) }),
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
  resources: fields({ requests: quantities, limits: quantities }),
  securityContext: fields({
    allowPrivilegeEscalation: flag,
    readOnlyRootFilesystem: flag,
    capabilities: fields({ drop: list(text) }),
  }),
  volumeMounts: list(fields({ name: text, mountPath: text })),
});

const pod = fields({
  terminationGracePeriodSeconds: count,
  automountServiceAccountToken: flag,
  enableServiceLinks: flag,
  securityContext: fields({ runAsNonRoot: flag, runAsUser: count, seccompProfile: fields({ type: text }) }),
  containers: list(container),
  volumes: list(fields({ name: text, emptyDir: { type: "object" } })),
});

const object = (apiVersion: string, kind: string, more: Readonly<Record<string, Schema>>): Schema =>
  fields({ apiVersion: { const: apiVersion }, kind: { const: kind }, metadata, ...more });

/**
 * The fields of the Kubernetes API that deploy/kubernetes.yaml uses, by kind, with their types. Written by hand from the API
 * reference, since the tests use no network: so a misspelt or misplaced field is found, and nothing is proven about others.
 */
export const kindSchemas: Readonly<Record<string, Schema>> = {
  Secret: object("v1", "Secret", { type: text, stringData: texts }),
  Deployment: object("apps/v1", "Deployment", {
    spec: fields({
      replicas: count,
      strategy: fields({ type: text, rollingUpdate: fields({ maxSurge: count, maxUnavailable: count }) }),
      selector,
      template: fields({ metadata: fields({ labels: texts }), spec: pod }),
    }),
  }),
  Service: object("v1", "Service", {
    spec: fields({ selector: texts, ports: list(fields({ name: text, port: count, targetPort: text })) }),
  }),
  PodDisruptionBudget: object("policy/v1", "PodDisruptionBudget", { spec: fields({ minAvailable: count, selector }) }),
};
