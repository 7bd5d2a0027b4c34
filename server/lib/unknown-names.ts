import { ServiceError } from "../../protocol/errors.ts";
import { nearest } from "./nearest.ts";

/** A name of the request that the server does not know: of a field, or of a parameter in the URL. */
export type NameKind = "field" | "parameter";

/** More are counted only, so that a request of thousands of names gets a short answer. */
const maxNamed = 5;
const maxShown = 60;

/**
 * One sentence for each name that is not among the known ones: `unknown field "chanel". Did you mean "channel"?`. Most slips
 * of the keyboard are such names, and a request that ignored them would do something else than what was meant.
 * See docs/decisions/unknown-names.md for where this is a warning and where a refusal.
 */
export function unknownNames(given: Iterable<string>, known: readonly string[], kind: NameKind): readonly string[] {
  const names = [...new Set(given)].filter((name) => !known.includes(name));
  const sentences = names.slice(0, maxNamed).map((name) => `unknown ${kind} ${quoted(name)}. ${hint(name, known)}`);
  if (names.length <= maxNamed) return sentences;
  return [...sentences, `${names.length - maxNamed} more unknown ${kind}s`];
}

/** @throws ServiceError "invalid-field" for a field, "bad-request" for a parameter, that names the first unknown one */
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
  return known.length === 0 ? "There are none here." : `Known here: ${known.join(", ")}.`;
}

function quoted(name: string): string {
  return JSON.stringify(name.length > maxShown ? `${name.slice(0, maxShown - 1)}…` : name);
}
