import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { fc } from "../../tests/property.ts";
import type { Identity } from "./identity.ts";
import { makeToken, makeTokenVerifier, type TokenVerifier } from "./token.ts";
import { TokenRefusal } from "./token-refusal.ts";

const secret = "a secret of more than 32 bytes, for tests";
const nowS = 1_800_000_000;
const clock = { now: () => nowS * 1000 };
const unset = { secret: undefined, publicKey: undefined, jwksUrl: undefined };

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");

function pemOf(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }).toString();
}

function verifierOf(settings: Partial<Parameters<typeof makeTokenVerifier>[0]>): TokenVerifier {
  const verifier = makeTokenVerifier({ ...unset, ...settings }, clock);
  if (verifier === undefined) throw new Error("nothing was configured");
  return verifier;
}

type SigningKey = Parameters<SignJWT["sign"]>[0];

function sign(claims: object, key: SigningKey = Buffer.from(secret), alg = "HS256", kid?: string): Promise<string> {
  return new SignJWT(claims as JWTPayload).setProtectedHeader(kid === undefined ? { alg } : { alg, kid }).sign(key);
}

/** The error. Fails if there is none, or if it contains a part of the token. */
async function refusalOf(verified: Promise<Identity>, token: string): Promise<ServiceError> {
  const error = await verified.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ServiceError)) throw new Error(`expected a refusal, got ${String(error)}`);
  for (const part of token.split(".")) if (part.length > 8) expect(Bun.inspect(error)).not.toContain(part);
  return error;
}

