import { createSecretKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { type JWTPayload, SignJWT } from "jose";
import { RawWebSocket } from "../raw-web-socket.ts";
import type { ServerUnderTest } from "../server.ts";
import { SocketUnderTest } from "../socket.ts";
import {
  apiKey,
  asKey,
  handshakeStatus,
  offsetsOf,
  publish,
  type SettingsGroup,
  secret,
  statusOf,
  userOf,
} from "./setting.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const secretKey: KeyObject = createSecretKey(secret, "utf8");
const [issuer, audience] = ["https://id.example.com", "this-server"];
const otherKey = "5f3a9c1e7b2d4068-other";

/** A token that is accepted by a server with the settings below, but for the claims that differ. @returns a query */
async function tokenOf(
  user: string,
  claims: JWTPayload = {},
  { alg = "HS256", key = secretKey } = {},
): Promise<string> {
  const payload = { sub: user, iss: issuer, aud: audience, ...claims };
  const token = new SignJWT(payload).setProtectedHeader({ alg }).setExpirationTime("1m");
  return `token=${await token.sign(key)}`;
}

/** Whether clients with a valid token are accepted, and those with another claim. */
async function usersOf(server: ServerUnderTest, claims: JWTPayload): Promise<readonly unknown[]> {
  return [await userOf(server, await tokenOf("alice")), await userOf(server, await tokenOf("alice", claims))];
}

/** A server that a key secures: who may connect, what is on by default only when it is open, and history. */
export const accessGroup: SettingsGroup = {
  name: "access",
  // Another key, so that the server without the settings is secured as well.
  base: { API_KEY: otherKey, JWT_SECRET: `${secret}, but not this one`, DRAIN_WINDOW: "1s" },
  settings: {
    apiKeys: { value: apiKey, observe: (it) => statusOf(it, "/v1/channels", asKey), expected: 200 },
    jwtSecret: { value: secret, observe: async (it) => userOf(it, await tokenOf("alice")), expected: "alice" },
    jwtPublicKey: {
      value: publicKey.export({ type: "spki", format: "pem" }).toString(),
      observe: async (it) => userOf(it, await tokenOf("bob", {}, { alg: "EdDSA", key: privateKey })),
      expected: "bob",
    },
    jwtIssuer: {
      value: issuer,
      observe: (it) => usersOf(it, { iss: "https://other.example.com" }),
      expected: ["alice", 4500],
    },
    jwtAudience: {
      value: audience,
      observe: (it) => usersOf(it, { aud: "another-server" }),
      expected: ["alice", 4500],
    },
    anonymous: { value: "on", observe: (it) => handshakeStatus(it, "/ws"), expected: 101 },
    cookieSameSite: {
      value: "lax",
      observe: async (it) => {
        const response = await it.request("DELETE", "/v1/session");
        return /SameSite=\w+/.exec(response.headers.get("Set-Cookie") ?? "")?.[0];
      },
      expected: "SameSite=Lax",
    },
    trustUserId: { value: "on", observe: (it) => userOf(it, "user_id=carol"), expected: "carol" },
    chat: {
      value: "on",
      observe: async (it) => {
        using socket = await SocketUnderTest.open(`${it.wsUrl}?user_id=chatter`);
        socket.send("Hello");
        return (await socket.until(({ type }) => type === "message")).message;
      },
      expected: "Hello",
      hasNoControl: "the message is refused",
    },
    notices: {
      value: "on",
      observe: async (it) => {
        using first = await SocketUnderTest.open(`${it.wsUrl}?user_id=first`);
        using _second = await SocketUnderTest.open(`${it.wsUrl}?user_id=second`);
        return (await first.until(({ event }) => event === "joined")).type;
      },
      expected: "system",
      hasNoControl: "no notice arrives",
    },
    debug: {
      value: "on",
      observe: async (it) => (await it.untilLogged(/\| (DEBUG) \|/))[1],
      expected: "DEBUG",
      hasNoControl: "no such line appears",
    },
    idempotencyWindow: {
      value: "1s",
      observe: async (it) => {
        const again = () => publish(it, { channel: "ids", message: "m", id: "same" }, asKey);
        for (let answer = await again(); ; answer = await again()) if (answer.offset === 2) return answer.duplicate;
      },
      expected: false,
      hasNoControl: "the default of 5 minutes takes too long",
    },
    historySize: {
      value: "3",
      observe: async (it) => {
        for (let n = 1; n <= 5; n++) await publish(it, { channel: "size", message: "m" }, asKey);
        return offsetsOf(it, "size", asKey);
      },
      expected: [3, 4, 5],
      hasNoControl: "has another key",
    },
    slowTimeout: {
      value: "1s",
      observe: async (it) => {
        using slow = await RawWebSocket.open(it.port, "/ws?user_id=slow");
        slow.socket.pause();
        const message = "x".repeat(60_000);
        for (let left = 170; left > 0; left--) await publish(it, { channel: "all", message }, asKey);
        await it.untilLogged(/Client closed: .*\(4008\)/);
        return "closed";
      },
      expected: "closed",
      hasNoControl: "the default of a minute takes too long",
    },
    drainMode: {
      value: "move",
      // By default the server would wait half an hour for the client.
      observe: async (it) => {
        using client = await SocketUnderTest.open(`${it.wsUrl}?user_id=moved`);
        it.signal("SIGTERM");
        return (await client.untilClosed()).code;
      },
      expected: 1012,
      hasNoControl: "stops the server",
    },
  },
};
