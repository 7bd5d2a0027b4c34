import { expect } from "bun:test";
import { freePort } from "../../scripts/free-port.js";
import { RawSocket } from "../e2e/raw-socket.ts";
import { startServer } from "../e2e/server.ts";
import { testIf } from "../test-if.ts";
import { turn, until } from "../waiting.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Undefined if nothing listened or the connection broke. Then a client retries. */
async function ask(port: number, path: string): Promise<Answer | undefined> {
  try {
    using socket = await RawSocket.connect(port);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:5173\r\n\r\n`);
    await socket.until(() => socket.isEnded || /\r\n\r\n[\s\S]*\}/.test(socket.received));
    const [, status, text = ""] = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n([\s\S]*)$/.exec(socket.received) ?? [];
    return status === undefined ? undefined : { status: Number(status), text };
  } catch {
    return undefined;
  }
}

testIf(process.platform === "linux", "workers need Linux")(
  "every stream is answered with 200, from the first connection that a starting server with workers accepts",
  async () => {
    const port = await freePort();
    const streams: (Answer | undefined)[] = [];
    const others: (Answer | undefined)[] = [];
    let isStarting = true;
    const asking = Array.from({ length: 4 }, async (_, at) => {
      while (isStarting) {
        streams.push(await ask(port, "/sse?channel=a"));
        if (at === 0) others.push(await ask(port, "/v1/channels"));
        await turn();
      }
    });
    await using _server = await startServer({ flags: ["--workers", "3", "--port", String(port)] });
    const before = streams.length;
    await until(() => streams.length >= before + 20, "the workers were asked");
    isStarting = false;
    await Promise.all(asking);
    const answered = streams.filter((it) => it !== undefined);
    const isRight = ({ status, text }: Answer) =>
      status === 200 && /retry: \d+\nevent: system\ndata: \{.*"event":"(closing|welcome)"/.test(text);
    expect(answered.filter((it) => !isRight(it))).toEqual([]);
    // They connected while the server was starting, and after.
    for (const event of ["the server is starting", '"event":"welcome"']) {
      expect(answered.some(({ text }) => text.includes(event))).toBe(true);
    }
    const isTold = ({ status, text }: Answer) =>
      status === 200 || (status === 503 && text.includes('"code":"starting"'));
    expect(others.filter((it) => it !== undefined && !isTold(it))).toEqual([]);
  },
);