describe("a token signed with JWT_SECRET", () => {
  const verifier = verifierOf({ secret });

  test("contains the user, the grants and the expiry", async () => {
    const token = await sign({
      sub: "u1",
      exp: nowS + 60,
      subscribe: ["room:*"],
      publish: ["room:1", "all"],
      channels: ["team:7"],
    });
    const identity = await verifier.verify(token);
    expect(identity.userId).toBe("u1");
    expect(identity.grants.patterns).toEqual({
      subscribe: ["team:7", "room:*"],
      publish: ["team:7", "room:1", "all"],
    });
    expect(identity.expiresAtMs).toBe((nowS + 60 + 5) * 1000);
  });

  test("contains whose presence the user sees: by default that of the channels it may subscribe to", async () => {
    const seen = async (claims: object) => {
      const { grants } = await verifier.verify(await sign({ sub: "u1", subscribe: ["room:*"], ...claims }));
      return ["room:1", "hall"].filter((it) => grants.find("presence", it as ChannelName) !== undefined);
    };
    expect(await seen({})).toEqual(["room:1"]);
    expect(await seen({ presence: ["hall"] })).toEqual(["hall"]);
    expect(await seen({ presence: [] })).toEqual([]);
    expect(seen({ presence: "hall" })).rejects.toThrow("the token's claim presence: expected a list");
  });

  test("needs only a user", async () => {
    const identity = await verifier.verify(await sign({ sub: "u1" }));
    expect(identity.expiresAtMs).toBeUndefined();
    expect(identity.grants.patterns).toEqual({ subscribe: [], publish: [] });
  });

  test.each([
    ["ends now", { exp: nowS }],
    ["ended 4 s ago", { exp: nowS - 4 }],
    ["starts in 5 s", { nbf: nowS + 5 }],
  ])("is accepted if it %s, since clocks differ", async (_when, times) => {
    expect(await verifier.verify(await sign({ sub: "u1", ...times }))).toMatchObject({ userId: "u1" });
  });

  test("is rejected from the time in expiresAtMs on", async () => {
    const token = await sign({ sub: "u1", exp: nowS });
    const { expiresAtMs = 0 } = await verifier.verify(token);
    const at = (ms: number) => makeTokenVerifier({ ...unset, secret }, { now: () => ms })?.verify(token);
    expect(await at(expiresAtMs - 1)).toMatchObject({ userId: "u1" });
    await expect(at(expiresAtMs)).rejects.toThrow("expired");
  });

  test.each([
    ["expired", { sub: "u1", exp: nowS - 5 }, "has expired"],
    ["not yet valid", { sub: "u1", nbf: nowS + 6 }, "not valid yet"],
    ["with a time that is not a number", { sub: "u1", exp: "tomorrow" }, "a time in the token is not a number"],
    ["that ends in milliseconds", { sub: "u1", exp: nowS * 1000 }, "exp: expected seconds (not milliseconds)"],
    ["without a user", { exp: nowS + 60 }, "sub: expected the user's id"],
    ["with an empty user", { sub: "" }, "sub: expected"],
    ["with a number as user", { sub: 7 }, "sub: expected"],
    ["with a user of 129 characters", { sub: "u".repeat(129) }, "sub: expected"],
    ["with a user that contains a line break", { sub: "u\n1" }, "sub: expected"],
    ["whose grants are not a list", { sub: "u1", subscribe: "room:*" }, "subscribe: expected a list"],
    ["whose grants are not strings", { sub: "u1", publish: [1] }, "publish: expected a list"],
    ["that grants another user's channel", { sub: "u1", channels: ["@u2"] }, "channels: expected a list"],
    ["with an info of 1025 bytes", { sub: "u1", info: "x".repeat(1023) }, "info: expected at most 1024 bytes of JSON"],
    ["that grants a reserved channel", { sub: "u1", subscribe: ["$*"] }, "subscribe: expected a list"],
  ])("is rejected if it is one %s", async (_what, claims, complaint) => {
    const token = await sign(claims);
    const refusal = await refusalOf(verifier.verify(token), token);
    expect(refusal.code).toBe(/has expired|not valid yet/.test(complaint) ? "token-expired" : "unauthorized");
    expect(refusal.message).toContain(complaint);
  });

  test.each([
    ["has expired", { sub: "u1", exp: nowS - 5 }, secret, "u1"],
    ["has expired and has no user", { exp: nowS - 5 }, secret, undefined],
    ["has expired and was signed by somebody else", { sub: "u1", exp: nowS - 5 }, `${secret}!`, undefined],
  ])("that %s is refused with its user if the signature proves it", async (_what, claims, key, userId) => {
    const token = await sign(claims, Buffer.from(key));
    const refusal = await refusalOf(verifier.verify(token), token);
    expect(refusal).toBeInstanceOf(TokenRefusal);
    expect(refusal instanceof TokenRefusal && refusal.userId).toBe(userId);
  });

  test("can say what others see of the user, up to 1024 bytes", async () => {
    for (const info of ["x".repeat(1022), { name: "Älice" }, 0]) {
      const identity = await verifier.verify(await sign({ sub: "u1", info }));
      expect(identity.info).toBe(JSON.stringify(info));
    }
    expect(await verifier.verify(await sign({ sub: "u1", info: null }))).not.toHaveProperty("info");
  });

  test("is rejected with a foreign signature, without one, and with one changed bit", async () => {
    const foreign = await sign({ sub: "u1" }, Buffer.from("another secret of more than 32 bytes"));
    expect((await refusalOf(verifier.verify(foreign), foreign)).message).toContain("signature is wrong");
    const good = await sign({ sub: "u1" });
    const [header = "", , signature = ""] = good.split(".");
    const swapped = `${header}.${Buffer.from('{"sub":"admin"}').toString("base64url")}.${signature}`;
    expect((await refusalOf(verifier.verify(swapped), swapped)).message).toContain("signature is wrong");
    const bare = new UnsecuredJWT({ sub: "u1" }).encode();
    expect((await refusalOf(verifier.verify(bare), bare)).message).toContain("expected HS256");
    const stripped = good.slice(0, good.lastIndexOf(".") + 1);
    expect((await refusalOf(verifier.verify(stripped), stripped)).code).toBe("unauthorized");
  });

  test.each(["HS384", "HS512"])("is rejected with %s, which is not configured", async (alg) => {
    const token = await sign({ sub: "u1" }, Buffer.from(secret.repeat(2)), alg);
    expect((await refusalOf(verifier.verify(token), token)).message).toContain("expected HS256");
  });

  test("is rejected before it is decoded if it is longer than any header", async () => {
    const token = `${await sign({ sub: "u1" })}${"x".repeat(16_384)}`;
    expect((await refusalOf(verifier.verify(token), token)).message).toContain("longer than 16384");
  });

  test("any other text is rejected, and never causes an internal error", async () => {
    const pieces = fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), fc.json().map(base64url));
    const texts = fc.oneof(
      pieces,
      fc.array(pieces, { minLength: 2, maxLength: 6 }).map((parts) => parts.join(".")),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect((await refusalOf(verifier.verify(text), text)).code).toBe("unauthorized");
      }),
      { numRuns: 300 },
    );
  });
});

