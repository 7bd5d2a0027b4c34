import { expect, spyOn, test } from "bun:test";
import { decodeClientFrame } from "../protocol/codec.ts";
import { checkData, parseObject } from "../protocol/fields.ts";
import { knownPublishFields, parsePublishRequest } from "../server/api/publish-request.ts";
import { pushBatch } from "../server/api/push-batch.ts";
import { knownScheduleFields, parseScheduleRequest } from "../server/api/schedule-request.ts";
import { makeToken, makeTokenVerifier } from "../server/auth/token.ts";

/**
 * The engine's hash function has no secret, so names that all collide are easy to make. A frame with 15,000 of them blocked the
 * server for six seconds. So no name or text that a sender is free to choose may get into a table of the engine, as all names
 * and short texts do that `JSON.parse` sees.
 */
const colliding = "\uacc9\u962e\u4b93\u8bb8";
const name = (at: number) => `x${colliding}${at.toString(36).padStart(4, "0")}`;
const names = Array.from({ length: 500 }, (_, at) => name(at));
const members = names.map((it) => `"${it}":1`).join();
const object = `{${members}}`;
const list = `[${names.map((it) => `"${it}"`).join()}]`;
const escaped = members.replaceAll("\uacc9", "\\uacc9");

test.each([
  ["unknown fields of a frame", () => decodeClientFrame(`{"type":"ping",${members}}`)],
  ["unknown fields with escapes", () => decodeClientFrame(`{"type":"ping",${escaped}}`)],
  [
    "the data of a frame",
    () => decodeClientFrame(`{"type":"publish","channel":"a","data":{"list":${list},"object":${object}}}`),
  ],
  ["the data of a frame, escaped", () => decodeClientFrame(`{"type":"publish","channel":"a","d\\u0061ta":${object}}`)],
  ["a field that is a text", () => decodeClientFrame(`{"type":"publish","channel":${object},"message":${list}}`)],
  ["headers", () => decodeClientFrame(`{"type":"publish","channel":"a","data":1,"headers":${object}}`)],
  ["a position", () => decodeClientFrame(`{"type":"subscribe","channel":"a","since":${object}}`)],
  ["a frame that is not JSON", () => decodeClientFrame(`{"type":"ping",${members},}`)],
  [
    "a publish request",
    () => parsePublishRequest(parseObject(`{${members},"channel":"a","data":${object}}`, knownPublishFields)),
  ],
  ["a schedule", () => schedule(`{"every_s":60,"publish":{"channel":"a","data":${object},${members}}}`)],
  ["a message as the whole body", () => checkData(`[${object},${list}]`)],
  [
    "items of a batch",
    () => pushBatch({ hub: undefined } as never, callWith(`[${object},{"user_id":${list},"data":${object}},${list}]`)),
  ],
  [
    "the header of a token",
    () => tokens.verify(`${base64url(`{"alg":"HS256",${members}}`)}.e30.AAAA`).catch(() => undefined),
  ],
  ["the claims of a forged token", async () => tokens.verify(await forged()).catch(() => undefined)],
])("%s: no name that the sender chose is given to JSON.parse", async (_, feed) => {
  using parse = spyOn(JSON, "parse");
  await Promise.resolve()
    .then(feed)
    .catch(() => undefined);
  const texts = parse.mock.calls.map(([text]) => String(text));
  expect(
    texts.filter((text) => text.includes(colliding) || /uacc9/i.test(text)).map((text) => text.slice(0, 200)),
  ).toEqual([]);
});

const secret = "a secret of more than 32 bytes, for this test";
const tokens = makeTokenVerifier({ secret, publicKey: undefined, jwksUrl: undefined }) as never as {
  verify(token: string): Promise<unknown>;
};

async function forged(): Promise<string> {
  const [header, , signature] = (
    await makeToken({ secret, sub: "u1", subscribe: [], publish: [], expiresInS: 60 })
  ).split(".");
  return `${header}.${base64url(object)}.${signature}`;
}

function schedule(text: string) {
  return parseScheduleRequest(parseObject(text, knownScheduleFields, 2), text);
}

function callWith(body: string) {
  return { body, query: new URLSearchParams(), account: { charge: () => undefined } } as never;
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
