import { list, type OptionsOf, text, toggle } from "../lib/option.ts";

export const authOptions = {
  apiKeys: list(
    [],
    "Keys of the HTTP API, separated by commas. A key can be limited to scopes: `publish+read@6f1c…`. Any credential makes the server secured.",
    { name: "API_KEY", isSecret: true, orFile: true },
  ),
  jwtSecret: text(undefined, "Secret that signs users' tokens (HS256), at least 32 bytes.", {
    isSecret: true,
    orFile: true,
  }),
  jwtPublicKey: text(undefined, "Public key (PEM) that verifies users' tokens: RS256, ES256 or EdDSA.", {
    orFile: true,
  }),
  jwksUrl: text(undefined, "URL of a key set that verifies users' tokens.", {
    pattern: /^https?:\/\/\S+$/,
    rule: "a URL such as https://id.example.com/.well-known/jwks.json",
    isSecret: true, // it may contain a password
    orFile: true,
  }),
  jwtIssuer: list(
    undefined,
    "Issuers whose tokens are accepted (the claim `iss`), separated by commas. By default any issuer whose key is configured.",
  ),
  jwtAudience: list(
    undefined,
    "Audiences of which a token must name at least one (the claim `aud`), separated by commas. Set it if JWKS_URL or JWT_PUBLIC_KEY also signs tokens for other services.",
  ),
  anonymous: toggle({ open: true, secured: false }, "Whether clients may connect without a user."),
  trustUserId: toggle(
    { open: true, secured: false },
    "Whether to accept `?user_id=` without a token. Use it behind a gateway that sets the user, or to try things out.",
  ),
  insecure: toggle(
    false,
    "Lets an open server listen on other addresses than loopback, and turns off its Origin and Host checks. Anyone who can reach it may do anything.",
  ),
};

export type AuthOptions = OptionsOf<typeof authOptions>;
