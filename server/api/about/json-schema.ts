/** The part of JSON Schema (2020-12) that the documents use. Both OpenAPI 3.1 and AsyncAPI 3.0 support it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | false;
  readonly maxProperties?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: true;
  readonly const?: string | number | boolean;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: "date-time";
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly default?: string | number | boolean;
}

export type JsonType = "string" | "number" | "integer" | "boolean" | "null" | "array" | "object";

type Schemas<Name extends PropertyKey> = { readonly [N in Name]: JsonSchema };
type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
type RequiredKeys<T> = Exclude<keyof T, OptionalKeys<T>>;

/** An object with required and optional members. */
export function object(
  required: Readonly<Record<string, JsonSchema>>,
  optional: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  return { type: "object", properties: { ...required, ...optional }, required: Object.keys(required) };
}

/** The schema of a TypeScript type. It does not compile if its members, or which of them are optional, differ from the type. */
export function shape<T extends object>(
  ...[required, optional]: OptionalKeys<T> extends never
    ? [Schemas<RequiredKeys<T>>]
    : [Schemas<RequiredKeys<T>>, Schemas<OptionalKeys<T>>]
): JsonSchema {
  return object({ ...required }, { ...optional });
}

export function text(description: string, rules: Omit<JsonSchema, "type" | "description"> = {}): JsonSchema {
  return { type: "string", description, ...rules };
}

/** A text of 1 to `max` characters, none of them a control character. */
export function shortText(description: string, max: number): JsonSchema {
  return text(description, { minLength: 1, maxLength: max, pattern: "^[^\\u0000-\\u001f\\u007f]*$" });
}

export function whole(description: string, rules: Omit<JsonSchema, "type" | "description"> = {}): JsonSchema {
  return { type: "integer", description, minimum: 0, ...rules };
}

export function flag(description: string, otherwise?: boolean): JsonSchema {
  return { type: "boolean", description, ...(otherwise === undefined ? {} : { default: otherwise }) };
}

export function list(
  description: string,
  items: JsonSchema,
  rules: Pick<JsonSchema, "minItems" | "maxItems" | "uniqueItems"> = {},
): JsonSchema {
  return { type: "array", description, items, ...rules };
}

/** ISO 8601 in UTC with milliseconds. */
export function time(description: string): JsonSchema {
  return text(description, { format: "date-time" });
}
