import { closeTable } from "../../protocol/close-codes.ts";
import { errorTable } from "../../protocol/errors.ts";

/** The page of all error codes. */
export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { status, retry, meaning }]) => `| \`${code}\` | ${status} | ${retry ? "yes" : "no"} | ${meaning} |`,
  );
  return page("Errors", [
    "Every error has one of these codes. HTTP responses carry it in the field `code` of a problem details object (RFC 9457);",
    'over WebSocket it is a frame `{"type":"error","code":…,"message":…}`. The message says what was wrong and what was',
    "expected. *Retry* says whether the same request may succeed later; `retry_after_ms` or the header `Retry-After` say when.",
    "An error frame has `retry_after_ms` if and only if a retry may succeed. 0 means: retry with growing delays.",
    "",
    "| code | status | retry | meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
    "The codes that close a connection are in [close-codes.md](close-codes.md).",
  ]);
}

/** The page of all close codes. */
export function closeCodesPage(): string {
  const rows = Object.values(closeTable)
    .toSorted((one, other) => one.code - other.code)
    .map(
      ({ code, reconnect, reason }) =>
        `| ${code} | ${code === 1000 ? "optional" : reconnect ? "yes" : "no"} | ${reason} |`,
    );
  return page("Close codes", [
    "The server closes a WebSocket with one of these codes. *Reconnect* says whether a client should reconnect, with",
    "exponential backoff and jitter as in the SDK. Of codes that are not listed, those below 4500 mean yes, from 4500 on no.",
    "",
    "| code | reconnect | reason |",
    "|---|---|---|",
    ...rows,
    "",
    "Errors that do not close the connection are in [errors.md](errors.md).",
  ]);
}

function page(title: string, lines: readonly string[]): string {
  return [
    `# ${title}`,
    "",
    "<!-- Generated from the tables in protocol/ by `npm run generate`. Edit the tables, not this page. -->",
    "",
    ...lines,
    "",
  ].join("\n");
}
