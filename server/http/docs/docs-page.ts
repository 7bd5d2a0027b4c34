import { createHash } from "node:crypto";
import { closeTable } from "../../../protocol/close-codes.ts";
import { errorTable } from "../../../protocol/errors.ts";
import { commonHeaders } from "../respond.ts";
import { quoted } from "./curl.ts";
import type { AsyncApiDocument, MessageObject, OpenApiDocument } from "./documents.ts";
import { Html, html, inline, type Piece, prose } from "./html.ts";
import { operationArticle, sample } from "./operation-article.ts";
import { schemaTable } from "./schema-table.ts";
import { style } from "./style.ts";

/** The policy allows no scripts, nothing from other servers, and only the style sheet with this hash. */
export const docsHeaders = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-cache",
  "Content-Security-Policy": [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Referrer-Policy": "no-referrer",
  ...commonHeaders,
};

/** Both documents as one HTML page. */
export function docsPage(api: OpenApiDocument, events: AsyncApiDocument, origin: string): string {
  const groups = api.tags.map((tag) => ({ ...tag, operations: operationsOf(api, tag.name) }));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fanfare: HTTP and WebSocket</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
</head>
<body>
<a class="skip" href="#start">Skip to content</a>
${contentsList(groups)}
<main id="start">
<h1>Fanfare</h1>
${prose(api.info.description)}
<p class="soft">Version ${api.info.version}. Machine-readable: <a href="/openapi.json">OpenAPI</a>, <a href="/asyncapi.json">AsyncAPI</a>.</p>
${quickStart(api, events, origin)}
${groups.map(
  ({ name, description, operations }) => html`<section><h2 id="${name}">${titleOf(name)}</h2><p>${description}</p>
${operations.map(({ method, path, operation }) => operationArticle(method, path, operation, origin))}</section>`,
)}
${framesSection(events)}
${schemasSection(api)}
${codesSection()}
</main>
</body>
</html>
`;
  return page.text;
}

type Group = OpenApiDocument["tags"][number] & { readonly operations: ReturnType<typeof operationsOf> };

function operationsOf({ paths }: OpenApiDocument, tag: string) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => ({ method, path, operation })),
  );
}

function titleOf(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

function contentsList(groups: readonly Group[]): Html {
  const entry = ({ method, path, operation }: Group["operations"][number]) =>
    html`<li><a href="#${operation.operationId}" title="${operation.summary}"><span class="method ${method}">${method.toUpperCase()}</span><code>${breakable(path)}</code></a></li>
`;
  const group = ({ name, operations }: Group) => html`<li><a href="#${name}">${titleOf(name)}</a><ol>
${operations.map(entry)}</ol></li>
`;
  return html`<nav aria-label="Contents"><p class="name">Fanfare</p><ol>
<li><a href="#first">First steps</a></li>
${groups.map(group)}
<li><a href="#frames">WebSocket frames</a><ol>
<li><a href="#frames-client">From the client</a></li>
<li><a href="#frames-server">From the server</a></li></ol></li>
<li><a href="#schemas">Schemas</a></li>
<li><a href="#errors">Error codes</a></li>
<li><a href="#close-codes">Close codes</a></li>
</ol></nav>`;
}

/** Allows a line break before each slash of a long path. */
function breakable(path: string): Piece {
  return path.split(/(?<=.)(?=\/)/).map((part, index) => [index > 0 ? html`<wbr>` : "", part]);
}

/** How to receive a message in one terminal and send one in another. */
function quickStart({ paths }: OpenApiDocument, { channels }: AsyncApiDocument, origin: string): Html {
  const stream = paths["/sse"]?.get;
  const isOpen = stream?.security.some((it) => Object.keys(it).length === 0) ?? false;
  const token = isOpen ? "" : ` \\\n  -H "Authorization: Bearer $TOKEN"`;
  const query = isOpen ? "?user_id=alice" : "";
  const asksForKey = Object.values(paths).some(({ post }) =>
    post?.security.every((it) => "key" in it || "keyHeader" in it),
  );
  const key = asksForKey ? ` \\\n  -H "Authorization: Bearer $API_KEY"` : "";
  const socket = `${origin.replace(/^http/, "ws")}${channels.socket.address}${query}`;
  return html`<section><h2 id="first">First steps</h2>
${asksForKey ? html`<p>The examples take the key from <code>API_KEY</code>: <code>export API_KEY=…</code>${isOpen ? "" : html`, and a user's token from <code>TOKEN</code>`}.</p>` : ""}
<p>In one terminal, receive messages:</p>
${sample(`curl -N ${quoted(`${origin}/sse${query}`)}${token}`)}
<p>In another, send a message to everyone:</p>
${sample(`curl ${quoted(`${origin}/v1/channels/all/messages`)}${key} \\\n  -d 'Hello'`)}
<p>Over a WebSocket, with any client: <code>websocat ${quoted(socket)}</code>${isOpen ? "" : html` and the token as <code>Authorization: Bearer</code>`}. Type <code>Hello</code>, or one of the frames below.</p></section>`;
}

function framesSection({ info, components, operations }: AsyncApiDocument): Html {
  const of = (side: string) =>
    Object.entries(components.messages)
      .filter(([key]) => key.startsWith(`${side}.`))
      .map(([key, message]) => frameArticle(side, message, answersTo(operations, key)));
  return html`<section><h2 id="frames">WebSocket frames</h2>${prose(info.description.split("\n\nClose codes:")[0])}
<h2 id="frames-client">Frames from the client</h2><p>The response to a command that fails is an <a href="#server-error">error</a>.</p>${of("client")}
<h2 id="frames-server">Frames from the server</h2>${of("server")}</section>`;
}

function frameArticle(side: string, { name, summary, payload, examples }: MessageObject, answers: Piece): Html {
  const id = `${side}-${name}`;
  const table = schemaTable(payload);
  const link = payload.$ref === undefined ? undefined : html`<p>All fields: <a href="#schema-Message">Message</a>.</p>`;
  return html`<article id="${id}"><h3><a href="#${id}"><code>${name}</code></a></h3><p>${inline(summary)}</p>
${examples.map(({ payload: example }) => sample(example))}${answers}${link}
${table === undefined ? "" : html`<details><summary>Fields</summary>${table}</details>`}</article>
`;
}

/** Links to the responses other than an error. */
function answersTo(operations: AsyncApiDocument["operations"], key: string): Piece {
  const operation = Object.values(operations).find((it) => it.messages.some(({ $ref }) => $ref.endsWith(`/${key}`)));
  const names = (operation?.reply?.messages ?? []).map(({ $ref }) => $ref.slice($ref.lastIndexOf(".") + 1));
  const links = names.filter((name) => name !== "error").map((name) => html`<a href="#server-${name}">${name}</a>`);
  return links.length === 0 ? undefined : html`<p>Response: ${links}.</p>`;
}

function schemasSection({ components }: OpenApiDocument): Html {
  return html`<section><h2 id="schemas">Schemas</h2>${Object.entries(components.schemas).map(
    ([name, schema]) => html`<article id="schema-${name}"><h3><a href="#schema-${name}"><code>${name}</code></a></h3>
${prose(schema.description)}${schemaTable(schema)}</article>
`,
  )}</section>`;
}

function codesSection(): Html {
  return html`<section><h2 id="errors">Error codes</h2><p>The codes in HTTP error responses and in error frames.</p>
<div class="wide"><table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead><tbody>
${Object.entries(errorTable).map(
  ([code, { status, meaning, retry }]) =>
    html`<tr id="error-${code}"><td><code>${code}</code></td><td>${status}</td><td>${inline(meaning)}${retry ? " A retry may succeed." : ""}</td></tr>
`,
)}</tbody></table></div>
<h2 id="close-codes">Close codes</h2><p>A client should reconnect after a code that is not listed and below 4500.</p>
<div class="wide"><table><thead><tr><th scope="col">Code</th><th scope="col">Reconnect?</th><th scope="col">Meaning</th></tr></thead><tbody>
${Object.values(closeTable).map(
  ({ code, reconnect, reason }) =>
    html`<tr><td><code>${code}</code></td><td class="kind">${reconnect ? "yes" : "no"}</td><td>${reason}</td></tr>
`,
)}</tbody></table></div></section>`;
}
