import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerUnderTest } from "../server.ts";
import { SocketUnderTest } from "../socket.ts";
import { handshakeStatus, type SettingsGroup } from "./setting.ts";

const hookSecret = "whsec_oC0hdAwDWHq2xC4vTkVTCpRlSz8AOx4/hDZjf9ONn/8=";
/** Longer than HOOK_TIMEOUT here, and shorter than its default. HOOK_TIMEOUT is long enough for a busy application. */
const slowMs = 2500;

interface Received {
  readonly headers: Headers;
  readonly body: string;
}

/** The requests that the application has received since the last call. */
const received: Received[] = [];

/** Allows everybody but mallory, nobody in `secret`, and has trouble with two users. */
async function answer(request: Request): Promise<Response> {
  const body = await request.text();
  received.push({ headers: request.headers, body });
  const { data } = JSON.parse(body) as { readonly data: { readonly user_id: string; readonly channel?: string } };
  if (data.user_id === "broken") return new Response("broken", { status: 500 });
  if (data.user_id === "slow") {
    await Bun.sleep(slowMs);
    return Response.json({ allow: false });
  }
  return Response.json({ allow: data.user_id !== "mallory" && data.channel !== "secret" });
}

/** Whether the last request has the signature of the secret. */
function isSigned(): boolean | undefined {
  const last = received.at(-1);
  if (last === undefined) return undefined;
  const content = `${last.headers.get("webhook-id")}.${last.headers.get("webhook-timestamp")}.${last.body}`;
  const key = Buffer.from(hookSecret.slice("whsec_".length), "base64");
  const expected = `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
  return last.headers.get("webhook-signature") === expected;
}

/** The channels that a client has joined after it asked for two. */
async function joinedBy(server: ServerUnderTest): Promise<readonly string[]> {
  using socket = new SocketUnderTest(`${server.wsUrl}?user_id=alice&channel=news&channel=secret`);
  await socket.until(({ event }) => event === "welcome");
  return Object.keys(socket.welcome.channels as object);
}

const connect = (server: ServerUnderTest, query: string) => handshakeStatus(server, `/ws?${query}`);

/** The requests that arrive while a user connects. */
async function whileConnecting(server: ServerUnderTest): Promise<readonly Received[]> {
  received.length = 0;
  await connect(server, "user_id=alice");
  return received;
}

const noHook = "the server without these settings asks nobody, so everybody is allowed there too";

/** An application that decides who may connect and subscribe. */
export const hooksGroup: SettingsGroup = {
  name: "hooks",
  base: { API_KEY: "5f3a9c1e7b2d4068-hooks", TRUST_USER_ID: "on" },
  prepare: async (stack) => {
    const folder = mkdtempSync(join(tmpdir(), "fanfare-hooks-"));
    stack.defer(() => rmSync(folder, { recursive: true }));
    const config = join(folder, "rules.yaml");
    writeFileSync(config, "channels: [{ match: '*', subscribe: hook }]\n");
    const application = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
    stack.defer(() => application.stop(true));
    const url = `http://127.0.0.1:${application.port}/`;
    return { env: { CONNECT_HOOK_URL: url, SUBSCRIBE_HOOK_URL: url }, flags: ["--config", config] };
  },
  settings: {
    connectHookUrl: { observe: (it) => connect(it, "user_id=mallory"), expected: 403 },
    // Without the rule, a secured server refuses both for the lack of a grant.
    subscribeHookUrl: { observe: joinedBy, expected: ["all", "@alice", "news"] },
    hookSecret: {
      value: hookSecret,
      observe: async (it) => {
        await whileConnecting(it);
        return isSigned();
      },
      expected: true,
    },
    hookTimeout: {
      value: "1500ms",
      observe: (it) => connect(it, "user_id=slow"),
      expected: 101,
      hasNoControl: noHook,
    },
    hookFailure: {
      value: "allow",
      observe: (it) => connect(it, "user_id=broken"),
      expected: 101,
      hasNoControl: noHook,
    },
    hookPrivateAddresses: {
      value: "on",
      observe: async (it) => (await whileConnecting(it)).length,
      expected: 1,
    },
  },
};
