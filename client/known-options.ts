import { nearest } from "../protocol/nearest.ts";

/**
 * Programs in JavaScript have no types, and an option that is ignored does something else than intended.
 *
 * @param call the function that received the options, such as `createClient`
 * @throws TypeError that names the first unknown option, and the one that was probably meant
 */
export function refuseUnknownOptions(call: string, given: object | undefined, known: readonly string[]): void {
  const unknown = Object.keys(given ?? {}).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const guess = nearest(unknown, known);
  const hint = guess === undefined ? `Options: ${known.join(", ")}.` : `Did you mean "${guess}"?`;
  throw new TypeError(`${call}: unknown option ${JSON.stringify(unknown.slice(0, 60))}. ${hint}`);
}

/** The names of all options of a type: a name that is missing, or too much, does not compile. */
export type OptionTable<Options> = Readonly<Record<KeyOf<Options>, true>>;

/** Also of a union. */
type KeyOf<Options> = Options extends unknown ? keyof Options : never;