describe("a token signed for JWT_PUBLIC_KEY", () => {
  test.each([
    ["RS256", rsa],
    ["ES256", ec],
    ["EdDSA", ed],
    ["Ed25519", ed],
  ])("is accepted with %s", async (alg, pair) => {
    const verifier = verifierOf({ publicKey: pemOf(pair.publicKey) });
    const token = await sign({ sub: "u1" }, pair.privateKey, alg);
    expect(await verifier.verify(token)).toMatchObject({ userId: "u1" });
  });

  test.each([
    ["RSA", rsa],
    ["P-256", ec],
    ["Ed25519", ed],
  ])("is rejected if it is HS256 with the public key of %s as its secret", async (_kind, pair) => {
    const pem = pemOf(pair.publicKey);
    const der = pair.publicKey.export({ type: "spki", format: "der" });
    for (const verifier of [verifierOf({ publicKey: pem }), verifierOf({ publicKey: pem, secret })]) {
      for (const key of [Buffer.from(pem), Buffer.from(pem.trim()), der]) {
        const token = await sign({ sub: "u1" }, key, "HS256");
        expect((await refusalOf(verifier.verify(token), token)).code).toBe("unauthorized");
      }
    }
  });

  test("is rejected if another key of the same kind, or another algorithm of the key, signed it", async () => {
    const verifier = verifierOf({ publicKey: pemOf(rsa.publicKey) });
    const foreign = await sign({ sub: "u1" }, generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, "RS256");
    expect((await refusalOf(verifier.verify(foreign), foreign)).message).toContain("signature is wrong");
    const pss = await sign({ sub: "u1" }, rsa.privateKey, "PS256");
    expect((await refusalOf(verifier.verify(pss), pss)).message).toContain("expected RS256");
  });

  test("works next to JWT_SECRET: each accepts its own tokens", async () => {
    const verifier = verifierOf({ secret, publicKey: pemOf(ec.publicKey) });
    expect(await verifier.verify(await sign({ sub: "u1" }))).toMatchObject({ userId: "u1" });
    expect(await verifier.verify(await sign({ sub: "u2" }, ec.privateKey, "ES256"))).toMatchObject({ userId: "u2" });
  });
});

