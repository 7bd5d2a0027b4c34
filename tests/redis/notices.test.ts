import { expect, test } from "bun:test";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

interface Notice {
  readonly event: string;
  readonly online: number;
}

async function client(server: ServerUnderTest) {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws`);
  const notices: Notice[] = [];
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(String(data)) as Notice;
    if (frame.event === "joined" || frame.event === "left") notices.push(frame);
  };
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("the connection failed"));
  });
  return { socket, notices };
}

async function onlineOf(server: ServerUnderTest): Promise<number> {
  const health = (await (await server.request("GET", "/health")).json()) as { readonly connections: number };
  return health.connections;
}

test("a break of the links to Redis does not tell clients that others left", async () => {
  await using redis = await RedisServer.start();
  await using one = await startServer({ env: { REDIS_URL: redis.url } });
  await using two = await startServer({ env: { REDIS_URL: redis.url } });
  const stays = await client(one);
  const alsoStays = await client(two);
  const third = await client(two);
  const bothCount = (count: number) => async () => (await onlineOf(one)) === count && (await onlineOf(two)) === count;
  await until(bothCount(3), "both servers count three clients");

  for (const type of ["normal", "pubsub"]) {
    await redis.command("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes");
    const isReady = async (it: ServerUnderTest) => (await it.request("GET", "/readyz")).status === 200;
    await until(async () => (await isReady(one)) && (await isReady(two)), "both are ready");
    await until(bothCount(3), "both servers count three clients again");
  }
  // Notices are batched: one that says that somebody left would be sent before this one.
  const fourth = await client(one);
  const isToldOfFour = ({ notices }: typeof stays) => notices.some(({ online }) => online === 4);
  await until(() => isToldOfFour(stays) && isToldOfFour(alsoStays), "both clients are told that one joined");
  const left = () => [...stays.notices, ...alsoStays.notices].filter(({ event }) => event === "left");
  expect(left()).toEqual([]);
  third.socket.close();
  await until(() => left().length === 2, "both clients are told that one left");
  expect(left().map(({ online }) => online)).toEqual([3, 3]);
  for (const { socket } of [stays, alsoStays, fourth]) socket.close();
});
