/**
 * The credential in an `Authorization` header: `Bearer abc` → `abc`. Undefined for another scheme or an empty credential.
 * Without a regular expression: one that trims both ends takes quadratic time on a header of spaces.
 */
export function bearerOf(authorization: string | null): string | undefined {
  if (authorization === null || authorization.slice(0, scheme.length).toLowerCase() !== scheme) return undefined;
  const credential = authorization.slice(scheme.length).trim();
  return credential === "" ? undefined : credential;
}

/** RFC 9110 §11.4: the scheme is case-insensitive and followed by at least one space. */
const scheme = "bearer ";
