import { SignJWT } from "jose";
import { ServiceError } from "../../../protocol/errors.ts";
import { makeTokenVerifier } from "../../../server/auth/token.ts";
import { type FuzzTarget, kindOf, must } from "../target.ts";

const secret = "a secret of more than 32 bytes, for fuzzing";

/** Tokens. Whatever is changed in one that was signed, it must not say anything else. */
export async function tokenTarget(): Promise<FuzzTarget> {
  const verifier = makeTokenVerifier({ secret, publicKey: undefined, jwksUrl: undefined });
  if (verifier === undefined) throw new Error("a secret is given");
  const claims = (user: string) => ({ sub: user, subscribe: ["room:*"], iat: 1_700_000_000, jti: "t1" });
  const seeds = await Promise.all(["alice", "__proto__"].map((user) => signed(claims(user))));
  return {
    name: "token",
    seeds: [...seeds, "a.b.c", ""],
    words: [".", "eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9", "=", "-", "_", ...seeds.flatMap((it) => it.split("."))],
    async run(input) {
      try {
        const { userId, token } = await verifier.verify(input);
        must(userId === "alice" || userId === "__proto__", `only signed users are accepted: ${userId}`);
        must(token?.id === "t1", "the claims are those that were signed");
        return `accepted ${userId}`;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        must(["unauthorized", "token-expired"].includes(error.code), `a wrong token is unauthorized: ${error.code}`);
        return kindOf(`${error.code} ${error.message}`);
      }
    },
  };
}

/** The same for each run: no expiry, and a fixed time of issue. */
async function signed(payload: Readonly<Record<string, unknown>>): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
}
