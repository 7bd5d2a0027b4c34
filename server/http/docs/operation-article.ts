import { curlOf } from "./curl.ts";
import type { ContentObject, OperationObject, ResponseObject } from "./documents.ts";
import { type Html, html, inline, type Piece, prose } from "./html.ts";
import { fieldTable, schemaTable } from "./schema-table.ts";

/** The documentation of one operation. */
export function operationArticle(method: string, path: string, operation: OperationObject, origin: string): Html {
  const { operationId, summary, description } = operation;
  return html`<article id="${operationId}">
<h3><a href="#${operationId}"><span class="method ${method}">${method.toUpperCase()}</span><code>${path}</code></a></h3>
<p>${inline(summary)} ${scopeBadge(operation)}</p>
${prose(description)}
${parametersOf(operation)}
${requestOf(operation)}
${tryOf(method, path, operation, origin)}
${Object.entries(operation.responses).map(answerOf)}
${refusalsOf(operation)}
</article>
`;
}

/** An example: text as it is, anything else as JSON. */
export function sample(value: unknown): Html {
  return html`<pre tabindex="0"><code>${typeof value === "string" ? value : readable(value)}</code></pre>`;
}

/** JSON on one line if it fits, otherwise indented. */
function readable(value: unknown): string {
  const line = JSON.stringify(value);
  return line.length <= 76 ? line : JSON.stringify(value, null, 2);
}

/** The scope that a key needs. */
function scopeBadge({ security }: OperationObject): Piece {
  const scope = security.flatMap((it) => it.key ?? [])[0];
  if (scope === undefined) return undefined;
  const isOptional = security.some((it) => Object.keys(it).length === 0);
  const orToken = security.some((it) => "token" in it) ? " or a user's token" : "";
  return html`<span class="badge">scope ${scope}${orToken}${isOptional ? " (if the server is secured)" : ""}</span>`;
}

function parametersOf({ parameters }: OperationObject): Piece {
  if (parameters === undefined) return undefined;
  const rows = parameters.map(({ name, in: place, required, schema, description }) => {
    const { description: _, ...rules } = schema;
    return {
      name,
      isRequired: required ?? false,
      schema: rules,
      note: html`${inline(description)} <span class="soft">(${place})</span>`,
    };
  });
  return html`<h4>Parameters</h4>${fieldTable(rows)}`;
}

function requestOf({ requestBody }: OperationObject): Piece {
  if (requestBody === undefined) return undefined;
  return Object.entries(requestBody.content).map(
    ([type, { schema }]) =>
      html`<h4>Body, <code>${type}</code></h4>${schemaTable(schema) ?? prose(schema.description)}`,
  );
}

function tryOf(method: string, path: string, operation: OperationObject, origin: string): Piece {
  if (operation.responses[101] !== undefined) return undefined; // curl cannot open a WebSocket
  return html`<h4>Try it</h4>${sample(curlOf(operation, { method, path, origin }))}`;
}

function answerOf([status, { description, content = {} }]: readonly [string, ResponseObject]): Piece {
  if (isRefusal(content)) return undefined;
  return html`<h4>${status}</h4><p>${inline(description)}</p>${contentOf(content)}`;
}

function contentOf(content: ContentObject): Piece {
  return Object.entries(content).map(([, { schema, examples = {} }]) => {
    const table = schemaTable(schema);
    const [first] = Object.values(examples);
    return [
      first === undefined ? "" : sample(first.value),
      table === undefined ? "" : html`<details><summary>Fields</summary>${table}</details>`,
    ];
  });
}

function refusalsOf({ responses }: OperationObject): Piece {
  const codes = Object.values(responses)
    .flatMap(({ content = {} }) => Object.keys(content["application/problem+json"]?.examples ?? {}))
    .map((code, index) => [index > 0 ? ", " : "", html`<a href="#error-${code}">${code}</a>`]);
  return codes.length === 0 ? undefined : html`<h4>Errors</h4><p>${codes}</p>`;
}

function isRefusal(content: ContentObject): boolean {
  return "application/problem+json" in content;
}