describe("a token signed for JWKS_URL", () => {
  let server: ReturnType<typeof Bun.serve>;
  let status = 200;
  let asked = 0;

  beforeAll(async () => {
    const keys = [
      { ...(await exportJWK(rsa.publicKey)), kid: "r1" },
      { ...(await exportJWK(ec.publicKey)), kid: "e1" },
      { ...(await exportJWK(ed.publicKey)), kid: "d1" },
      { ...(await exportJWK(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey)), kid: "e2" },
      { kty: "oct", kid: "s1", k: base64url(secret) },
    ];
    server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        asked++;
        return Response.json({ keys }, { status });
      },
    });
  });
  afterAll(() => server.stop(true));

  const make = () => verifierOf({ jwksUrl: `http://127.0.0.1:${server.port}/jwks.json` });

  test.each([
    ["RS256", rsa, "r1"],
    ["ES256", ec, "e1"],
    ["EdDSA", ed, "d1"],
  ])("is accepted with %s", async (alg, pair, kid) => {
    expect(await make().verify(await sign({ sub: "u1" }, pair.privateKey, alg, kid))).toMatchObject({ userId: "u1" });
  });

  test("causes one request for many tokens, and none for one that cannot match the set", async () => {
    asked = 0;
    const verifier = make();
    const hmac = await sign({ sub: "u1" }, Buffer.from(secret), "HS256", "s1");
    expect((await refusalOf(verifier.verify(hmac), hmac)).message).toContain("expected RS256 or ES256");
    expect(asked).toBe(0);
    const token = await sign({ sub: "u1" }, ec.privateKey, "ES256", "e1");
    await Promise.all([verifier.verify(token), verifier.verify(token)]);
    await verifier.verify(token);
    expect(asked).toBe(1);
  });

  test("is rejected if the set has no such key, a different one, or several candidates", async () => {
    const verifier = make();
    const unknown = await sign({ sub: "u1" }, ec.privateKey, "ES256", "e9");
    expect((await refusalOf(verifier.verify(unknown), unknown)).message).toContain("JWKS_URL does not list");
    const wrong = await sign({ sub: "u1" }, ec.privateKey, "ES256", "e2");
    expect((await refusalOf(verifier.verify(wrong), wrong)).message).toContain("signature is wrong");
    const unnamed = await sign({ sub: "u1" }, ec.privateKey, "ES256");
    expect((await refusalOf(verifier.verify(unnamed), unnamed)).message).toContain("`kid`");
  });

  test("is refused for now while the key set cannot be read", async () => {
    const verifier = make();
    const token = await sign({ sub: "u1" }, ec.privateKey, "ES256", "e1");
    status = 503;
    const refusal = await refusalOf(verifier.verify(token), token);
    status = 200;
    expect(refusal.code).toBe("keys-unavailable");
    expect(refusal.cause).toBeUndefined(); // the log has it once, not for each client
  });
});

describe("JWT_ISSUER and JWT_AUDIENCE", () => {
  const issuers = ["https://id.example.com", "https://id.example.org"];
  const audiences = ["fanfare", "chat"];

  test.each([
    ["one of the issuers and audiences", { iss: issuers[1], aud: "chat" }, undefined],
    ["several audiences, one of them this server", { iss: issuers[0], aud: ["mail", "fanfare"] }, undefined],
    ["another issuer", { iss: "https://evil.example", aud: "chat" }, "not one of JWT_ISSUER"],
    ["an issuer that only begins like one", { iss: `${issuers[0]}.evil.example`, aud: "chat" }, "JWT_ISSUER"],
    ["no issuer", { aud: "chat" }, "not one of JWT_ISSUER"],
    ["another audience", { iss: issuers[0], aud: "mail" }, "not one of JWT_AUDIENCE"],
    ["no audience", { iss: issuers[0] }, "not one of JWT_AUDIENCE"],
    ["an audience that is not text", { iss: issuers[0], aud: [7] }, "JWT_AUDIENCE"],
  ])("a token with %s", async (_, claims, complaint) => {
    const token = await sign({ sub: "u1", ...claims });
    const verified = verifierOf({ secret, issuers, audiences }).verify(token);
    if (complaint === undefined) {
      expect(await verified).toMatchObject({ userId: "u1" });
      return;
    }
    const refusal = await refusalOf(verified, token);
    expect([refusal.code, refusal.message]).toEqual(["unauthorized", expect.stringContaining(complaint)]);
  });

  test("accept any issuer and audience if they are not set", async () => {
    const token = await sign({ sub: "u1", iss: "anyone", aud: "anything" });
    expect(await verifierOf({ secret, issuers: undefined, audiences: [] }).verify(token)).toMatchObject({
      userId: "u1",
    });
  });
});

