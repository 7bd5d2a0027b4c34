/** What stands where a secret stood. */
export const redacted = "[secret]";

/**
 * Takes secrets out of a text, for the log: those given, and whatever looks like a token, a key or a password: a JWT, what
 * follows `Bearer`, `token=` or `X-API-Key:`, and the password in an address. Nothing here logs any of them on purpose;
 * but an error may quote the address it could not reach, and a client may send its token where a message belongs.
 *
 * @param secrets those of this server; one of less than 8 characters is left alone, or it would take words apart
 */
export function makeRedactor(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length >= 8);
  return (text) => {
    let clean = text;
    for (const secret of known) clean = clean.replaceAll(secret, redacted);
    for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
    return clean;
  };
}

/** Whether a value of this name is a secret, whatever it looks like. */
export function isSecretName(name: string): boolean {
  return /^(x[-_]?)?(access[-_]?|jwt[-_]?)?(token|authorization|api[-_]?keys?|secret|password|cookie)$/i.test(name);
}

/** Each begins where nothing else of its kind can, and is bounded, so that no text makes it slow. */
const patterns: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*/g, redacted],
  [/\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi, `$1 ${redacted}`],
  [/([?&;](?:access_|api_)?(?:token|key|secret|password)=)[^&\s"'#]+/gi, `$1${redacted}`],
  [/(\bx-api-key["']?[:=] ?["']?)[^\s"',;]+/gi, `$1${redacted}`],
  [/(\bfanfare\.token\.)[^\s,"']+/g, `$1${redacted}`],
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}:)[^\s/@]{1,500}@/gi, `$1${redacted}@`],
];
