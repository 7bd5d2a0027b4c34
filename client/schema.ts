/**
 * The part of the Standard Schema interface (version 1) that is used here. zod, valibot, arktype and others implement it, so
 * the SDK depends on none of them.
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Never present at run time; carries the types. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/**
 * Checks a received or published value; without a schema every value is valid.
 * @throws TypeError that says what is wrong. Asynchronous schemas are refused, because messages would overtake each other
 */
export function checkData(schema: Schema | undefined, value: unknown): unknown {
  if (!schema) return value;
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) throw new TypeError("a schema must answer at once");
  if (result.issues) throw new TypeError(result.issues.map((issue) => issue.message).join("; "));
  return result.value;
}
