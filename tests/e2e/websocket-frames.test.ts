import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Shared } from "../shared.ts";
import { opcode, RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

let server: ServerUnderTest;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer());
});
afterAll(() => shared.close());

const isFinal = 0x80;
const isMasked = 0x80;

/** A masked frame, byte by byte. @param length the second byte without the mask bit, and the bytes of a longer length */
function bytes(first: number, [length = 0, ...more]: readonly number[], payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([first, isMasked | length, ...more, 0, 0, 0, 0]), payload]);
}

const text = (content: string, first = isFinal | opcode.text) => bytes(first, [content.length], Buffer.from(content));
const closing = (...payload: readonly number[]) =>
  bytes(isFinal | opcode.close, [payload.length], Buffer.from(payload));

/** RFC 6455 §5 and §7.4: what a server must not accept, and the code that says why. */
describe("a connection is closed by a frame", () => {
  test.each([
    ["that is a ping in fragments", bytes(opcode.ping, [0]), 1002],
    ["that is a close in fragments", bytes(opcode.close, [0]), 1002],
    ["with the second reserved bit", text("a", 0xa1), 1002],
    ["with the third reserved bit", text("a", 0x91), 1002],
    ["with a reserved opcode of data", text("a", 0x87), 1002],
    ["with a reserved opcode of control", bytes(0x8f, [0]), 1002],
    ["that begins a message within another", Buffer.concat([text("a", opcode.text), text("b")]), 1002],
    ["that is a pong of 126 bytes", bytes(isFinal | opcode.pong, [126, 0, 126], Buffer.alloc(126)), 1002],
    ["that is a ping with a long form of its length", bytes(isFinal | opcode.ping, [126, 0, 5], Buffer.alloc(5)), 1002],
    ["that claims to have 2^63 bytes", bytes(isFinal | opcode.text, [127, 0x80, 0, 0, 0, 0, 0, 0, 0]), 1009],
    ["that claims to have 2^64 - 1 bytes", bytes(isFinal | opcode.text, [127, ...Buffer.alloc(8, 0xff)]), 1009],
    ["with a character above U+10FFFF", bytes(0x81, [4], Buffer.from([0xf4, 0x90, 0x80, 0x80])), 1007],
    ["with an overlong encoding", bytes(0x81, [2], Buffer.from([0xc0, 0xaf])), 1007],
    [
      "with bad UTF-8 in its last fragment",
      Buffer.concat([text("a", opcode.text), bytes(isFinal, [1], Buffer.from([0xff]))]),
      1007,
    ],
    ["that closes with 999", closing(0x03, 0xe7), 1002],
    ["that closes with 1005, which is never sent", closing(0x03, 0xed), 1002],
    ["that closes with 1006, which is never sent", closing(0x03, 0xee), 1002],
    ["that closes with 5000", closing(0x13, 0x88), 1002],
    ["that closes with a reason that is not UTF-8", closing(0x03, 0xe8, 0xff), 1007],
    ["that is an unmasked ping", Buffer.from([0x89, 0]), 1002],
    ["that is an unmasked close", Buffer.from([0x88, 0]), 1002],
    ["that closes with 1000", closing(0x03, 0xe8), 1000],
    ["that closes with 4999", closing(0x13, 0x87), 4999],
    ["that closes without a code", closing(), 1005],
  ])("%s", async (_, sent, code) => {
    using raw = await RawWebSocket.open(server.port, "/ws");
    raw.socket.write(sent);
    expect(await raw.untilClosed()).toBe(code);
    await raw.socket.untilEnded();
  });
});
