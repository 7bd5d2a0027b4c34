import { apiKey, type HealthyTarget as FloodTarget, jwtSecret, publish, tokenOf } from "./healthy-users.ts";
import { SocketUnderTest } from "./socket.ts";

const credentials = { API_KEY: apiKey, JWT_SECRET: jwtSecret };
/** Without rates, only the shares protect the others. */
const withoutRates = { ...credentials, MESSAGE_RATE: "0", HISTORY_RATE: "0" };

/** The attack of one user, mallory, on a server. */
export interface Flood {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** One step; repeated until the healthy users are done. @returns an answer that shows that the flood has met its limit */
  readonly step: (server: FloodTarget, at: number) => Promise<string>;
  /** The server's answer at its limit. */
  readonly met: string;
}

const filler = "x".repeat(60_000);
const thousand = (at: number) => Array.from({ length: 1000 }, (_, index) => `m${at}:${index}`);
const byMallory = async (server: FloodTarget, body: object) => (await publish(server, "mallory", body)).text();

export const floods: readonly Flood[] = [
  {
    name: "messages over HTTP",
    env: credentials,
    step: async (server) => {
      const answers = Array.from({ length: 50 }, () => byMallory(server, { channel: "room", message: "m" }));
      return (await Promise.all(answers)).join();
    },
    met: "messages per second from one user",
  },
  {
    name: "new channels",
    env: withoutRates,
    step: (server, at) => byMallory(server, { channels: thousand(at), message: "m" }),
    met: "too-many-channels",
  },
  {
    name: "new channels in a small memory",
    env: { ...withoutRates, HISTORY_BYTES_TOTAL: "24MiB" },
    step: (server, at) => byMallory(server, { channels: thousand(at), message: "m" }),
    met: "too-many-channels",
  },
  {
    name: "new channels of many users in a small memory",
    env: { ...credentials, HISTORY_BYTES_TOTAL: "24MiB" },
    step: async (server, at) => (await publish(server, `m${at}`, { channels: thousand(at), message: "m" })).text(),
    met: "too-many-channels",
  },
  {
    name: "ids",
    env: { ...withoutRates, HISTORY_BYTES_TOTAL: "16MiB" },
    step: (server, at) => byMallory(server, { channels: thousand(0), message: "m", id: `${"i".repeat(100)}${at}` }),
    met: "idempotency-full",
  },
  {
    name: "ids of the backend",
    env: withoutRates,
    step: async (server, at) => {
      const user = `healthy-${at % 30}`;
      return byMallory(server, { channel: `private:${at % 30}`, message: "m", id: `order-${user}` });
    },
    met: '"duplicate":true',
  },
  {
    name: "large messages",
    env: { ...withoutRates, HISTORY_BYTES_TOTAL: "16MiB" },
    step: async (server, at) => {
      const channels = Array.from({ length: 100 }, (_, index) => `m${at % 5}:${index}`);
      await byMallory(server, { channels, message: filler });
      const kept = await server.request("GET", "/v1/channels?prefix=m", undefined, {
        Authorization: `Bearer ${apiKey}`,
      });
      const { channels: found } = (await kept.json()) as { channels: readonly { messages: number }[] };
      return found.some(({ messages }) => messages === 0) ? "evicted" : "";
    },
    met: "evicted",
  },
  {
    name: "history requests",
    env: { ...credentials, HISTORY_RATE: "64KiB" },
    step: async (server) => {
      await publish(server, undefined, { channel: "large", message: filler });
      const headers = { Authorization: `Bearer ${await tokenOf("mallory")}` };
      const read = () => server.request("GET", "/v1/channels/large/history?since=earliest", undefined, headers);
      const answers = Array.from({ length: 20 }, async () => (await read()).text());
      return (await Promise.all(answers)).filter((text) => text.length < 1000).join();
    },
    met: "of history per second for one user",
  },
  {
    name: "history requests for unknown channels",
    env: { ...withoutRates, HISTORY_BYTES_TOTAL: "24MiB", CLIENT_SHARE: "1" },
    step: async (server, at) => {
      const headers = { Authorization: `Bearer ${await tokenOf("mallory")}` };
      const read = (index: number) => server.request("GET", `/v1/channels/m${at}:${index}/history`, undefined, headers);
      await Promise.all(Array.from({ length: 25 }, (_, index) => read(index)));
      using socket = await SocketUnderTest.open(`${server.wsUrl}?token=${await tokenOf("mallory")}`);
      for (let index = 25; index < 50; index++)
        socket.send({ type: "history", channel: `m${at}:${index}`, ref: index });
      await socket.until(({ ref }) => ref === 49);
      return byMallory(server, { channel: `p${at}`, message: "m" });
    },
    met: "too-many-channels",
  },
  {
    name: "subscriptions from the start again and again",
    env: { ...credentials, HISTORY_RATE: "64KiB" },
    step: async (server) => {
      await publish(server, undefined, { channel: "large", message: filler });
      const url = `${server.wsUrl}?channel=large&since=earliest&token=${await tokenOf("mallory")}`;
      const sockets = await Promise.all(Array.from({ length: 10 }, () => SocketUnderTest.open(url)));
      const headers = { Authorization: `Bearer ${await tokenOf("mallory")}` };
      const answer = await server.request("GET", "/v1/channels/large/history?since=last:1", undefined, headers);
      for (const socket of sockets) socket[Symbol.dispose]();
      return answer.text();
    },
    met: "of history per second for one user",
  },
  {
    name: "connections with many channels",
    env: credentials,
    step: async (server, at) => {
      const channels = Array.from({ length: 90 }, (_, index) => `c${at}:${index}`).join(",");
      const socket = new SocketUnderTest(`${server.wsUrl}?channels=${channels}&token=${await tokenOf("mallory")}`);
      const outcome = socket
        .until(({ event }) => event === "welcome")
        .then(
          () => "",
          () => "refused",
        );
      const text = await outcome;
      socket[Symbol.dispose]();
      return text;
    },
    met: "refused",
  },
  {
    name: "connections with many channels in a small memory",
    env: { ...withoutRates, HISTORY_BYTES_TOTAL: "24MiB", CLIENT_SHARE: "1" },
    step: async (server, at) => {
      const channels = Array.from({ length: 90 }, (_, index) => `c${at}:${index}`).join(",");
      using socket = await SocketUnderTest.open(
        `${server.wsUrl}?channels=${channels}&token=${await tokenOf("mallory")}`,
      );
      socket.send({ type: "ping", ref: 1 });
      await socket.until(({ ref }) => ref === 1);
      return JSON.stringify(socket.frames);
    },
    met: "too-many-channels",
  },
];
