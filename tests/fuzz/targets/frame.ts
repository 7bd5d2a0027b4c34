import type { Encoded } from "../../../server/session/wire-form.ts";
import { sseForm } from "../../../server/transport/sse/sse-form.ts";
import { FakeConnection } from "../../fakes/connection.ts";
import { nameOf, TestHub } from "../../fakes/hub.ts";
import { type FuzzTarget, kindOf, must } from "../target.ts";
import { checkEventStream, isWellFormed } from "../texts.ts";

/** A socket that keeps the text of what it is sent. */
class TextConnection extends FakeConnection {
  text = "";

  override send(encoded: Encoded) {
    this.text += encoded.map((part) => (typeof part === "string" ? part : new TextDecoder().decode(part))).join("");
    return super.send(encoded);
  }
}

/** Frames of a client, in a hub where two others listen: a WebSocket and an event stream. One frame per line. */
export async function frameTarget(): Promise<FuzzTarget> {
  const hub = await TestHub.start();
  const stream = new TextConnection(sseForm);
  await hub.connect({ userId: "stream", channels: [nameOf("room")] }, stream);
  return {
    name: "frame",
    seeds: [
      '{"type":"publish","channel":"room","data":{"a":[1,"b"]},"event":"e","id":"i","key":"k","headers":{"h":"v"},"ref":1}',
      '{"type":"message","message":"hi","sender":"Alice"}\nsend_now\nplain text',
      '{"type":"subscribe","channel":"__proto__","since":"earliest"}\n{"type":"unsubscribe","channel":"__proto__"}',
      '{"type":"history","channel":"room","since":{"epoch":"e","offset":1},"limit":5}\n{"type":"presence","channel":"room"}',
      '{"type":"auth","token":"a.b.c"}\n{"type":"ping","ref":"r"}',
      '{"type":"publish","channel":"room","message":"x","echo":false,"ephemeral":true}',
    ],
    words: [
      ...[
        '"type":',
        '"channel":',
        '"room"',
        '"data":',
        '"message":',
        '"event":',
        '"id":',
        '"ref":',
        '"headers":',
        '"key":',
      ],
      ...[
        '"sender":',
        '"since":',
        '"limit":',
        '"publish"',
        '"subscribe"',
        '"history"',
        '"presence"',
        "\n",
        '"ephemeral":true',
      ],
    ],
    async run(input) {
      stream.text = "";
      const { connection, conversation, session } = await hub.connect({ userId: "u1" });
      for (const text of input.split("\n").slice(0, 20)) conversation.receive(text);
      await hub.settle(5);
      checkEventStream(stream.text);
      must(connection.closedWith?.name !== "internal", "no frame causes an internal error");
      const answers = connection.accepted.slice(1);
      for (const { code } of answers) must(code !== "internal", "no answer is an internal error");
      for (const name of session.memberships.names()) must(isWellFormed(name), "a channel has no lone surrogates");
      hub.leave({ connection, conversation, session });
      const kinds = answers.map(({ type, code, message }) => (type === "error" ? kindOf(`${code} ${message}`) : type));
      return `${[...new Set(kinds)].slice(0, 2).join("; ")} ${connection.closedWith?.name ?? ""}`;
    },
    close: () => hub.close(),
  };
}
