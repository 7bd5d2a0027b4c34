import { type ErrorCode, errorTable } from "../../../protocol/errors.ts";
import { type Answer, type Contents, type Operation, type Parameter, tags } from "../../api/about/about.ts";
import { components, ref } from "../../api/about/schemas.ts";
import { problemOf } from "../respond.ts";
import type { ContentObject, OpenApiDocument, OperationObject, ParameterObject, ResponseObject } from "./documents.ts";

/** What both documents say of the server they stand on. */
export interface DocumentSettings {
  readonly isSecured: boolean;
  /** Whether clients may connect without a user, or with one that no token proves. */
  readonly anonymous: boolean;
  readonly trustUserId: boolean;
  /** Bytes of one HTTP body. */
  readonly maxBodyBytes: number;
  /** Bytes of one publication. */
  readonly maxMessageBytes: number;
  readonly version: string;
}

const problemType = "application/problem+json";

/** An OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html) of these operations. */
export function openApi(operations: readonly Operation[], settings: DocumentSettings): OpenApiDocument {
  const paths: Record<string, Record<string, OperationObject>> = {};
  const names = new Set<string>();
  for (const operation of operations) {
    const item = paths[operation.path] ?? {};
    const operationId = freeName(operation, names);
    names.add(operationId);
    item[operation.method.toLowerCase()] = { operationId, ...describe(operation, settings) };
    paths[operation.path] = item;
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Fanfare",
      version: settings.version,
      summary: "Real-time push server.",
      description: introduction(settings),
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: components, securitySchemes },
  };
}

const securitySchemes = {
  key: { type: "http", scheme: "bearer", description: "A key of API_KEY, as `Authorization: Bearer <key>`." },
  keyHeader: {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
    description: "The same key; it wins where both are there.",
  },
  token: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "A user's token: for receiving, and wherever it stands beside a key.",
  },
  tokenQuery: {
    type: "apiKey",
    in: "query",
    name: "token",
    description: "The same token, for clients that cannot send headers.",
  },
} as const;

function introduction({ isSecured, maxBodyBytes, maxMessageBytes }: DocumentSettings): string {
  const mode = isSecured
    ? "This server is secured: what names a scope wants a key that has it, and receiving may want a user's token."
    : "This server is open: no key is configured, and none is asked for.";
  return `POST a message, and one user, a channel or everyone has it in milliseconds.

${mode} A body holds at most ${maxBodyBytes} bytes, the \`message\`, \`data\` and \`headers\` of one publication together at most ${maxMessageBytes}, in UTF-8. Where characters are counted, those beyond the first 65536 of Unicode (emoji among them) count as two.

An answer with 2xx comes after the publication is stored, never before. Refusals are \`${problemType}\` (RFC 9457) with a \`code\`; those that may pass by themselves carry \`Retry-After\`. A path that does not exist is \`not-found\`, one with another method \`method-not-allowed\`.`;
}

function describe(operation: Operation, settings: DocumentSettings): Omit<OperationObject, "operationId"> {
  const { summary, about } = operation;
  const { details, parameters, request, answers } = about;
  const responses = Object.entries(answers).map(([status, answer]) => [status, response(answer)]);
  return {
    tags: [about.tag],
    summary,
    ...(details === undefined ? {} : { description: details }),
    ...(parameters === undefined ? {} : { parameters: parameters.map(parameter) }),
    ...(request === undefined ? {} : { requestBody: { required: true, content: contents(request) } }),
    responses: { ...Object.fromEntries(responses), ...refusals(errorsOf(operation)) },
    security: security(operation, settings),
  };
}

/**
 * `POST /v1/channels/{channel}/messages` → `post_v1_channels_channel_messages`. Paths that are configured may look alike
 * without their signs: then the later one gets a number.
 */
function freeName({ method, path }: Operation, taken: ReadonlySet<string>): string {
  const name = `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`.replace(/_$/, "");
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}_${number}`;
  return free;
}

/** All refusals that an operation knows, those of its kind included. */
export function errorsOf({ scope, forClients, about }: Operation): readonly ErrorCode[] {
  const needsKey = scope !== undefined && about.credential === undefined;
  const codes: ErrorCode[] = ["forbidden", "internal"]; // of the border, and of faults
  if (needsKey) codes.push("unauthorized");
  if (forClients) codes.push("token-expired");
  if (needsKey && about.request !== undefined) codes.push("bad-request", "too-large", "request-timeout");
  return [...new Set([...codes, ...(about.errors ?? [])])];
}

function security({ scope, forClients, about }: Operation, settings: DocumentSettings): OperationObject["security"] {
  const { isSecured, anonymous, trustUserId } = settings;
  if (about.credential === "token") {
    if (!isSecured) return [{}]; // it checks no tokens, so one that comes is refused
    const tokens = [{ token: [] }, { tokenQuery: [] }];
    return anonymous || trustUserId ? [{}, ...tokens] : tokens;
  }
  if (scope === undefined) return [];
  const keys = [{ key: [scope] }, { keyHeader: [scope] }, ...(forClients ? [{ token: [] }] : [])];
  return isSecured && about.credential !== "optional" ? keys : [{}, ...keys];
}

function parameter({ required, example, ...rest }: Parameter): ParameterObject {
  return { ...rest, ...(required ? { required } : {}), ...(example === undefined ? {} : { example }) };
}

function response({ description, contents: given }: Answer): ResponseObject {
  return { description, ...(given === undefined ? {} : { content: contents(given) }) };
}

function contents(given: Contents): ContentObject {
  return Object.fromEntries(
    Object.entries(given).map(([type, { schema, examples }]) => [
      type,
      { schema, ...(examples === undefined ? {} : { examples: wrapped(examples) }) },
    ]),
  );
}

function wrapped(examples: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
}

/** Status → response, with one example for each code that has it. */
function refusals(codes: readonly ErrorCode[]): OperationObject["responses"] {
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  return Object.fromEntries(
    Array.from(byStatus, ([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${errorTable[code].meaning}`).join("\n\n"),
        content: {
          [problemType]: {
            schema: ref("Problem"),
            examples: wrapped(
              Object.fromEntries(group.map((code) => [code, problemOf(code, errorTable[code].meaning)])),
            ),
          },
        },
      },
    ]),
  );
}
