import packageJson from "../../../package.json" with { type: "json" };
import type { Operation } from "../../api/about/about.ts";
import type { PlainRoute } from "../plain-route.ts";
import { commonHeaders } from "../respond.ts";
import type { TextResponses } from "../text-responses.ts";
import { aboutAsyncApi, aboutDocs, aboutOpenApi } from "./about-ops.ts";
import { streamOperations } from "./about-streams.ts";
import { asyncApi, type RequestOrigin } from "./asyncapi.ts";
import { docsHeaders, docsPage } from "./docs-page.ts";
import type { OpenApiDocument } from "./documents.ts";
import { type DocumentSettings, openApi } from "./openapi.ts";

export interface DocsSettings extends Omit<DocumentSettings, "version"> {
  readonly wsPath: string;
}

/** A placeholder for the origin of the request. RFC 2606 reserves `.invalid`, so it cannot be a real name. */
const placeholder = { isTls: false, host: "here.invalid" };

const documentHeaders = {
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-cache",
  ...commonHeaders,
};

/**
 * The documentation that the server serves. The OpenAPI document and the page are made on the first request; in the page, the
 * origin of its examples is replaced for each request.
 */
export class Docs {
  readonly routes: readonly PlainRoute[];
  /** All documented operations, including those of the documents themselves. */
  readonly operations: readonly Operation[];
  readonly #settings: DocsSettings & DocumentSettings;
  #page: string | undefined;
  /** Anyone can ask for it, and making it takes 3 ms. */
  #openApiText: string | undefined;

  /** @param others all operations except those of the documents */
  constructor(others: readonly Operation[], settings: DocsSettings, responses: TextResponses) {
    this.#settings = { ...settings, version: packageJson.version };
    this.routes = [
      {
        method: "GET",
        path: "/openapi.json",
        summary: "Get the OpenAPI document of the HTTP API.",
        about: aboutOpenApi,
        answer: () => {
          this.#openApiText ??= textOf(this.openApi());
          return responses.make(this.#openApiText, { headers: documentHeaders });
        },
      },
      {
        method: "GET",
        path: "/asyncapi.json",
        summary: "Get the AsyncAPI document of the WebSocket protocol.",
        about: aboutAsyncApi,
        answer: (request) => {
          const document = asyncApi(this.#settings.wsPath, this.#settings, originOf(request));
          return responses.make(textOf(document), { headers: documentHeaders });
        },
      },
      {
        method: "GET",
        path: "/docs",
        summary: "Get both as an HTML page.",
        about: aboutDocs,
        answer: (request) => responses.make(this.page(originOf(request)), { headers: docsHeaders }),
      },
    ];
    this.operations = [...others, ...streamOperations(settings.wsPath), ...this.routes];
  }

  openApi(): OpenApiDocument {
    return openApi(this.operations, this.#settings);
  }

  /** The page, with examples for the given origin. */
  page({ isTls, host }: RequestOrigin): string {
    this.#page ??= docsPage(
      this.openApi(),
      asyncApi(this.#settings.wsPath, this.#settings, placeholder),
      `http://${placeholder.host}`,
    );
    const s = isTls ? "s" : "";
    return this.#page
      .replaceAll(`http://${placeholder.host}`, `http${s}://${host}`)
      .replaceAll(`ws://${placeholder.host}`, `ws${s}://${host}`);
  }
}

function textOf(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/**
 * The origin as the client sees it, also behind a proxy that terminates TLS. The headers need not be trusted, because the
 * value only appears in the response to this client. The host is validated, so that it cannot inject markup or shell words.
 */
function originOf(request: Request): RequestOrigin {
  const host = request.headers.get("Host") ?? "";
  const scheme = request.headers.get("X-Forwarded-Proto") ?? new URL(request.url).protocol;
  return { isTls: scheme.startsWith("https"), host: /^[A-Za-z0-9._[\]:-]{1,255}$/.test(host) ? host : "localhost" };
}
