// A receiver for hooks and webhooks that verifies each signature. Needs nothing but Node (or Bun).
//
//   HOOK_SECRET=whsec_… node examples/webhooks/receiver.mjs 9000

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from((process.env.HOOK_SECRET ?? "").replace(/^whsec_/, ""), "base64");
if (key.length < 24) throw new Error("Set HOOK_SECRET to the same secret that the server has");
const toleranceS = 5 * 60;
const maxBytes = 1024 * 1024;

/** The ids of the last events, because an event may arrive more than once. Use your database for this. */
const seen = new Set();

const server = createServer(async (request, response) => {
  const body = await readBody(request);
  if (body === undefined) return response.writeHead(413).end();
  if (!isSigned(request.headers, body)) return response.writeHead(400).end("wrong signature");
  const { type, timestamp, data } = JSON.parse(body);
  if (type === "connect" || type === "subscribe") {
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify(decide(type, data)));
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) console.log(`${timestamp} ${type} ${JSON.stringify(data)}`);
  seen.add(id);
  if (seen.size > 10_000) seen.delete(seen.values().next().value);
  response.writeHead(204).end();
});

server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => {
  const address = server.address();
  console.log(`Waiting for hooks at http://127.0.0.1:${typeof address === "object" ? address?.port : address}/`);
});

/**
 * Your own rules. The server asks again after `max_age_s`.
 *
 * @param {"connect" | "subscribe"} type
 * @param {{ user_id: string | null, channel: string }} data
 */
function decide(type, { user_id: userId, channel }) {
  if (userId === "mallory") return { allow: false, reason: "this user is banned", max_age_s: 60 };
  if (type === "subscribe" && channel.startsWith("staff:")) return { allow: userId === "alice", max_age_s: 60 };
  return { allow: true, max_age_s: 60 };
}

/**
 * Checks the signature over the exact bytes of the body, and refuses old requests, which could be replayed.
 *
 * @param {import("node:http").IncomingHttpHeaders} headers
 * @param {string} body
 */
function isSigned(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < toleranceS)) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest();
  return String(signatures)
    .split(" ")
    .some((/** @type {string} */ signature) => {
      const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
}

/** @param {import("node:http").IncomingMessage} request */
async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
