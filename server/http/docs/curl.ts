import type { OperationObject, ParameterObject } from "./documents.ts";

/** The request line of an operation. */
export interface RequestLine {
  readonly method: string;
  readonly path: string;
  /** Such as `http://127.0.0.1:8000`. */
  readonly origin: string;
}

/** A POSIX shell command that runs the operation with its first example. */
export function curlOf(operation: OperationObject, { method, path, origin }: RequestLine): string {
  const { requestBody, responses } = operation;
  const isStream = responses[200]?.content?.["text/event-stream"] !== undefined;
  const words = [`curl ${isStream ? "-N " : ""}${quoted(origin + filled(path, operation))}`];
  const [body] = Object.entries(requestBody?.content ?? {});
  // curl's defaults: GET, and POST if there is a body.
  if (method !== (body === undefined ? "get" : "post")) words.push(`-X ${method.toUpperCase()}`);
  const credential = credentialOf(operation);
  if (credential !== undefined) words.push(`-H "Authorization: Bearer $${credential}"`);
  if (body !== undefined) words.push(...bodyWords(...body));
  return words.join(" \\\n  ");
}

/** Quotes a text as one shell word. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The variable with the credential of this operation; undefined if none is required. */
function credentialOf({ security }: OperationObject): "API_KEY" | "TOKEN" | undefined {
  const [first] = security;
  if (first === undefined || Object.keys(first).length === 0) return undefined;
  return "token" in first ? "TOKEN" : "API_KEY";
}

function bodyWords(
  type: string,
  { examples = {} }: { readonly examples?: Readonly<Record<string, { value: unknown }>> },
) {
  const [example] = Object.values(examples);
  // For plain text, curl's default Content-Type is good enough.
  if (typeof example?.value === "string" && type === "text/plain") return [`-d ${quoted(example.value)}`];
  return [`-H ${quoted(`Content-Type: ${type}`)}`, `-d ${quoted(JSON.stringify(example?.value))}`];
}

/** The path and query, filled with the examples of the parameters. */
function filled(path: string, operation: OperationObject): string {
  const parameters = operation.parameters ?? [];
  const whole = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const found = parameters.find((it) => it.in === "path" && it.name === name);
    return encodeURIComponent(String(found?.example ?? name));
  });
  // If a token is required, it determines the user.
  const isShown = ({ name }: ParameterObject) => name !== "user_id" || credentialOf(operation) !== "TOKEN";
  const query = parameters
    .filter((it) => it.in === "query" && it.example !== undefined && isShown(it))
    .map(({ name, example }) => `${name}=${encodeURIComponent(String(example)).replaceAll("%3A", ":")}`);
  return query.length === 0 ? whole : `${whole}?${query.join("&")}`;
}
