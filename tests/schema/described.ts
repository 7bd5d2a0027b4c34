import type { OpenApiDocument, OperationObject, ParameterObject } from "../../server/http/docs/documents.ts";
import { check, type Schema } from "./check.ts";

/** One operation of the document and its description. */
export interface Described {
  readonly method: string;
  readonly path: string;
  /** `POST /v1/publish` */
  readonly name: string;
  readonly operation: OperationObject;
}

export interface CheckMode {
  /** Whether members that the document does not describe are faults. */
  readonly isStrict: boolean;
}

/** The OpenAPI document that the server returned. Requests and answers are checked against it. */
export class ApiUnderTest {
  readonly document: OpenApiDocument;
  readonly operations: readonly Described[];

  constructor(document: OpenApiDocument) {
    this.document = document;
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([verb, operation]) => {
        const method = verb.toUpperCase();
        return { method, path, name: `${method} ${path}`, operation };
      }),
    );
  }

  /** @throws Error for a name that the document does not have */
  operation(name: string): Described {
    const found = this.operations.find((it) => it.name === name);
    if (found === undefined) throw new Error(`the document has no ${name}`);
    return found;
  }

  /** The violations of this schema of the document by a value. */
  faultsOf(schema: object, value: unknown, { isStrict }: CheckMode = { isStrict: true }): readonly string[] {
    return check(schema as Schema, value, { resolve: (ref) => resolveRef(this.document, ref), isStrict });
  }

  /** The violations in an answer: an undocumented status, type or code, or a body that does not match its schema. */
  async faultsIn({ operation }: Described, response: Response): Promise<readonly string[]> {
    const { status } = response;
    const documented = operation.responses[String(status)];
    if (documented === undefined) return [`status ${status} is not documented: ${await response.text()}`];
    const [type = ""] = (response.headers.get("Content-Type") ?? "").split(";");
    if (documented.content === undefined) return [];
    const content = documented.content[type];
    if (content === undefined) return [`${status}: type ${type} is not documented`];
    if (type === "text/event-stream") return []; // A stream does not end. Another test checks its frames.
    const text = await response.text();
    if (!type.endsWith("json")) return this.faultsOf(content.schema, text);
    const value: unknown = JSON.parse(text);
    return [...this.faultsOf(content.schema, value), ...undocumentedCode(type, value, content.examples ?? {})];
  }
}

/** The error codes of a status: the document has an example for each. */
function undocumentedCode(type: string, value: unknown, examples: object): readonly string[] {
  if (type !== "application/problem+json") return [];
  const { code, detail } = value as { code: string; detail: string };
  return code in examples ? [] : [`code ${code} is not documented: ${detail}`];
}

/** @throws Error if a reference does not resolve */
export function resolveRef(document: object, ref: string): Schema {
  const parts = ref.replace(/^#\//, "").split("/");
  const found = parts.reduce<unknown>((value, part) => (value as Schema | undefined)?.[part], document);
  if (typeof found !== "object" || found === null) throw new Error(`${ref} does not resolve`);
  return found as Schema;
}

/** Every reference in a document. */
export function refsIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === "$ref" && typeof member === "string" ? [member] : refsIn(member),
  );
}

/** The path of an operation's example request. `values` replace the examples of parameters. */
export function exampleUrl({ path, operation }: Described, values: Readonly<Record<string, string>> = {}): string {
  const parameters = operation.parameters ?? [];
  const textOf = ({ name, example }: ParameterObject) => values[name] ?? (example === undefined ? "" : String(example));
  const whole = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = parameters.find((it) => it.in === "path" && it.name === name);
    return encodeURIComponent(parameter === undefined ? "" : textOf(parameter));
  });
  const query = new URLSearchParams();
  for (const it of parameters) if (it.in === "query" && textOf(it) !== "") query.set(it.name, textOf(it));
  return query.size === 0 ? whole : `${whole}?${query}`;
}

/** The example bodies of a request. A single undefined if it has none. */
export function exampleBodies({ operation }: Described): readonly { readonly type?: string; readonly body?: string }[] {
  const contents = Object.entries(operation.requestBody?.content ?? {});
  if (contents.length === 0) return [{}];
  return contents.flatMap(([type, { examples = {} }]) =>
    Object.values(examples).map(({ value }) => ({
      type,
      body: type === "text/plain" ? String(value) : JSON.stringify(value),
    })),
  );
}
