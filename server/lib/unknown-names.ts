import { ServiceError } from "../../protocol/errors.ts";
import { nearest } from "../../protocol/nearest.ts";

/** The kind of an unknown name in a request. */
export type NameKind = "field" | "parameter";

/** Further names are only counted, so that the answer stays short. */
const maxNamed = 5;
const maxShown = 60;

/**
 * One sentence for each unknown name: `unknown field "chanel". Did you mean "channel"?`. Most are typing errors, and a request
 * that ignored them would do something else than intended.
 * docs/decisions/unknown-names.md says where this is a warning and where an error.
 */
export function unknownNames(given: Iterable<string>, known: readonly string[], kind: NameKind): readonly string[] {
  const unknown = new Set<string>();
  for (const name of given) if (!known.includes(name)) unknown.add(name);
  if (unknown.size === 0) return none;
  const names = [...unknown];
  const sentences = names.slice(0, maxNamed).map((name) => `unknown ${kind} ${quoted(name)}. ${hint(name, known)}`);
  if (names.length <= maxNamed) return sentences;
  return [...sentences, `${names.length - maxNamed} more unknown ${kind}s`];
}

/** Shared, because nearly all requests have no unknown names. */
const none: readonly string[] = [];

/** @throws ServiceError "invalid-field" for a field, "bad-request" for a parameter. Names the first unknown one */
export function refuseUnknownNames(given: Iterable<string>, known: readonly string[], kind: NameKind): void {
  for (const name of given) {
    if (known.includes(name)) continue;
    const [sentence = ""] = unknownNames([name], known, kind);
    const code = kind === "field" ? "invalid-field" : "bad-request";
    throw new ServiceError(code, sentence, { field: name.slice(0, maxShown) });
  }
}

function hint(name: string, known: readonly string[]): string {
  const guess = nearest(name, known);
  if (guess !== undefined) return `Did you mean ${quoted(guess)}?`;
  return known.length === 0 ? "None are allowed here." : `Allowed here: ${known.join(", ")}.`;
}

function quoted(name: string): string {
  return JSON.stringify(name.length > maxShown ? `${name.slice(0, maxShown - 1)}…` : name);
}
