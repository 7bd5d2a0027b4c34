/**
 * The credential in an `Authorization` header: `Bearer abc` is `abc`. Undefined for another scheme and for an empty
 * credential. Plain code, since a regular expression that trims both ends takes quadratic time on a header of spaces.
 */
export function bearerOf(authorization: string | null): string | undefined {
  if (authorization === null || authorization.slice(0, scheme.length).toLowerCase() !== scheme) return undefined;
  const credential = authorization.slice(scheme.length).trim();
  return credential === "" ? undefined : credential;
}

/** RFC 9110 §11.4: the name of the scheme ignores case, and at least one space follows it. */
const scheme = "bearer ";
