import { closeTable } from "../../protocol/close-codes.ts";
import { errorTable } from "../../protocol/errors.ts";

/** The page of all refusals. */
export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { status, retry, meaning }]) => `| \`${code}\` | ${status} | ${retry ? "yes" : "no"} | ${meaning} |`,
  );
  return page("Errors", [
    "Whatever is refused is refused with one of these codes: over HTTP as problem details (RFC 9457) in the field `code`,",
    'over WebSocket as a frame `{"type":"error","code":…,"message":…}`. The message names what was wrong and what would',
    "be right. *Again* says whether the same request may succeed later; `retry_after_ms` or the header `Retry-After` say when.",
    "",
    "| code | status | again | what it means |",
    "|---|---|---|---|",
    ...rows,
    "",
    "How a connection ends is in [close-codes.md](close-codes.md).",
  ]);
}

/** The page of all ways a connection ends. */
export function closeCodesPage(): string {
  const rows = Object.values(closeTable)
    .toSorted((one, other) => one.code - other.code)
    .map(
      ({ code, reconnect, reason }) =>
        `| ${code} | ${code === 1000 ? "as it likes" : reconnect ? "yes" : "no"} | ${reason} |`,
    );
  return page("Close codes", [
    "A WebSocket ends with one of these codes. *Come back* says whether a client should connect again, with the growing and",
    "scattered delays that the SDK has; a code that is not listed and below 4500 means yes, one from 4500 on means no.",
    "",
    "| code | come back | reason |",
    "|---|---|---|",
    ...rows,
    "",
    "What is refused while a connection lives is in [errors.md](errors.md).",
  ]);
}

function page(title: string, lines: readonly string[]): string {
  return [
    `# ${title}`,
    "",
    "<!-- Made from the tables in protocol/ by `npm run generate`: change them, not this page. -->",
    "",
    ...lines,
    "",
  ].join("\n");
}
