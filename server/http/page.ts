import { createHash } from "node:crypto";
import { join } from "node:path";
import { ServiceError } from "../../protocol/errors.ts";
import { commonHeaders } from "./respond.ts";
import type { TextResponses } from "./text-responses.ts";

/** Whether the page is served, and the settings that it needs. */
export interface PageSettings {
  readonly page: boolean;
  readonly wsPath: string;
  readonly ssePath: string;
  readonly isSecured: boolean;
  readonly trustUserId: boolean;
  readonly anonymous: boolean;
}

interface Asset {
  readonly bytes: string;
  readonly headers: Readonly<Record<string, string>>;
}

const sources = join(import.meta.dir, "..", "..", "web", "page");

/**
 * Allows only the server's own files. `require-trusted-types-for` makes the browser reject any attempt to use text as markup or
 * code.
 */
const securityHeaders = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "Referrer-Policy": "no-referrer",
  ...commonHeaders,
};

/**
 * Serves the page at `/` and the three files that it loads. They are built from web/page on the first request and cached:
 * bundling would double the start-up time, and most servers never get the request.
 */
export class Page {
  readonly #settings: PageSettings;
  readonly #responses: Pick<TextResponses, "make">;
  readonly #assets = new Map<string, Promise<Asset>>();

  constructor(settings: PageSettings, responses: Pick<TextResponses, "make">) {
    this.#settings = settings;
    this.#responses = responses;
  }

  /** @throws ServiceError "not-found"; at `/` the message says how to turn the page on */
  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const make = this.#settings.page ? this.#makers[pathname] : undefined;
    if (make === undefined) throw this.#nothingAt(pathname);
    let asset = this.#assets.get(pathname);
    if (asset === undefined) {
      asset = make();
      this.#assets.set(pathname, asset);
      // A failed build is reported to this request and retried for the next one.
      asset.catch(() => this.#assets.delete(pathname));
    }
    return this.#answerWith(await asset, request);
  }

  readonly #makers: Readonly<Record<string, () => Promise<Asset>>> = {
    "/": async () => asset("text/html; charset=utf-8", this.#withSettings(await source("page.html"))),
    "/page/app.js": async () => asset("text/javascript; charset=utf-8", await bundle()),
    "/page/style.css": async () => asset("text/css; charset=utf-8", await source("page.css")),
    "/page/icon.svg": async () => asset("image/svg+xml; charset=utf-8", await source("icon.svg")),
  };

  /** The page has no inline script, so its settings are in an attribute. */
  #withSettings(html: string): string {
    const { wsPath, ssePath, isSecured, trustUserId, anonymous } = this.#settings;
    const content = JSON.stringify({ wsPath, ssePath, isSecured, trustUserId, anonymous });
    const rewriter = new HTMLRewriter().on('meta[name="fanfare"]', {
      element: (meta) => void meta.setAttribute("content", content.replaceAll("&", "&amp;")),
    });
    return rewriter.transform(html);
  }

  #answerWith({ bytes, headers }: Asset, request: Request): Response {
    const known = request.headers.get("If-None-Match") ?? "";
    const isKnown = known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === headers.ETag);
    return isKnown ? new Response(null, { status: 304, headers }) : this.#responses.make(bytes, { headers });
  }

  #nothingAt(pathname: string): ServiceError {
    if (pathname !== "/") return new ServiceError("not-found", `there is nothing at ${pathname.slice(0, 200)}`);
    const { wsPath } = this.#settings;
    const message = `the page is turned off: set PAGE=on to serve it; WebSockets connect to ${wsPath}`;
    return new ServiceError("not-found", message);
  }
}

function source(name: string): Promise<string> {
  return Bun.file(join(sources, name)).text();
}

/** Not minified, so that it is readable in the browser's developer tools. */
async function bundle(): Promise<string> {
  const built = await Bun.build({ entrypoints: [join(sources, "page.ts")], target: "browser", format: "esm" });
  const [output] = built.outputs;
  if (output === undefined) throw new Error("web/page/page.ts was bundled into nothing");
  return output.text();
}

function asset(contentType: string, bytes: string): Asset {
  const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  // no-cache: the browser caches the file, but revalidates it each time.
  const headers = { ...securityHeaders, "Content-Type": contentType, "Cache-Control": "no-cache", ETag: `"${hash}"` };
  return { bytes, headers };
}
