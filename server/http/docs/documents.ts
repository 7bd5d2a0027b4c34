import type { JsonSchema } from "../../api/about/json-schema.ts";

/** The parts of an OpenAPI 3.1 document that ours uses. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Info & { readonly summary: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** Path → method in lower case → operation. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

interface Info {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  readonly license: { readonly name: string; readonly identifier?: string };
}

export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly ParameterObject[];
  readonly requestBody?: { readonly required: boolean; readonly content: ContentObject };
  readonly responses: Readonly<Record<string, ResponseObject>>;
  /** A request needs one of these; `{}` means none. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

export interface ParameterObject {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
  readonly example?: string | number;
}

export interface ResponseObject {
  readonly description: string;
  readonly content?: ContentObject;
}

/** Media type → content. */
export type ContentObject = Readonly<Record<string, MediaObject>>;

export interface MediaObject {
  readonly schema: JsonSchema;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

/** The parts of an AsyncAPI 3.0 document that ours uses. */
export interface AsyncApiDocument {
  readonly asyncapi: string;
  readonly info: Info;
  readonly defaultContentType: string;
  readonly servers: Readonly<
    Record<string, { readonly host: string; readonly protocol: string; readonly description: string }>
  >;
  readonly channels: {
    readonly socket: {
      readonly address: string;
      readonly summary: string;
      readonly messages: Readonly<Record<string, Reference>>;
      readonly bindings: object;
    };
  };
  readonly operations: Readonly<Record<string, AsyncOperationObject>>;
  readonly components: {
    readonly messages: Readonly<Record<string, MessageObject>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
}

export interface AsyncOperationObject {
  readonly action: "send" | "receive";
  readonly channel: Reference;
  readonly summary: string;
  readonly messages: readonly Reference[];
  readonly reply?: { readonly channel: Reference; readonly messages: readonly Reference[] };
}

export interface MessageObject {
  readonly name: string;
  readonly summary: string;
  readonly contentType?: string;
  readonly payload: JsonSchema;
  readonly examples: readonly { readonly payload: unknown }[];
}

export interface Reference {
  readonly $ref: string;
}
