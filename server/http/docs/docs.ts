import packageJson from "../../../package.json" with { type: "json" };
import type { Operation } from "../../api/about/about.ts";
import type { PlainRoute } from "../plain-route.ts";
import { aboutAsyncApi, aboutDocs, aboutOpenApi } from "./about-ops.ts";
import { streamOperations } from "./about-streams.ts";
import { asyncApi, type Place } from "./asyncapi.ts";
import { docsHeaders, docsPage } from "./docs-page.ts";
import type { OpenApiDocument } from "./documents.ts";
import { type DocumentSettings, openApi } from "./openapi.ts";

export interface DocsSettings extends Omit<DocumentSettings, "version"> {
  readonly wsPath: string;
}

/** Stands in the page for the place that it is asked for at; no name can end in it (RFC 2606). */
const somewhere = { isTls: false, host: "here.invalid" };

/**
 * What the server says of itself. Nothing is made before the first request, and the page only once: what differs from one
 * request to the next is the host that its examples name.
 */
export class Docs {
  readonly routes: readonly PlainRoute[];
  /** Everything that the documents tell of, themselves included. */
  readonly operations: readonly Operation[];
  readonly #settings: DocsSettings & DocumentSettings;
  #page: string | undefined;

  /** @param others all operations but those of the documents themselves */
  constructor(others: readonly Operation[], settings: DocsSettings) {
    this.#settings = { ...settings, version: packageJson.version };
    this.routes = [
      {
        method: "GET",
        path: "/openapi.json",
        summary: "The HTTP interface as OpenAPI.",
        about: aboutOpenApi,
        answer: () => answerDocument(this.openApi()),
      },
      {
        method: "GET",
        path: "/asyncapi.json",
        summary: "The WebSocket protocol as AsyncAPI.",
        about: aboutAsyncApi,
        answer: (request) => answerDocument(asyncApi(this.#settings.wsPath, this.#settings, placeOf(request))),
      },
      {
        method: "GET",
        path: "/docs",
        summary: "Both as this page.",
        about: aboutDocs,
        answer: (request) => new Response(this.page(placeOf(request)), { headers: docsHeaders }),
      },
    ];
    this.operations = [...others, ...streamOperations(settings.wsPath), ...this.routes];
  }

  openApi(): OpenApiDocument {
    return openApi(this.operations, this.#settings);
  }

  /** The page with examples that work where it was asked for. */
  page({ isTls, host }: Place): string {
    this.#page ??= docsPage(
      this.openApi(),
      asyncApi(this.#settings.wsPath, this.#settings, somewhere),
      `http://${somewhere.host}`,
    );
    const s = isTls ? "s" : "";
    return this.#page
      .replaceAll(`http://${somewhere.host}`, `http${s}://${host}`)
      .replaceAll(`ws://${somewhere.host}`, `ws${s}://${host}`);
  }
}

/**
 * Where the one who asks sees this server: behind a proxy that ends TLS as well. Believed without more ado, since it goes
 * nowhere but into this one's own answer; but never as markup or as a second word in a shell.
 */
function placeOf(request: Request): Place {
  const host = request.headers.get("Host") ?? "";
  const scheme = request.headers.get("X-Forwarded-Proto") ?? new URL(request.url).protocol;
  return { isTls: scheme.startsWith("https"), host: /^[A-Za-z0-9._[\]:-]{1,255}$/.test(host) ? host : "localhost" };
}

function answerDocument(document: object): Response {
  const headers = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
  };
  return new Response(`${JSON.stringify(document, null, 2)}\n`, { headers });
}
