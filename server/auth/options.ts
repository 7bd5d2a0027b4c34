import { list, type OptionsOf, text, toggle } from "../lib/option.ts";

export const authOptions = {
  apiKeys: list(
    [],
    "Keys of the HTTP API, with commas between them. A key may stand behind its scopes: `publish+read@6f1c…`. Any credential makes the server secured.",
    { name: "API_KEY", isSecret: true, orFile: true },
  ),
  jwtSecret: text(undefined, "Secret that users' tokens are signed with (HS256), at least 32 bytes.", {
    isSecret: true,
    orFile: true,
  }),
  jwtPublicKey: text(undefined, "Public key (PEM) that users' tokens are checked with: RS256, ES256 or EdDSA.", {
    orFile: true,
  }),
  jwksUrl: text(undefined, "Address of a key set that users' tokens are checked with.", {
    pattern: /^https?:\/\/\S+$/,
    rule: "an address such as https://id.example.com/.well-known/jwks.json",
    orFile: true,
  }),
  anonymous: toggle({ open: true, secured: false }, "Whether clients may connect without a user."),
  trustUserId: toggle(
    { open: true, secured: false },
    "Whether `?user_id=` is believed without a token. Behind a gateway that sets it, or for trying out.",
  ),
  insecure: toggle(
    false,
    "Lets an open server listen beyond loopback, and takes its Origin and Host checks away. Anyone who reaches it may do anything.",
  ),
};

export type AuthOptions = OptionsOf<typeof authOptions>;
