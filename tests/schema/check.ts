/** An unchecked JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

/** Resolves a `$ref`. */
export type Resolve = (ref: string) => Schema;

export interface CheckOptions {
  readonly resolve: Resolve;
  /** A member that no schema describes is a fault. So a document cannot omit one. */
  readonly isStrict: boolean;
}

type Rule = (wanted: never, value: unknown, context: Context) => readonly string[];

interface Context extends CheckOptions {
  readonly schema: Schema;
  readonly at: string;
}

/**
 * Lists what is wrong with a value, one line per fault. Empty for a valid value.
 * @throws Error for an unknown keyword, because ignoring it would check less than the schema says
 */
export function check(schema: Schema, value: unknown, options: CheckOptions, at = "$"): readonly string[] {
  const context: Context = { ...options, schema, at };
  const faults: string[] = [];
  for (const [keyword, wanted] of Object.entries(schema)) {
    if (silent.has(keyword)) continue;
    const rule = rules[keyword];
    if (rule === undefined) throw new Error(`${at}: the checker does not know ${keyword}`);
    faults.push(...rule(wanted as never, value, context));
  }
  return [...faults, ...(options.isStrict ? undocumented(schema, value, at) : [])];
}

/** Keywords that only inform people, or that the rule of another keyword checks. */
const silent = new Set(["description", "default", "example", "examples", "title"]);

const rules: Readonly<Record<string, Rule>> = {
  $ref: (ref: string, value, context) => check(context.resolve(ref), value, context, context.at),
  type: (type: string | readonly string[], value, { at }) =>
    fault(![type].flat().some((name) => isOfType(value, name)), at, `is not of type ${String(type)}`),
  const: (only, value, { at }) => fault(value !== only, at, `is not ${JSON.stringify(only)}`),
  enum: (choices: readonly unknown[], value, { at }) => fault(!choices.includes(value), at, `is not one of ${choices}`),
  pattern: (pattern: string, value, { at }) =>
    fault(typeof value === "string" && !new RegExp(pattern, "u").test(value), at, `does not match ${pattern}`),
  format: (format: string, value, { at }) => {
    if (format !== "date-time") throw new Error(`${at}: the checker does not know the format ${format}`);
    return fault(typeof value === "string" && !isoTime.test(value), at, `is not a valid ${format}`);
  },
  minLength: (min: number, value, { at }) => fault(typeof value === "string" && value.length < min, at, "is too short"),
  maxLength: (max: number, value, { at }) => fault(typeof value === "string" && value.length > max, at, "is too long"),
  minimum: (min: number, value, { at }) => fault(typeof value === "number" && value < min, at, "is too small"),
  maximum: (max: number, value, { at }) => fault(typeof value === "number" && value > max, at, "is too large"),
  minItems: (min: number, value, { at }) => fault(Array.isArray(value) && value.length < min, at, "has too few"),
  maxItems: (max: number, value, { at }) => fault(Array.isArray(value) && value.length > max, at, "has too many"),
  uniqueItems: (_: true, value, { at }) =>
    fault(
      Array.isArray(value) && new Set(value.map((it) => JSON.stringify(it))).size < value.length,
      at,
      "repeats an item",
    ),
  maxProperties: (max: number, value, { at }) =>
    fault(isObject(value) && Object.keys(value).length > max, at, "has too many members"),
  required: (names: readonly string[], value, { at }) =>
    isObject(value) ? names.filter((name) => !(name in value)).map((name) => `${at} lacks ${name}`) : [],
  properties: (properties: Readonly<Record<string, Schema>>, value, context) =>
    members(value).flatMap(([name, member]) => {
      const schema = properties[name];
      return schema === undefined ? [] : check(schema, member, context, `${context.at}.${name}`);
    }),
  additionalProperties: (schema: Schema | false, value, context) =>
    members(value)
      .filter(([name]) => !(name in propertiesOf(context.schema)))
      .flatMap(([name, member]) =>
        schema === false
          ? [`${context.at}.${name} is not allowed`]
          : check(schema, member, context, `${context.at}.${name}`),
      ),
  items: (schema: Schema, value, context) =>
    Array.isArray(value) ? value.flatMap((item, index) => check(schema, item, context, `${context.at}[${index}]`)) : [],
  anyOf: (schemas: readonly Schema[], value, context) => some(schemas, value, context, (count) => count > 0),
  oneOf: (schemas: readonly Schema[], value, context) => some(schemas, value, context, (count) => count === 1),
};

const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

function some(
  schemas: readonly Schema[],
  value: unknown,
  context: Context,
  isEnough: (count: number) => boolean,
): readonly string[] {
  const found = schemas.map((schema) => check(schema, value, context, context.at));
  const fits = found.filter((faults) => faults.length === 0).length;
  return isEnough(fits) ? [] : [`${context.at} fits ${fits} of ${schemas.length}: ${found.flat().join("; ")}`];
}

/**
 * Only a schema that has `properties` describes all members. `anyOf` next to `properties` only says which of them are
 * required.
 */
function undocumented({ properties, additionalProperties }: Schema, value: unknown, at: string): readonly string[] {
  if (!isObject(properties) || additionalProperties !== undefined) return [];
  return members(value)
    .filter(([name]) => !(name in properties))
    .map(([name]) => `${at}.${name} is not documented`);
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return Number.isInteger(value);
  if (!["string", "number", "boolean"].includes(type)) throw new Error(`the checker does not know the type ${type}`);
  return typeof value === type;
}

function members(value: unknown): readonly [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function propertiesOf({ properties }: Schema): Schema {
  return isObject(properties) ? properties : {};
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(isFault: boolean, at: string, text: string): readonly string[] {
  return isFault ? [`${at} ${text}`] : [];
}
