import { type ErrorCode, errorTable } from "../../../protocol/errors.ts";
import { type Answer, type Contents, type Operation, type Parameter, tags } from "../../api/about/about.ts";
import { components } from "../../api/about/components.ts";
import { ref } from "../../api/about/schemas.ts";
import { problemOf } from "../respond.ts";
import { cookieNames } from "../session-cookie.ts";
import { bodyErrors } from "./body-errors.ts";
import type { ContentObject, OpenApiDocument, OperationObject, ParameterObject, ResponseObject } from "./documents.ts";

/** The settings of the server that appear in the documents. */
export interface DocumentSettings {
  readonly isSecured: boolean;
  /** Whether clients may connect without a user. */
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
    description: "The same key. It wins if both headers are present.",
  },
  token: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "A user's token, for clients.",
  },
  tokenQuery: {
    type: "apiKey",
    in: "query",
    name: "token",
    description: "The same token, for clients that cannot send headers.",
  },
  session: {
    type: "apiKey",
    in: "cookie",
    name: cookieNames.https,
    description: `The same token in the cookie of \`POST /v1/session\`, for browsers. Over http it is named \`${cookieNames.http}\`.`,
  },
} as const;

function introduction({ isSecured, maxBodyBytes, maxMessageBytes }: DocumentSettings): string {
  const mode = isSecured
    ? "This server is secured: operations with a scope require a key that has it, and receiving may require a user's token."
    : "This server is open: it requires no key.";
  return `POST a message, and one user, a channel or everyone has it in milliseconds.

${mode} A request body may have at most ${maxBodyBytes} bytes; the \`message\`, \`data\` and \`headers\` of one publication may together have at most ${maxMessageBytes}, in UTF-8. Limits in characters count UTF-16 code units, so an emoji counts as two.

The server responds with 2xx only after the publication is stored. Errors are \`${problemType}\` (RFC 9457) with a \`code\`; if a retry may succeed, the response has \`Retry-After\`. An unknown path is \`not-found\`, a known path with another method \`method-not-allowed\`.`;
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
 * `POST /v1/channels/{channel}/messages` → `post_v1_channels_channel_messages`. If configured paths result in the same id, the
 * later one gets a number.
 */
function freeName({ method, path }: Operation, taken: ReadonlySet<string>): string {
  const name = `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`.replace(/_$/, "");
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}_${number}`;
  return free;
}

/** All errors of an operation, including those of its kind. */
export function errorsOf({ method, scope, forClients, about }: Operation): readonly ErrorCode[] {
  const needsKey = scope !== undefined && about.credential === undefined;
  const codes: ErrorCode[] = ["forbidden", "internal"]; // Origin and Host checks, and bugs
  if (needsKey) codes.push("unauthorized");
  if (forClients) codes.push("token-expired", "keys-unavailable");
  if (needsKey && about.request !== undefined) codes.push(...bodyErrors);
  if (takesNoBody({ method, about })) codes.push("bad-json", "invalid-field", ...bodyErrors); // one with fields
  if (about.parameters?.some((it) => it.in === "query")) codes.push("bad-request"); // one that is there twice
  return [...new Set([...codes, ...(about.errors ?? [])])];
}

/** See `refuseBody`. */
function takesNoBody({ method, about }: Pick<Operation, "method" | "about">): boolean {
  return method !== "GET" && about.request === undefined;
}

function security({ scope, forClients, about }: Operation, settings: DocumentSettings): OperationObject["security"] {
  const { isSecured, anonymous, trustUserId } = settings;
  if (about.credential === "token") {
    if (!isSecured) return [{}]; // an open server rejects tokens
    const tokens = [{ token: [] }, { tokenQuery: [] }, { session: [] }];
    return anonymous || trustUserId ? [{}, ...tokens] : tokens;
  }
  if (about.credential === "user") return [{ token: [] }, { session: [] }];
  if (scope === undefined) return [];
  const users = forClients ? [{ token: [] }, { session: [] }] : [];
  const keys = [{ key: [scope] }, { keyHeader: [scope] }, ...users];
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

/** Status → response, with one example per error code. */
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
