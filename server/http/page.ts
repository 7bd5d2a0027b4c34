import { createHash } from "node:crypto";
import { join } from "node:path";
import { ServiceError } from "../../protocol/errors.ts";

/** What the page has to know of the server, and whether there is a page at all. */
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
 * Nothing but the server's own files, and no text is ever taken for markup or code: `require-trusted-types-for` makes the
 * browser itself refuse it.
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
  "X-Content-Type-Options": "nosniff",
};

/**
 * The page at `/` and the three files that it loads, made from web/page when the first one is asked for and kept: bundling
 * takes about as long as the whole rest of starting does, and most servers are never asked.
 */
export class Page {
  readonly #settings: PageSettings;
  readonly #assets = new Map<string, Promise<Asset>>();

  constructor(settings: PageSettings) {
    this.#settings = settings;
  }

  /** @throws ServiceError "not-found", at `/` with the way to a page */
  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const make = this.#settings.page ? this.#makers[pathname] : undefined;
    if (make === undefined) throw this.#nothingAt(pathname);
    let asset = this.#assets.get(pathname);
    if (asset === undefined) {
      asset = make();
      this.#assets.set(pathname, asset);
      // What failed once may succeed the next time; whoever asked now is told.
      asset.catch(() => this.#assets.delete(pathname));
    }
    return answerWith(await asset, request);
  }

  readonly #makers: Readonly<Record<string, () => Promise<Asset>>> = {
    "/": async () => asset("text/html; charset=utf-8", this.#withSettings(await source("page.html"))),
    "/page/app.js": async () => asset("text/javascript; charset=utf-8", await bundle()),
    "/page/style.css": async () => asset("text/css; charset=utf-8", await source("page.css")),
    "/page/icon.svg": async () => asset("image/svg+xml; charset=utf-8", await source("icon.svg")),
  };

  /** The page has no inline script, so what it must know stands in an attribute. */
  #withSettings(html: string): string {
    const { wsPath, ssePath, isSecured, trustUserId, anonymous } = this.#settings;
    const content = JSON.stringify({ wsPath, ssePath, isSecured, trustUserId, anonymous });
    const rewriter = new HTMLRewriter().on('meta[name="fanfare"]', {
      element: (meta) => void meta.setAttribute("content", content.replaceAll("&", "&amp;")),
    });
    return rewriter.transform(html);
  }

  #nothingAt(pathname: string): ServiceError {
    if (pathname !== "/") return new ServiceError("not-found", `there is nothing at ${pathname.slice(0, 200)}`);
    const { wsPath } = this.#settings;
    const message = `there is no page here: PAGE=on puts one at /, to try the server; WebSockets connect to ${wsPath}`;
    return new ServiceError("not-found", message);
  }
}

function source(name: string): Promise<string> {
  return Bun.file(join(sources, name)).text();
}

/** Not minified: who opens the browser's tools shall be able to read it. */
async function bundle(): Promise<string> {
  const built = await Bun.build({ entrypoints: [join(sources, "page.ts")], target: "browser", format: "esm" });
  const [output] = built.outputs;
  if (output === undefined) throw new Error("web/page/page.ts was bundled into nothing");
  return output.text();
}

function asset(contentType: string, bytes: string): Asset {
  const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  // no-cache: kept by the browser, and asked for again each time whether it is still this one.
  const headers = { ...securityHeaders, "Content-Type": contentType, "Cache-Control": "no-cache", ETag: `"${hash}"` };
  return { bytes, headers };
}

function answerWith({ bytes, headers }: Asset, request: Request): Response {
  const known = request.headers.get("If-None-Match") ?? "";
  const isKnown = known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === headers.ETag);
  return isKnown ? new Response(null, { status: 304, headers }) : new Response(bytes, { headers });
}
