import { type Asset, makeAsset } from "./asset.ts";
import { commonHeaders } from "./respond.ts";

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

/** A file of a page, with the headers that protect it. */
export function pageAsset(contentType: string, text: string): Asset {
  // no-cache: the browser caches the file, but revalidates it each time.
  return makeAsset(text, { ...securityHeaders, "Content-Type": contentType, "Cache-Control": "no-cache" });
}
