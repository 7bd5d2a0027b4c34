import { must } from "./target.ts";

/** Everything that common readers treat as the end of a line, such as Python's `splitlines`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds
const lineEnds = /[\u0000-\u001f\u0085\u2028\u2029]/;

/** Checks a line of output that others split by lines. @throws Error */
export function checkOneLine(line: string, what: string): void {
  must(!lineEnds.test(line), `${what} is one line for every reader: ${JSON.stringify(line.slice(0, 200))}`);
}

/** Checks a write of an event stream: only fields that the server writes, each on one line. @throws Error */
export function checkEventStream(text: string): void {
  for (const line of text.split("\n")) {
    must(
      line === "" || /^(?:data|id|event|retry): |^:/.test(line),
      `a stream has only known fields: ${JSON.stringify(line)}`,
    );
    checkOneLine(line, "a line of a stream");
    if (line.startsWith("data: ")) JSON.parse(line.slice("data: ".length));
  }
}

/** Whether text survives UTF-8: lone surrogates do not. */
export function isWellFormed(text: string): boolean {
  return text === text.toWellFormed();
}