describe("the configuration", () => {
  test("creates no verifier if nothing is set", () => {
    expect(makeTokenVerifier(unset)).toBeUndefined();
  });

  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const privatePem = ec.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const encrypted = ec.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" });

  test.each([
    [
      "a secret of one character",
      { secret: "a".repeat(32) },
      /^JWT_SECRET: .*different characters; make one with `openssl/,
    ],
    ["a repeated word", { secret: "password".repeat(4) }, /^JWT_SECRET: .*repeated; make one with `openssl/],
    ["ascending characters", { secret: "abcdefghijklmnopqrstuvwxyz0123456789" }, /^JWT_SECRET: .*consecutive/],
    ["a secret of 31 bytes", { secret: "s".repeat(31) }, "JWT_SECRET: expected at least 32 bytes, got 31"],
    ["an empty secret", { secret: "" }, "JWT_SECRET: expected at least 32 bytes, got 0"],
    ["an invalid key", { publicKey: "no key" }, "JWT_PUBLIC_KEY: expected PEM text"],
    ["a private key", { publicKey: privatePem }, "JWT_PUBLIC_KEY: this is a private key"],
    ["an encrypted private key", { publicKey: encrypted.toString() }, "JWT_PUBLIC_KEY: this is a private key"],
    ["a weak key", { publicKey: pemOf(weak.publicKey) }, "at least 2048 bits"],
    ["a key of another curve", { publicKey: pemOf(p384.publicKey) }, "a P-256 key"],
    ["an invalid URL", { jwksUrl: "id.example.com" }, "JWKS_URL: expected a URL"],
    ["a URL with another scheme", { jwksUrl: "file:///etc/jwks.json" }, "JWKS_URL: expected a URL"],
    ["key and URL", { publicKey: pemOf(ec.publicKey), jwksUrl: "http://127.0.0.1/" }, "both set"],
  ])("with %s is an error at start", (_what, settings, complaint) => {
    expect(() => makeTokenVerifier({ ...unset, ...settings })).toThrow(complaint);
  });

  test("accepts a secret of 32 bytes, whatever its characters", () => {
    expect(makeTokenVerifier({ ...unset, secret: "éàüöñçßøåœæêîôûï" })).toBeDefined();
  });

  test("accepts a key on one line, with its line breaks written as \\n", async () => {
    const line = pemOf(ec.publicKey).replaceAll("\n", "\\n");
    const token = await sign({ sub: "u1" }, ec.privateKey, "ES256");
    expect(await verifierOf({ publicKey: line }).verify(token)).toMatchObject({ userId: "u1" });
  });

  test("also accepts the older form of an RSA key (PKCS #1)", async () => {
    const pkcs1 = rsa.publicKey.export({ type: "pkcs1", format: "pem" }).toString();
    const token = await sign({ sub: "u1" }, rsa.privateKey, "RS256");
    expect(await verifierOf({ publicKey: pkcs1 }).verify(token)).toMatchObject({ userId: "u1" });
  });
});

describe("a created token", () => {
  const options = { secret, sub: "u1", subscribe: ["room:*"], publish: ["all"], expiresInS: 60 };

  test("is valid and contains the given options", async () => {
    const identity = await verifierOf({ secret }).verify(await makeToken(options, clock));
    expect(identity.userId).toBe("u1");
    expect(identity.grants.patterns).toEqual({ subscribe: ["room:*"], publish: ["all"] });
    expect(identity.expiresAtMs).toBe((nowS + 65) * 1000);
  });

  test("never expires if no expiry is given", async () => {
    const identity = await verifierOf({ secret }).verify(await makeToken({ ...options, expiresInS: undefined }, clock));
    expect(identity.expiresAtMs).toBeUndefined();
  });

  test.each([
    ["a short secret", { secret: "short" }, "JWT_SECRET: expected at least 32 bytes"],
    ["a missing user", { sub: "" }, "sub: expected"],
    ["an invalid pattern", { subscribe: ["room:*", "a*b"] }, "subscribe: expected a channel name"],
    ["another user's channel", { publish: ["@u2"] }, 'got "@u2"'],
    ["an expiry in the past", { expiresInS: -1 }, "expires: expected more than 0"],
    ["an invalid expiry", { expiresInS: Number.NaN }, "expires: expected more than 0"],
  ])("is refused for %s", async (_what, change, complaint) => {
    await expect(makeToken({ ...options, ...change }, clock)).rejects.toThrow(complaint);
  });
});

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
